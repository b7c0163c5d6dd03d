"""Metrics agree with scikit-learn's; intervals hold their value; comparisons are paired."""

import numpy as np
import pytest
import sklearn.metrics as reference

from tenure.release.grouped import compared
from tenure.release.metrics import (
    HIGHER_IS_BETTER,
    METRICS,
    classification_metrics,
    compare,
    metrics_for,
    regression_metrics,
)


def binary_rows(n: int = 400, seed: int = 0, ties: bool = False):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 1.5)))
    return y, np.round(p, 1) if ties else p


def test_every_metric_has_a_direction():
    assert {metric for metrics in METRICS.values() for metric in metrics} == set(HIGHER_IS_BETTER)


@pytest.mark.parametrize("ties", [False, True])
def test_binary_metrics_equal_scikit_learn(ties):
    y, p = binary_rows(ties=ties)
    hard = p >= 0.4
    found = classification_metrics(y, p, 0.4)
    expected = {
        "roc_auc": reference.roc_auc_score(y, p),
        "pr_auc": reference.average_precision_score(y, p),
        "accuracy": reference.accuracy_score(y, hard),
        "precision": reference.precision_score(y, hard),
        "recall": reference.recall_score(y, hard),
        "f1": reference.f1_score(y, hard),
        "log_loss": reference.log_loss(y, p),
        "brier": reference.brier_score_loss(y, p),
    }
    assert set(found) == set(METRICS["binary"])
    for metric, value in expected.items():
        assert found[metric].value == pytest.approx(value, abs=1e-12), metric
        assert found[metric].low < value < found[metric].high


def test_multiclass_metrics_equal_scikit_learn():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 4, 500).astype(float)
    raw = rng.normal(size=(500, 4)) + 1.5 * np.eye(4)[y.astype(int)]
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    found = metrics_for("multiclass", y, p)
    assert found["roc_auc"].value == pytest.approx(reference.roc_auc_score(y, p, multi_class="ovr"))
    assert found["f1"].value == pytest.approx(reference.f1_score(y, p.argmax(1), average="macro"))
    assert found["precision"].value == pytest.approx(
        reference.precision_score(y, p.argmax(1), average="macro")
    )
    assert found["log_loss"].value == pytest.approx(reference.log_loss(y, p))
    assert found["accuracy"].value == pytest.approx(reference.accuracy_score(y, p.argmax(1)))
    assert all(e.low <= e.value <= e.high for e in found.values())


def test_regression_metrics_equal_scikit_learn():
    rng = np.random.default_rng(2)
    y = rng.normal(size=300)
    guess = y + rng.normal(size=300)
    found = regression_metrics(y, guess)
    assert found["rmse"].value == pytest.approx(reference.root_mean_squared_error(y, guess))
    assert found["mae"].value == pytest.approx(reference.mean_absolute_error(y, guess))
    assert found["r2"].value == pytest.approx(reference.r2_score(y, guess))
    assert all(e.low < e.value < e.high for e in found.values())


def test_one_class_leaves_ranking_metrics_out():
    found = classification_metrics(np.zeros(5), np.full(5, 0.2))
    assert "roc_auc" not in found
    assert "pr_auc" not in found
    assert found["recall"].value == 0.0
    with pytest.raises(ValueError, match="one class"):
        compare("binary", np.zeros(5), np.full(5, 0.2), np.full(5, 0.3), "roc_auc")


def test_perfect_model_is_not_certain():
    y = np.repeat([0.0, 1.0], 20)
    found = classification_metrics(y, np.where(y == 1, 0.9, 0.1))
    assert found["roc_auc"].value == 1.0
    assert found["roc_auc"].low < 0.9
    assert found["accuracy"].low < 1.0


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "accuracy", "f1"])
@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 3.7, 40)])
def test_a_lead_without_an_error_is_not_certain(metric, weight):
    """A perfect model's influences are all zero: without its own interval the lead would have none."""
    y, dummy = np.repeat([0.0, 1.0], 20), np.full(40, 0.5)
    best, also = np.where(y == 1, 0.9, 0.1), np.where(y == 1, 0.8, 0.3)
    own = classification_metrics(y, best, weight=weight)[metric]
    assert own.low < 0.95
    for group in (None, np.arange(40) // 2):
        lead = compared("binary", y, dummy, best, metric, group=group, weight=weight)
        assert lead.low <= lead.value - (own.value - own.low) + 1e-9
        level = compared("binary", y, also, best, metric, group=group, weight=weight)
        assert level.low < -0.05
        assert level.high > 0.05
        same = compared("binary", y, best, best, metric, group=group, weight=weight)
        assert same.low == same.value == same.high == 0.0
    lead = compare("binary", y, dummy, best, metric, weight=weight)
    assert lead.low <= lead.value - (own.value - own.low) + 1e-9


def test_one_row_of_each_class_shows_no_lead():
    assert compare("binary", [0, 1], [0.5, 0.5], [0.2, 0.7], "roc_auc").low < 0.0


def test_single_row_and_constant_target_do_not_fail():
    assert metrics_for("binary", [1.0], [0.7])["accuracy"].value == 1.0
    assert "r2" not in metrics_for("regression", [2.0, 2.0], [1.0, 3.0])
    assert metrics_for("regression", [2.0], [1.0])["mae"].value == 1.0


def test_wrong_shapes_and_names_are_refused():
    with pytest.raises(ValueError, match="2 labels for 3 rows"):
        metrics_for("binary", [0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="not a metric"):
        compare("regression", [1.0], [1.0], [1.0], "roc_auc")


@pytest.mark.parametrize("metric", [m for m in METRICS["binary"] if m != "calibration_error"])
def test_comparison_matches_the_bootstrap(metric):
    y, a = binary_rows(500, seed=3)
    b = np.clip(a + np.random.default_rng(4).normal(size=500) * 0.1, 0.01, 0.99)
    found = compare("binary", y, a, b, metric)
    rng, sign = np.random.default_rng(5), 1 if HIGHER_IS_BETTER[metric] else -1
    resampled = []
    for _ in range(400):
        rows = rng.integers(0, 500, 500)
        values = [classification_metrics(y[rows], p[rows])[metric].value for p in (a, b)]
        resampled.append(sign * (values[1] - values[0]))
    assert (found.high - found.low) / 3.92 == pytest.approx(np.std(resampled), rel=0.2)
    assert found.value == pytest.approx(
        sign * (classification_metrics(y, b)[metric].value - classification_metrics(y, a)[metric].value)
    )


@pytest.mark.parametrize(
    ("task", "metric"),
    [("regression", "rmse"), ("regression", "r2"), ("multiclass", "f1"), ("multiclass", "roc_auc")],
)
def test_a_model_ties_with_itself_and_beats_a_worse_one(task, metric):
    rng = np.random.default_rng(6)
    y = rng.integers(0, 3, 200).astype(float)
    if task == "regression":
        good, bad = y + 0.1 * rng.normal(size=200), y + rng.normal(size=200)
    else:
        good, bad = (np.eye(3)[y.astype(int)] * w + rng.random((200, 3)) for w in (2.0, 0.3))
        good, bad = good / good.sum(1, keepdims=True), bad / bad.sum(1, keepdims=True)
    same = compare(task, y, good, good, metric)
    assert same.low == same.value == same.high == 0.0
    assert compare(task, y, bad, good, metric).low > 0
