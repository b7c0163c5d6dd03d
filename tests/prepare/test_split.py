"""Parts and folds keep the shares, the order of time, and groups whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import TargetError
from tenure.prepare.split import assign_parts, folds

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
@pytest.mark.parametrize("by_time", [False, True])
def test_groups_never_straddle(n_groups: int, by_time: bool) -> None:
    n = 30_000
    y = (RANDOM.random(n) < 0.2).astype(float)
    group = RANDOM.integers(0, n_groups, n).astype(str)
    time = RANDOM.random(n) if by_time else None
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=group, time=time)
    for part in range(3):
        assert not set(group[parts == part]) & set(group[parts != part])
    np.testing.assert_allclose(np.bincount(parts) / n, [0.6, 0.2, 0.2], atol=0.05)
    for train, valid in folds(y, 3, seed=0, group=group):
        assert not set(group[train]) & set(group[valid])


def test_a_missing_group_is_a_group_of_its_own() -> None:
    y = np.array([0.0, 1.0] * 20)
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, group=[None] * 40)
    assert len(set(parts)) == 3


def test_a_class_missing_from_training_is_refused() -> None:
    y = np.array([0.0] * 50 + [1.0] * 10)
    with pytest.raises(TargetError, match="class number 1"):
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
