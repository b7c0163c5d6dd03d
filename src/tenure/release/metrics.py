"""Metrics of a model on labelled rows, each with its 95 % interval, and the paired comparison of two models.

Needs numpy alone. Everything is a closed form over the rows: no resampling, so no seed, and the same bits
again.

Intervals: ROC-AUC by DeLong and PR-AUC by the infinitesimal jackknife, both on the logit scale (inside 0..1
and better covering near the ends; for PR-AUC see Boyd, Eng and Page 2013, ECML PKDD) and with Student's t for few rows
of a class; accuracy, precision, recall and F1 by Wilson's score interval (of several classes: joined); log loss,
Brier, RMSE and MAE by Hall's transformation of the t statistic, because losses are skewed; R2 on the scale
of log(1 - R2); calibration error by bounds that hold whatever the true error is.
benchmarks/interval_coverage.py measures them.

Rows may be weighted: each metric is then that of the weighted rows. Proportions count as many rows as equal
weights would need for the same precision, the effective sample size of Kish (1965), "Survey Sampling".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate, Task
from tenure.release.bounds import (
    NO_ERROR,
    effective_rows,
    freedom_of,
    logit_interval,
    mean_interval,
    mean_share,
    r2_interval,
    share,
    t95,
    wilson,
)
from tenure.release.calibration_gap import gap_of_bins
from tenure.release.decide import Thresholds
from tenure.release.influence import (
    Floats,
    Influence,
    binary_influence,
    brier_losses,
    log_losses,
    multiclass_influence,
    regression_influence,
    standard_error,
)

HIGHER_IS_BETTER: dict[str, bool] = {
    "roc_auc": True,
    "pr_auc": True,
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
    "rmse": False,
    "mae": False,
    "r2": True,
}
"""Every metric's name, and whether a larger value is a better one."""

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": (
        "roc_auc",
        "pr_auc",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier",
        "calibration_error",
    ),
    "multiclass": (
        "roc_auc",
        "pr_auc",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier",
        "calibration_error",
    ),
    "regression": ("rmse", "mae", "r2"),
}
"""The metrics of each task, in the order they are shown."""

NEED_TWO_CLASSES = ("roc_auc", "pr_auc")
SHARES = ("roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1")
"""Metrics that end at 0 and 1."""


def metrics_for(
    task: Task,
    y: ArrayLike,
    scores: ArrayLike,
    threshold: Thresholds | None = None,
    weight: ArrayLike | None = None,
) -> dict[str, Estimate]:
    """Return every metric of the task on these rows.

    y: shape (n,), the class index (binary: 1 is the positive class) or the number.  scores: for classes the
    probabilities, shape (n, k), or (n,) of the positive class; for regression the predictions, shape (n,)
    or (n, 1).
    threshold: binary only; the positive class is predicted at or above it, one number or one a row; None is 0.5.
    weight: shape (n,), > 0, of any scale; None: every row counts the same.

    >>> metrics_for("regression", [1.0, 2.0, 3.0], [1.0, 2.0, 4.0])["mae"].value
    0.3333333333333333
    """
    if task == "regression":
        return regression_metrics(y, np.asarray(scores, dtype=np.float64).reshape(-1), weight)
    return classification_metrics(y, scores, 0.5 if threshold is None else threshold, weight)


def classification_metrics(
    y: ArrayLike, probabilities: ArrayLike, threshold: Thresholds = 0.5, weight: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Return the metrics of a classifier; more than two classes are macro-averaged, one against the rest.

    Metrics that have no value on these rows are left out: ROC-AUC and PR-AUC where only one class occurs.
    The Brier score is of the positive class for two classes and summed over the classes for more.
    calibration_error is the plain expected calibration error in 10 bins of equal size (of the positive
    class, or of
    the predicted one): its value is biased upward, its interval is not.  Raises ValueError if shapes
    disagree.
    """
    labels, p = _classes(y, probabilities)
    w = _weights(weight, len(labels))
    found: dict[str, Estimate] = {}
    for metric in METRICS["binary"]:
        if metric == "calibration_error":
            found[metric] = gap_of_bins(labels, p, w)
        elif metric not in NEED_TWO_CLASSES or len(np.unique(labels)) > 1:
            found[metric] = _classification_estimate(metric, labels, p, threshold, w)
    return found


def regression_metrics(
    y: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Return RMSE, MAE and R2 of predicted numbers; R2 is left out where y is constant."""
    actual, guess = _numbers(y, predicted)
    w = _weights(weight, len(actual))
    mean_square = mean_interval(np.square(actual - guess), w)
    found = {
        "rmse": Estimate(
            *(float(np.sqrt(max(v, 0.0))) for v in (mean_square.value, mean_square.low, mean_square.high))
        ),
        "mae": mean_interval(np.abs(actual - guess), w),
    }
    if np.ptp(actual) > 0:
        found["r2"] = r2_interval(regression_influence("r2", actual, guess, w))
    return found


def metric_value(
    task: Task,
    y: ArrayLike,
    scores: ArrayLike,
    metric: str,
    threshold: Thresholds | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """Return one metric without its interval. Raises ValueError for a metric that the task does not have."""
    return influence_for(task, y, scores, metric, threshold, weight).value


def compare(
    task: Task,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: str,
    *,
    thresholds: tuple[Thresholds, Thresholds] = (0.5, 0.5),
    weight: ArrayLike | None = None,
) -> Estimate:
    """Return how much better b is than a on the same rows; positive: b is better, in the metric's own unit.

    a, b: scores as metrics_for takes them.  thresholds: of a and of b, binary only.  The interval is
    paired: what
    is hard for both models cancels. For ROC-AUC it is DeLong's. A model without an error is as unsure as its own
    interval says.  Raises ValueError for calibration_error
    and for
    metrics without a value on these rows.

    >>> compare("binary", [0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], [0.1, 0.2, 0.8, 0.9], "roc_auc").value
    0.25
    """
    first = influence_for(task, y, a, metric, thresholds[0], weight)
    second = influence_for(task, y, b, metric, thresholds[1], weight)
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    difference = sign * (second.value - first.value)
    rows = second.rows - first.rows
    freedom = len(rows) - 1.0 if task == "regression" else freedom_of(rows, _classes(y, a)[0])
    margin = t95(freedom) * standard_error(rows)
    found = Estimate(difference, difference - margin, difference + margin)
    if not is_faultless(metric, first, second) or np.array_equal(a, b):
        return found
    own = [metrics_for(task, y, p, cut, weight)[metric] for p, cut in zip((a, b), thresholds, strict=True)]
    return with_faultless(found, *own)


def is_faultless(metric: str, *models: Influence) -> bool:
    """Whether one of the models makes no error, so that no row's influence tells how sure that is."""
    return metric in SHARES and any(model.value >= NO_ERROR for model in models)


def with_faultless(found: Estimate, a: Estimate, b: Estimate) -> Estimate:
    """A difference whose interval misses the error of models without any: their own intervals' reach is joined to it.

    found: b's value less a's.  a, b: the values with their own intervals, not paired.  By the method of variance
    estimates recovery, Zou and Donner (2008), as if the two were independent: rather too wide.

    >>> with_faultless(Estimate(0.5, 0.5, 0.5), Estimate(0.5, 0.5, 0.5), Estimate(1.0, 0.75, 1.0))
    Estimate(value=0.5, low=0.25, high=0.5)
    """
    below, above = found.value - found.low, found.high - found.value
    for one, down, up in ((b, b.value - b.low, b.high - b.value), (a, a.high - a.value, a.value - a.low)):
        if one.value >= NO_ERROR:
            below, above = float(np.hypot(below, down)), float(np.hypot(above, up))
    return Estimate(found.value, found.value - below, found.value + above)


def influence_for(
    task: Task,
    y: ArrayLike,
    scores: ArrayLike,
    metric: str,
    threshold: Thresholds | None = None,
    weight: ArrayLike | None = None,
) -> Influence:
    """Return one metric and the influence of each row on it. Raises ValueError as compare does."""
    if metric not in METRICS[task] or metric == "calibration_error":
        raise ValueError(f"{metric!r} is not a metric of rows for {task}; there are {METRICS[task]}")
    if task == "regression":
        actual, guess = _numbers(y, scores)
        return regression_influence(metric, actual, guess, _weights(weight, len(actual)))
    labels, p = _classes(y, scores)
    w = _weights(weight, len(labels))
    if metric in NEED_TWO_CLASSES and len(np.unique(labels)) < 2:
        raise ValueError(f"{metric!r} has no value where only one class occurs")
    if p.shape[1] == 2:
        return binary_influence(metric, labels, p, 0.5 if threshold is None else threshold, w)
    return multiclass_influence(metric, labels, p, w)


def calibration_error(
    y: ArrayLike,
    probabilities: ArrayLike,
    weight: ArrayLike | None = None,
    codes: NDArray[np.int64] | None = None,
) -> Estimate:
    """Return the expected calibration error, as classification_metrics has it.

    codes: shape (n,), the number of each row's group from 0, whose rows err together; None: each row errs alone.
    """
    labels, p = _classes(y, probabilities)
    return gap_of_bins(labels, p, _weights(weight, len(labels)), codes)


def _classes(y: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    labels = np.asarray(y, dtype=np.float64).reshape(-1).astype(np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim == 1 or p.shape[1] == 1:
        flat = p.reshape(-1)
        p = np.column_stack([1.0 - flat, flat])
    if len(labels) != len(p) or len(labels) == 0:
        raise ValueError(
            f"{len(labels)} labels for {len(p)} rows of probabilities; both need one a row, at least one"
        )
    return labels, p


def _weights(weight: ArrayLike | None, n: int) -> Floats:
    """Weights of mean 1, shape (n,). Raises ValueError unless there is one a row, above 0."""
    if weight is None:
        return np.ones(n)
    given = np.asarray(weight, dtype=np.float64).reshape(-1)
    if len(given) != n or not (np.all(given > 0.0) and np.all(np.isfinite(given))):
        raise ValueError(f"{n} rows need as many weights, all above 0")
    return np.asarray(given * (n / np.sum(given)))


def _numbers(y: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    actual = np.asarray(y, dtype=np.float64).reshape(-1)
    guess = np.asarray(predicted, dtype=np.float64).reshape(-1)
    if len(actual) != len(guess) or len(actual) == 0:
        raise ValueError(
            f"{len(actual)} values for {len(guess)} predictions; both need one a row, at least one"
        )
    return actual, guess


def _classification_estimate(  # noqa: PLR0911 -- one return a metric
    metric: str, y: NDArray[np.int64], p: Floats, threshold: Thresholds, w: Floats
) -> Estimate:
    if metric == "log_loss":
        return mean_interval(log_losses(y, p), w)
    if metric == "brier":
        return mean_interval(brier_losses(y, p), w)
    if p.shape[1] > 2:
        influence = multiclass_influence(metric, y, p, w)
        if metric == "accuracy":
            return wilson(influence.value, effective_rows(w))
        if metric in ("precision", "recall"):
            return mean_share(
                influence.value, y, np.argmax(p, axis=1), w, by_prediction=metric == "precision"
            )
        rarest = int(np.min(np.unique(y, return_counts=True)[1]))
        return logit_interval(influence, rarest, freedom_of(influence.rows, y))
    actual, predicted = y == 1, p[:, 1] >= threshold
    hits = actual & predicted
    if metric == "accuracy":
        return share(actual == predicted, np.ones(len(y), dtype=bool), w)
    if metric == "precision":
        return share(hits, predicted, w)
    if metric == "recall":
        return share(hits, actual, w)
    if metric == "f1":
        # F1 = 2 j / (1 + j) of Jaccard's j = TP / (TP + FP + FN), a proportion of the rows that count.
        jaccard = share(hits, actual | predicted, w)
        return Estimate(*(2.0 * j / (1.0 + j) for j in (jaccard.value, jaccard.low, jaccard.high)))
    rarer = int(min(np.sum(actual), np.sum(~actual)))
    influence = binary_influence(metric, y, p, threshold, w)
    return logit_interval(influence, rarer, freedom_of(influence.rows, y))
