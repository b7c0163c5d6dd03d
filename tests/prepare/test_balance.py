"""Parts are described with intervals that cover, and told apart no more often than chance allows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from tenure.prepare.balance import SIGNIFICANCE, describe_parts
from tenure.prepare.split import assign_parts

RANDOM = np.random.default_rng(0)
CLASSES = ("No", "Yes")


def test_two_classes_have_the_p_value_of_pearsons_test() -> None:
    y, parts = (RANDOM.random(900) < 0.3).astype(float), RANDOM.integers(0, 3, 900)
    table = np.array([[np.sum((parts == p) & (y == c)) for c in (0, 1)] for p in range(3)])
    balance = describe_parts(y, parts, CLASSES)
    assert balance.p == pytest.approx(scipy.stats.chi2_contingency(table, correction=False).pvalue)
    share = balance.parts["test"].target["Yes"]
    wilson = scipy.stats.binomtest(int(table[2, 1]), int(table[2].sum())).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((wilson.low, wilson.high))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "grouped"])
def test_a_fair_split_is_seldom_called_unfair(task: str) -> None:
    p_values = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        parts, group = random.integers(0, 3, 600), None
        y = random.lognormal(size=600)
        if task == "binary":
            y = (y > 2).astype(float)
        if task == "multiclass":
            y = random.integers(0, 4, 600).astype(float)
        if task == "grouped":  # fifteen rows a group, all with one target, and whole groups in a part
            group = np.arange(600) // 15
            y, parts = (random.random(40) < 0.4).astype(float)[group], random.integers(0, 3, 40)[group]
        classes = {"binary": CLASSES, "grouped": CLASSES, "multiclass": tuple("abcd"), "regression": ()}[task]
        p_values.append(describe_parts(y, parts, classes, group).p)
    p = np.array(p_values)
    assert np.mean(p < 0.05) < 0.09
    assert np.mean(p < SIGNIFICANCE) <= 0.01


def test_parts_that_differ_are_told_with_their_numbers() -> None:
    parts = np.repeat([0, 1, 2], [600, 200, 200])
    y = (RANDOM.random(1000) < np.where(parts == 2, 0.5, 0.2)).astype(float)
    warning = describe_parts(y, parts, CLASSES).warnings()[0]
    assert "more than chance" in warning
    assert "test 0." in warning
    assert not describe_parts(y, assign_parts(y, validation=0.2, test=0.2, seed=0), CLASSES).warnings()


def test_rows_left_out_are_counted() -> None:
    balance = describe_parts(np.tile([0.0, 1.0], 50), np.repeat([0, 1, 2, -1], 25), CLASSES)
    assert balance.left_out == 25
    assert "25 of 100 rows (25%)" in balance.warnings()[0]
    assert [facts["rows"] for facts in balance.to_dict().values()] == [25, 25, 25]  # type: ignore[index]


def test_an_empty_part_has_no_target() -> None:
    balance = describe_parts(np.tile([0.0, 1.0], 50), np.repeat([0, 1], 50), CLASSES)
    assert balance.parts["test"].rows == 0
    assert balance.parts["test"].target == {}
    assert balance.p == pytest.approx(1.0)
