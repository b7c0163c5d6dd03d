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

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate, Task
from tenure.release.decide import Thresholds
from tenure.release.influence import (
    Floats,
    Influence,
    binary_influence,
    brier_losses,
    log_losses,
    multiclass_influence,
    of_mean,
    regression_influence,
    standard_error,
)

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""

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
CALIBRATION_BINS = 10


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
            found[metric] = _calibration_error(labels, p, w)
        elif metric not in NEED_TWO_CLASSES or len(np.unique(labels)) > 1:
            found[metric] = _classification_estimate(metric, labels, p, threshold, w)
    return found


def regression_metrics(
    y: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Return RMSE, MAE and R2 of predicted numbers; R2 is left out where y is constant."""
    actual, guess = _numbers(y, predicted)
    w = _weights(weight, len(actual))
    mean_square = _mean_interval(np.square(actual - guess), w)
    found = {
        "rmse": Estimate(
            *(float(np.sqrt(max(v, 0.0))) for v in (mean_square.value, mean_square.low, mean_square.high))
        ),
        "mae": _mean_interval(np.abs(actual - guess), w),
    }
    if np.ptp(actual) > 0:
        found["r2"] = _r2_interval(regression_influence("r2", actual, guess, w))
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
    is hard for both models cancels. For ROC-AUC it is DeLong's.  Raises ValueError for calibration_error
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
    return Estimate(difference, difference - margin, difference + margin)


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
    return _calibration_error(labels, p, _weights(weight, len(labels)), codes)


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
        return _mean_interval(log_losses(y, p), w)
    if metric == "brier":
        return _mean_interval(brier_losses(y, p), w)
    if p.shape[1] > 2:
        influence = multiclass_influence(metric, y, p, w)
        if metric == "accuracy":
            return _wilson(influence.value, effective_rows(w))
        if metric in ("precision", "recall"):
            return _mean_share(
                influence.value, y, np.argmax(p, axis=1), w, by_prediction=metric == "precision"
            )
        rarest = int(np.min(np.unique(y, return_counts=True)[1]))
        return _logit_interval(influence, rarest, freedom_of(influence.rows, y))
    actual, predicted = y == 1, p[:, 1] >= threshold
    hits = actual & predicted
    if metric == "accuracy":
        return _share(actual == predicted, np.ones(len(y), dtype=bool), w)
    if metric == "precision":
        return _share(hits, predicted, w)
    if metric == "recall":
        return _share(hits, actual, w)
    if metric == "f1":
        # F1 = 2 j / (1 + j) of Jaccard's j = TP / (TP + FP + FN), a proportion of the rows that count.
        jaccard = _share(hits, actual | predicted, w)
        return Estimate(*(2.0 * j / (1.0 + j) for j in (jaccard.value, jaccard.low, jaccard.high)))
    rarer = int(min(np.sum(actual), np.sum(~actual)))
    influence = binary_influence(metric, y, p, threshold, w)
    return _logit_interval(influence, rarer, freedom_of(influence.rows, y))


def effective_rows(w: Floats) -> float:
    """How many equally weighted rows are as good as these: Kish's (sum w)^2 / sum w^2.

    >>> effective_rows(np.array([1.0, 1.0, 1.0])), effective_rows(np.array([3.0, 1.0]))
    (3.0, 1.6)
    """
    return float(np.sum(w) ** 2 / np.sum(w * w))


def share_of(hits: NDArray[np.bool_]) -> Estimate:
    """The share of rows, with Wilson's interval."""
    return _share(hits, np.ones(len(hits), dtype=bool), np.ones(len(hits)))


def _share(hits: NDArray[np.bool_], among: NDArray[np.bool_], w: Floats) -> Estimate:
    """The share of hits, by weight, among some rows; 0 with the whole range where there are none."""
    if not among.any():
        return Estimate(0.0, 0.0, 1.0)
    return _wilson(float(np.sum(w[hits]) / np.sum(w[among])), effective_rows(w[among]))


def _wilson(share: float, n: float) -> Estimate:
    """Wilson (1927) score interval of a share of n rows, n > 0."""
    z2 = Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    return Estimate(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def _mean_share(
    value: float, y: NDArray[np.int64], predicted: NDArray[np.int64], w: Floats, *, by_prediction: bool
) -> Estimate:
    """Interval of the mean of one share a class, which other rows make for each class.

    From Wilson's intervals of the shares by the method of variance estimates recovery, Zou and Donner (2008),
    "Construction of confidence limits about effect measures", Statistics in Medicine 27(10): a class that is seldom
    predicted has a precision of 0 or 1, whose influences are all zero though it is known least of all.
    by_prediction: precision, of all that occur or are predicted; else recall, of those that occur.
    """
    classes = np.union1d(y, predicted) if by_prediction else np.unique(y)
    among = predicted if by_prediction else y
    shares = [_share((y == c) & (predicted == c), among == c, w) for c in classes]
    below = float(np.sqrt(sum((s.value - s.low) ** 2 for s in shares))) / len(shares)
    above = float(np.sqrt(sum((s.high - s.value) ** 2 for s in shares))) / len(shares)
    return Estimate(value, max(0.0, value - below), min(1.0, value + above))


def _logit_interval(influence: Influence, n_rarer: int, freedom: float) -> Estimate:
    """Interval of a value in 0..1, symmetric on the logit scale; n_rarer: rows of the rarest class.

    freedom: of the standard error, see freedom_of.
    """
    value, error = influence.value, standard_error(influence.rows)
    exact = 0.025 ** (
        1.0 / max(n_rarer, 1)
    )  # Clopper and Pearson's bound where not one of n_rarer rows failed
    if value >= 1.0 or value <= 0.0:
        return Estimate(value, exact if value >= 1.0 else 0.0, 1.0 if value >= 1.0 else 1.0 - exact)
    centre, width = float(np.log(value / (1 - value))), t95(freedom) * error / (value * (1 - value))
    low, high = (float(0.5 * (1 + np.tanh((centre + side * width) / 2))) for side in (-1, 1))
    return Estimate(value, min(low, value), max(high, value))


def freedom_of(rows: Floats, y: NDArray[np.int64]) -> float:
    """Degrees of freedom of a standard error that is put together from those of the classes.

    rows: the influence of each row.  A rare class whose few rows make most of the error leaves few: Satterthwaite
    (1946), "An Approximate Distribution of Estimates of Variance Components", Biometrics Bulletin 2(6).
    """
    of_class = np.bincount(y, weights=rows * rows)
    counts = np.bincount(y)
    used = counts > 0
    total = float(np.sum(of_class))
    if total == 0.0:
        return float(len(y))
    return max(1.0, total**2 / float(np.sum(of_class[used] ** 2 / np.maximum(counts[used] - 1, 1))))


def t95(freedom: float) -> float:
    """Student's t at 0.975, by the expansion in Abramowitz and Stegun (1964), 26.7.5; within 1 % from 2 degrees on.

    >>> round(t95(4.0), 2), round(t95(1e9), 3)
    (2.78, 1.96)
    """
    z, n = Z95, max(freedom, 1.0)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n**k for k, term in enumerate(terms, start=1))


def _mean_interval(losses: Floats, w: Floats) -> Estimate:
    """Interval of a weighted mean of skewed losses, none of them below 0.

    By the transformation of the t statistic in Hall (1992), JRSS B 54(1).
    """
    return skewed_interval(of_mean(losses, w), Z95)


def skewed_interval(mean: Influence, quantile: float) -> Estimate:
    """Interval of a mean of losses, none below 0, from the influences of the rows, or of groups of them.

    quantile: of the t statistic's distribution, at 0.975.
    """
    value, centred = mean
    n = len(centred)
    deviation = float(np.sqrt(np.sum(centred * centred) / max(n - 1, 1)))
    if deviation == 0.0:
        return Estimate(value, value, value)
    skew = float(np.mean(centred**3)) / deviation**3 / float(np.sqrt(n))
    step = deviation / float(np.sqrt(n))
    return Estimate(
        value,
        max(0.0, min(value, value - step * _untransform(quantile, skew))),
        max(value, value - step * _untransform(-quantile, skew)),
    )


def _untransform(x: float, skew: float) -> float:
    """Solve t + skew (t^2 / 3 + 1 / 6) + skew^2 t^3 / 27 = x for t; skew: skewness / sqrt(n)."""
    if abs(skew) < 1e-9:
        return x
    return float(3.0 / skew * (np.cbrt(1.0 + skew * (x - skew / 6.0)) - 1.0))


def _r2_interval(influence: Influence) -> Estimate:
    value, error = influence.value, standard_error(influence.rows)
    if value >= 1.0:
        return Estimate(value, value, value)
    spread = float(np.exp(Z95 * error / (1.0 - value)))
    return Estimate(value, 1.0 - (1.0 - value) * spread, 1.0 - (1.0 - value) / spread)


def _calibration_error(
    y: NDArray[np.int64], p: Floats, w: Floats, codes: NDArray[np.int64] | None = None
) -> Estimate:
    """Expected calibration error in equal-sized bins, with bounds for the true error of those bins.

    Of gaps d_j = true gap g_j + noise: sum w |d| >= sum w sign(g) d, and that is normal around the true
    error, so the error is at most the value + z * sd of that sum. And sum w |d| <= sum w |g| + sum w |noise|,
    so the error is at least the value - the 0.975 quantile of the last sum. Both hold whatever the gaps are.
    """
    if p.shape[1] == 2:
        confidence, hit = p[:, 1], (y == 1).astype(np.float64)
    else:
        predicted = np.argmax(p, axis=1)
        confidence, hit = p[np.arange(len(y)), predicted], (y == predicted).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    parts: Sequence[NDArray[np.int64]] = np.array_split(order, min(CALIBRATION_BINS, len(order)))
    gaps, weights, errors = _bins(confidence, hit, w, parts)
    value = float(np.sum(weights * np.abs(gaps)))
    spread = weights * errors
    if codes is None:
        above = Z95 * float(np.sqrt(np.sum(spread**2)))
        noise = Z95 * float(np.sqrt((1 - 2 / np.pi) * np.sum(spread**2)))
    else:
        # what a group's rows do to each bin, shape (groups, bins); the bins' errors go together in the worst way
        sums = _sums_of_groups(confidence - hit, w, parts, gaps, codes)
        more = t95(len(sums) - 1.0)
        spread = np.maximum(spread, np.sqrt(np.sum(sums**2, axis=0)))
        above = more * float(np.sqrt(np.sum((sums @ np.sign(gaps)) ** 2)))
        noise = more * float(np.sqrt(1 - 2 / np.pi) * np.sum(spread))
    noise += float(np.sqrt(2 / np.pi) * np.sum(spread))
    return Estimate(value, max(0.0, value - noise), min(1.0, value + above))


def _sums_of_groups(
    errors: Floats, w: Floats, parts: Sequence[NDArray[np.int64]], gaps: Floats, codes: NDArray[np.int64]
) -> Floats:
    """What each group adds to the error of each bin's share of the sum, shape (groups, bins)."""
    n_groups = int(codes.max()) + 1
    of_bin = [
        np.bincount(codes[rows], weights=w[rows] * (errors[rows] - gap), minlength=n_groups)
        for rows, gap in zip(parts, gaps, strict=True)
    ]
    sums: Floats = np.column_stack(of_bin) * (np.sqrt(n_groups / max(n_groups - 1, 1)) / np.sum(w))
    return sums


def _bins(
    confidence: Floats, hit: Floats, w: Floats, parts: Sequence[NDArray[np.int64]]
) -> tuple[Floats, Floats, Floats]:
    """Gap, share of the weight and standard error of the gap in each bin, whose rows are given."""
    gaps = np.array([np.average(confidence[rows] - hit[rows], weights=w[rows]) for rows in parts])
    weights = np.array([np.sum(w[rows]) / np.sum(w) for rows in parts])
    # The variance of a bin's share of hits, with half a hit added to each side so that a pure bin is not
    # certain.
    sizes = np.array([effective_rows(w[rows]) for rows in parts])
    hits = sizes * np.array([np.average(hit[rows], weights=w[rows]) for rows in parts])
    shares = (hits + 0.5) / (sizes + 1)
    return gaps, weights, np.sqrt(shares * (1 - shares) / sizes)
