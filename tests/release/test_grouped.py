"""Intervals with groups are those of whole groups."""

from __future__ import annotations

import numpy as np

from tenure.release.grouped import compared, measured
from tenure.release.metrics import compare, metrics_for


def grouped_rows(seed: int, n_groups: int = 60, size: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), size)
    shift = rng.normal(0, 1, n_groups)[group]
    y = rng.normal(0, 1, len(group)) + shift
    return y, rng.normal(0, 0.1, len(group)), group


def test_intervals_are_wider_where_rows_of_a_group_are_alike_and_cover():
    hits, alone = 0, 0
    for seed in range(40):
        y, guess, group = grouped_rows(seed)
        own, plain = (
            measured("regression", y, guess, group=group)["rmse"],
            metrics_for("regression", y, guess)["rmse"],
        )
        truth = np.sqrt(2.01)
        hits += own.low <= truth <= own.high
        alone += plain.low <= truth <= plain.high
        assert own.low <= plain.low <= own.value <= plain.high <= own.high
    assert hits >= 34
    assert hits > alone


def test_rows_of_their_own_are_as_without_groups():
    y, guess, _ = grouped_rows(0)
    assert measured("regression", y, guess, group=np.arange(len(y))) == metrics_for("regression", y, guess)
    ours, theirs = (f("regression", y, guess, y, "mae") for f in (compared, compare))
    assert np.allclose([ours.value, ours.low, ours.high], [theirs.value, theirs.low, theirs.high])
