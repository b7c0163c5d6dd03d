"""Parts and folds keep the shares, the order of time, and groups whole."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import TargetError
from tenure.prepare.split import LEFT_OUT, assign_parts, folds

RANDOM = np.random.default_rng(0)
Y = (RANDOM.random(1000) < 0.2).astype(float)


def shares_of(parts: np.ndarray, y: np.ndarray, label: float) -> np.ndarray:
    return np.bincount(parts[y == label], minlength=3) / (y == label).sum()


def test_stratified_parts_keep_the_shares_of_each_class() -> None:
    parts = assign_parts(Y, validation=0.2, test=0.1, seed=1)
    assert parts.dtype == np.int8
    for label in (0.0, 1.0):
        np.testing.assert_allclose(shares_of(parts, Y, label), [0.7, 0.2, 0.1], atol=0.01)
    np.testing.assert_array_equal(parts, assign_parts(Y, validation=0.2, test=0.1, seed=1))
    assert (parts != assign_parts(Y, validation=0.2, test=0.1, seed=2)).any()


def test_parts_are_the_same_for_ever() -> None:
    y = np.array([0, 1] * 8, dtype=float)
    assert assign_parts(y, validation=0.25, test=0.25, seed=0).tolist() == EVER


EVER = [0, 0, 1, 2, 2, 0, 0, 1, 0, 0, 0, 0, 2, 2, 1, 1]


def test_regression_parts_have_alike_targets() -> None:
    y = RANDOM.lognormal(size=2000)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0)
    medians = [np.median(y[parts == part]) for part in range(3)]
    assert np.ptp(medians) < 0.1 * medians[0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 5))
def test_every_class_has_a_training_row(labels: list[int], seed: int) -> None:
    y = np.array(labels, dtype=float)
    parts = assign_parts(y, validation=0.3, test=0.3, seed=seed, task="multiclass")
    assert set(y[parts == 0]) == set(y)
    assert abs((parts == 2).sum() - 0.3 * len(y)) <= 4


def test_later_rows_go_to_later_parts_and_one_time_stays_together() -> None:
    time = RANDOM.integers(0, 40, len(Y)).astype(float)
    parts = assign_parts(Y, validation=0.2, test=0.2, seed=0, time=time)
    assert time[parts == 0].max() < time[parts == 1].min()
    assert time[parts == 1].max() < time[parts == 2].min()
    assert abs((parts == 2).mean() - 0.2) < 0.04
    with pytest.raises(TargetError, match="too few different times"):
        assign_parts(Y, validation=0.2, test=0.2, seed=0, time=np.zeros(len(Y)))


@pytest.mark.parametrize("n_groups", [60, 20_000])
def test_groups_never_straddle(n_groups: int) -> None:
    n = 30_000
    y = (RANDOM.random(n) < 0.2).astype(float)
    group = RANDOM.integers(0, n_groups, n).astype(str)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group)
    assert straddling(parts, group) == 0
    np.testing.assert_allclose(np.bincount(parts) / n, [0.6, 0.2, 0.2], atol=0.03)
    rates = [y[parts == part].mean() for part in range(3)]
    assert np.ptp(rates) < 0.025
    for train, valid in folds(y, 3, seed=0, group=group):
        assert not set(group[train]) & set(group[valid])


def straddling(parts: np.ndarray, group: np.ndarray) -> int:
    """How many groups have rows in two parts, those left out not counted."""
    kept = parts != LEFT_OUT
    pairs = {(g, p) for g, p in zip(group[kept].tolist(), parts[kept].tolist(), strict=True)}
    return len(pairs) - len({g for g, _ in pairs})


@st.composite
def grouped_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Targets, groups, clusters and times of up to 200 rows: few or many groups, short or long in time."""
    n = draw(st.integers(10, 200))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    group = random.integers(0, draw(st.integers(1, n)), n)
    span = draw(st.sampled_from([0, 1, 1000]))
    time = group * draw(st.sampled_from([0, 10])) + random.integers(0, span + 1, n)
    cluster = np.where(random.random(n) < 0.8, np.arange(n), random.integers(0, n, n))
    y = random.integers(0, 2, n).astype(float)
    return y, group, cluster, np.where(random.random(n) < 0.02, np.nan, time.astype(float))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(grouped_rows(), st.integers(0, 3), st.booleans(), st.booleans(), st.booleans())
def test_what_is_promised_holds_for_any_rows(
    rows: tuple[np.ndarray, ...], seed: int, by_time: bool, by_cluster: bool, strict: bool
) -> None:
    y, group, cluster, time = rows
    given_rows = {
        "group": group,
        "time": time if by_time else None,
        "cluster": cluster if by_cluster else None,
        "strict": strict,
    }
    try:
        parts = assign_parts(y, validation=0.25, test=0.25, seed=seed, task="regression", **given_rows)
    except TargetError:
        assert by_time  # too few different times
        return
    assert parts.dtype == np.int8
    assert straddling(parts, group) == 0
    assert not by_cluster or straddling(parts, cluster) == 0
    if by_time:
        when = np.where(np.isnan(time), -np.inf, time)
        trained, test = when[np.isin(parts, (0, 1))], when[parts == 2]
        one_time = len(np.unique(when)) == 1
        assert not strict or one_time or not len(trained) or not len(test) or trained.max() < test.min()
        assert one_time or when.min() < test.min(initial=np.inf)  # never the first moment
    else:
        assert not (parts == LEFT_OUT).any()
    np.testing.assert_array_equal(
        parts, assign_parts(y, validation=0.25, test=0.25, seed=seed, task="regression", **given_rows)
    )


@pytest.mark.parametrize(("n_cutoffs", "least_kept"), [(2, 0.35), (6, 0.5), (24, 0.5)])
def test_a_panel_keeps_both_promises_and_the_shares(n_cutoffs: int, least_kept: float) -> None:
    customers = 6000
    group = np.repeat(np.arange(customers), n_cutoffs)
    time = np.tile(np.arange(n_cutoffs, dtype=float), customers)
    y = (RANDOM.random(len(group)) < 0.2).astype(float)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group, time=time)
    assert straddling(parts, group) == 0
    assert time[np.isin(parts, (0, 1))].max() < time[parts == 2].min()
    kept = np.bincount(parts[parts != LEFT_OUT]) / (parts != LEFT_OUT).sum()
    np.testing.assert_allclose(kept, [0.6, 0.2, 0.2], atol=0.01)
    assert (parts != LEFT_OUT).mean() > least_kept


@pytest.mark.parametrize(
    ("n_cutoffs", "n_tested", "left_out"), [(2, 1, 0.1), (4, 1, 0.15), (10, 2, 0.16), (36, 8, 0.16)]
)
def test_a_panel_that_is_kept_loses_the_early_rows_of_test_groups_only(
    n_cutoffs: int, n_tested: int, left_out: float
) -> None:
    customers = 6000
    group = np.repeat(np.arange(customers), n_cutoffs)
    time = np.tile(np.arange(n_cutoffs, dtype=float), customers)
    y = (RANDOM.random(len(group)) < 0.2).astype(float)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group, time=time, strict=False)
    assert straddling(parts, group) == 0
    assert sorted(set(time[parts == 2])) == list(range(n_cutoffs - n_tested, n_cutoffs))
    assert (parts == LEFT_OUT).mean() == pytest.approx(left_out, abs=0.005)
    # every group is in one part, and all rows of those that are trained on stay
    share = [len(np.unique(group[parts == part])) / customers for part in range(3)]
    np.testing.assert_allclose(share, [0.6, 0.2, 0.2], atol=0.01)
    assert np.isin(parts, (0, 1)).sum() == pytest.approx(0.8 * len(group), rel=0.01)


def test_groups_that_are_short_in_time_go_by_time_and_lose_little() -> None:
    group = RANDOM.integers(0, 3000, 12_000)
    time = group * 10.0 + RANDOM.integers(0, 30, len(group))
    y = (RANDOM.random(len(group)) < 0.2).astype(float)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group, time=time)
    assert 0 < (parts == LEFT_OUT).mean() < 0.01
    assert time[parts == 0].max() < time[parts == 1].min()
    assert time[parts == 1].max() < time[parts == 2].min()


def test_one_cutoff_is_split_by_group_alone() -> None:
    group, y = np.arange(1000) // 2, Y
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group, time=np.full(1000, 7.0))
    np.testing.assert_array_equal(parts, assign_parts(y, validation=0.2, test=0.2, seed=0, group=group))


def test_near_duplicates_stay_together_and_pull_their_groups_along() -> None:
    cluster = np.arange(1000)
    cluster[10], cluster[20] = 0, -1
    group = np.arange(1000)
    group[20] = 10  # 0 ~ 10 by cluster, 10 ~ 20 by group
    for seed in range(20):
        parts = assign_parts(Y, validation=0.3, test=0.3, seed=seed, group=group, cluster=cluster)
        assert parts[0] == parts[10] == parts[20]
    cluster[100:] = -1  # rows of their own
    alone = assign_parts(Y, validation=0.3, test=0.3, seed=0, cluster=cluster)
    assert alone[0] == alone[10]
    assert len(set(alone[100:])) == 3


def test_grouped_parts_are_the_same_for_ever() -> None:
    y, group = np.array([0, 1] * 8, dtype=float), np.arange(16) // 2
    assert assign_parts(y, validation=0.25, test=0.25, seed=0, group=group).tolist() == EVER_BY_GROUP
    time = np.arange(16) % 2
    found = assign_parts(y, validation=0.25, test=0.25, seed=0, group=group, time=time, task="regression")
    assert found.tolist() == EVER_BY_BOTH
    many = np.arange(20_000) // 2
    parts = assign_parts(np.zeros(20_000), validation=0.25, test=0.25, seed=0, group=many)
    assert hashlib.sha256(parts.tobytes()).hexdigest()[:16] == EVER_BY_MANY


EVER_BY_GROUP = [1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0]
EVER_BY_BOTH = [1, -1, -1, 2, 1, -1, 0, -1, 0, -1, -1, 2, 0, -1, 0, -1]
EVER_BY_MANY = "89cab50648de5d28"


def test_a_missing_group_is_a_group_of_its_own() -> None:
    y = np.array([0.0, 1.0] * 20)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=[None] * 40)
    assert len(set(parts)) == 3


def test_a_class_missing_from_training_is_refused() -> None:
    y = np.array([0.0] * 50 + [1.0] * 10)
    with pytest.raises(TargetError, match=r"class number 1 .* it has 10 of 60 rows"):
        assign_parts(y, validation=0.1, test=0.1, seed=0, time=np.arange(60.0))
    with pytest.raises(TargetError, match="without a target"):
        assign_parts(np.array([0.0, np.nan]), validation=0.1, test=0.1, seed=0)


def test_folds_cover_every_row_once() -> None:
    pairs = folds(Y, 5, seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate([valid for _, valid in pairs])), np.arange(len(Y)))
    for train, valid in pairs:
        assert len(np.intersect1d(train, valid)) == 0
        assert abs(Y[valid].mean() - Y.mean()) < 0.01


def test_folds_by_time_train_on_the_past() -> None:
    time = RANDOM.permutation(len(Y)).astype(float)
    pairs = folds(Y, 4, seed=0, time=time)
    sizes = [len(train) for train, _ in pairs]
    assert sizes == sorted(sizes)
    assert all(time[train].max() < time[valid].min() for train, valid in pairs)
    with pytest.raises(TargetError):
        folds(Y[:3], 5, seed=0)


def test_near_duplicates_stay_in_one_part_and_the_strata_hold():
    y = (np.arange(1000) % 4 == 0).astype(float)
    cluster = np.full(1000, -1)
    cluster[[5, 900]], cluster[[6, 7, 8]] = 0, 1
    apart = assign_parts(y, validation=0.2, test=0.2, seed=0)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, cluster=cluster)
    assert parts[5] == parts[900]
    assert len(set(parts[[6, 7, 8]])) == 1
    assert int((parts != apart).sum()) <= 3
