"""Realised performance against the release."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.monitor.performance import judge_metric, measure_performance
from tenure.records import Estimate
from tenure.release.metrics import metrics_for

CLASSES = ("no", "yes")


def outcomes(n: int, seed: int, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the scores of a model whose ranking is worth `weight`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-weight * x))).astype(float)
    return y, 1 / (1 + np.exp(-2.0 * x))


def test_a_worse_world_is_noticed_and_an_equal_one_is_not() -> None:
    released = metrics_for("binary", *outcomes(2000, 0, 2.0))
    same = measure_performance("binary", *outcomes(1000, 1, 2.0), released, "roc_auc", classes=CLASSES)
    assert same.problem is None
    assert same.worse == ()
    assert [change.metric for change in same.judged] == ["roc_auc", "log_loss"]
    assert sum(same.by_class.values()) == same.n_outcomes == same.n_predictions == 1000
    worse = measure_performance("binary", *outcomes(1000, 2, 1.0), released, "roc_auc", classes=CLASSES)
    assert {change.metric for change in worse.worse} == {"roc_auc", "log_loss"}
    assert "worse by more than noise" in worse.worse[0].text
    assert worse.realised["roc_auc"].value < released["roc_auc"].low


def test_unchanged_models_are_rarely_called_worse() -> None:
    called = 0
    for seed in range(200):
        released = metrics_for("binary", *outcomes(800, 1000 + seed, 2.0))
        found = measure_performance("binary", *outcomes(400, 5000 + seed, 2.0), released, "roc_auc")
        called += bool(found.worse)
    assert called / 200 <= 0.025 + 3 * (0.025 * 0.975 / 200) ** 0.5


def test_better_is_not_worse() -> None:
    released = metrics_for("binary", *outcomes(2000, 0, 1.0))
    assert not measure_performance("binary", *outcomes(2000, 1, 2.0), released, "roc_auc").worse


@pytest.mark.parametrize(
    ("y", "problem"),
    [
        (np.array([]), "0 outcomes have arrived, 50 are needed to judge"),
        (np.ones(20), "20 outcomes have arrived, 50 are needed to judge"),
        (
            np.r_[np.zeros(200), np.ones(3)],
            "too few outcomes of a class to judge, 10 are needed of each: 'yes' 3",
        ),
    ],
)
def test_too_few_outcomes_are_not_judged(y: np.ndarray, problem: str) -> None:
    released = {"roc_auc": Estimate(0.9, 0.88, 0.92)}
    report = measure_performance("binary", y, np.full(len(y), 0.5), released, "roc_auc", classes=CLASSES)
    assert (report.problem, report.judged, report.worse) == (problem, (), ())


def test_regression_is_judged_by_its_own_metric() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    released = metrics_for("regression", y, y + rng.normal(0, 0.5, 300))
    report = measure_performance("regression", y, y + rng.normal(0, 1.0, 300), released, "rmse")
    assert [change.metric for change in report.worse] == ["rmse"]
    assert report.by_class == {}


def test_a_metric_that_the_release_lacks_is_a_problem() -> None:
    y, scores = outcomes(200, 0, 2.0)
    report = measure_performance("binary", y, scores, {}, "roc_auc", classes=CLASSES)
    assert report.problem == "roc_auc is not among the metrics of the release"


def test_noise_of_both_sides_counts() -> None:
    sharp, vague = Estimate(0.85, 0.84, 0.86), Estimate(0.85, 0.70, 0.95)
    assert judge_metric("roc_auc", sharp, Estimate(0.80, 0.79, 0.81)).worse
    assert not judge_metric("roc_auc", vague, Estimate(0.80, 0.79, 0.81)).worse
    assert judge_metric("log_loss", Estimate(0.4, 0.39, 0.41), Estimate(0.5, 0.48, 0.52)).worse
