"""Intervals with groups are those of whole groups."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.records import Estimate
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


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "precision", "calibration_error"])
def test_intervals_of_few_groups_hold_the_truth(metric: str) -> None:
    """Twenty groups: a bootstrap's percentiles would hold it some 90 % of the time."""
    truth = two_classes(1, 20_000)[metric].value
    held = [e.low <= truth <= e.high for e in (two_classes(seed, 20)[metric] for seed in range(2, 202))]
    assert np.mean(held) >= 0.91  # 95 % of 200, less 2.6 standard errors


def two_classes(seed: int, n_groups: int) -> dict[str, Estimate]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), 10)
    signal, own = rng.normal(size=len(group)), rng.normal(size=n_groups)[group]
    y = rng.random(len(group)) < 1 / (1 + np.exp(-(signal + own - 0.5)))
    return measured("binary", y.astype(float), 1 / (1 + np.exp(-0.8 * signal + 0.4)), 0.5, group)


def test_a_class_that_is_hardly_ever_predicted_widens_the_precision() -> None:
    y = np.repeat([0, 1, 2], 100)
    scores = np.full((300, 3), 0.1)
    scores[np.arange(300), np.where(y == 2, np.arange(300) % 2, y)] = 0.8
    scores[250] = [0.1, 0.1, 0.8]  # the one row that is said to be of the third class, rightly
    found = metrics_for("multiclass", y, scores)["precision"]
    assert found.low < 0.6 < found.value
    assert found.high >= found.value
