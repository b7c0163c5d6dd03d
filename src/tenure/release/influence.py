"""Each metric as a number and what every row does to it: the infinitesimal jackknife.

A metric is a function of the weights of the rows. Its influence values are n times the derivatives by the
weights at equal weights; they sum to zero, and std(influence) / sqrt(n) is the metric's standard error. The
influence values of two models on the same rows, subtracted, give the standard error of the difference,
because what the rows have in common cancels. For ROC-AUC this is the method of DeLong, DeLong and
Clarke-Pearson (1988), Biometrics 44(3); in general see Efron and Tibshirani (1993), "An Introduction to the
Bootstrap", chapter 22.

Rows may have weights w of mean 1; without any, w is 1. A weighted mean is a ratio of sums, and its influence
values, (value of the row - mean) * w, are those of the linearised ratio: Särndal, Swensson and Wretman (1992),
"Model Assisted Survey Sampling", section 5.7, for weights that are fixed and not drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenure.release.decide import Thresholds

Floats = NDArray[np.float64]
Weights = Floats | float

SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
"""Probabilities are clipped to [this, 1 - this] for the logarithm, as scikit-learn does."""


class Influence(NamedTuple):
    """value: the metric.  rows: shape (n,), the influence of each row, mean zero."""

    value: float
    rows: Floats


def standard_error(rows: Floats) -> float:
    """Standard error of a metric, or of a difference of two, from its influence values."""
    return float(np.sqrt(np.sum(rows * rows) / max(len(rows) - 1, 1) / len(rows)))


def of_mean(losses: Floats, w: Weights = 1.0) -> Influence:
    """Influence on the (weighted) mean of a loss per row.

    >>> of_mean(np.array([1.0, 3.0]))
    Influence(value=2.0, rows=array([-1.,  1.]))
    """
    value = float(np.mean(w * losses))
    return Influence(value, w * (losses - value))


def of_ratio(above: Floats, below: Floats, w: Weights = 1.0) -> Influence:
    """Influence on sum(above) / sum(below); 0 where the denominator is 0 (as the field defines F1 then)."""
    above, below = w * above, w * below
    total = float(np.sum(below))
    if total == 0.0:
        return Influence(0.0, np.zeros(len(above)))
    value = float(np.sum(above)) / total
    return Influence(value, (above - value * below) * (len(above) / total))


def of_roc_auc(is_positive: NDArray[np.bool_], scores: Floats, w: Weights = 1.0) -> Influence:
    """Influence on the area under the ROC curve; ties count half. Needs a row of each class.

    >>> of_roc_auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.35, 0.8])).value
    1.0
    """
    n, n_pos = len(scores), int(np.sum(is_positive))
    n_neg, weights = n - n_pos, np.broadcast_to(w, n)
    w_pos, w_neg = weights[is_positive], weights[~is_positive]
    placed_pos = _placed(scores[is_positive], scores[~is_positive], w_neg)
    placed_neg = 1.0 - _placed(scores[~is_positive], scores[is_positive], w_pos)
    value = float(np.sum(w_pos * placed_pos) / np.sum(w_pos))
    rows = np.empty(n)
    # The factors make the variance of each class's placements the unbiased one, as DeLong has it.
    of_pos, of_neg = n / np.sum(w_pos), n / np.sum(w_neg)
    rows[is_positive] = w_pos * (placed_pos - value) * of_pos * np.sqrt(n_pos / max(n_pos - 1, 1))
    rows[~is_positive] = w_neg * (placed_neg - value) * of_neg * np.sqrt(n_neg / max(n_neg - 1, 1))
    return Influence(value, rows)


def _placed(scores: Floats, others: Floats, weights: Floats) -> Floats:
    """The share of others, by weight, that each score lies above; ties count half."""
    order = np.argsort(others, kind="stable")
    ranked, passed = others[order], np.append(0.0, np.cumsum(weights[order]))
    below = passed[np.searchsorted(ranked, scores, "left")]
    not_above = passed[np.searchsorted(ranked, scores, "right")]
    return np.asarray((below + not_above) / (2.0 * passed[-1]))


def of_pr_auc(is_positive: NDArray[np.bool_], scores: Floats, w: Weights = 1.0) -> Influence:
    """Influence on average precision: the mean, over positive rows, of the precision at their own score.

    >>> round(of_pr_auc(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])).value, 4)
    0.8333
    """
    n = len(scores)
    order = np.argsort(-scores, kind="stable")
    descending, hits, weights = -scores[order], is_positive[order], np.broadcast_to(w, n)[order]
    last = np.searchsorted(descending, descending, "right") - 1  # of the rows scored at least as high
    taken, caught = np.cumsum(weights)[last], np.where(hits, weights, 0.0)
    n_pos = float(np.sum(caught))
    precision = np.cumsum(caught)[last] / taken
    value = float(np.sum(weights[hits] * precision[hits]) / n_pos)
    # Row j moves the precision at every positive row scored no higher than j.
    gain = np.where(hits, weights * (1.0 - precision) / taken, 0.0)
    loss = np.where(hits, weights * precision / taken, 0.0)
    first = np.searchsorted(descending, descending, "left")
    gain_after = np.append(np.cumsum(gain[::-1])[::-1], 0.0)[first]
    loss_after = np.append(np.cumsum(loss[::-1])[::-1], 0.0)[first]
    moved = np.where(hits, precision - value + gain_after, -loss_after)
    rows = np.empty(n)
    rows[order] = weights * moved * (n / n_pos)
    return Influence(value, rows)


def of_f1(actual: NDArray[np.bool_], predicted: NDArray[np.bool_], w: Weights = 1.0) -> Influence:
    """Influence on F1 of one class: 2 TP / (2 TP + FP + FN)."""
    true = (actual & predicted).astype(np.float64)
    return of_ratio(2.0 * true, actual.astype(np.float64) + predicted.astype(np.float64), w)


def of_classes(parts: list[Influence]) -> Influence:
    """Influence on the unweighted mean of one metric over the classes."""
    return Influence(
        float(np.mean([part.value for part in parts])), np.mean([part.rows for part in parts], axis=0)
    )


def log_losses(y: NDArray[np.int64], probabilities: Floats) -> Floats:
    """-log of the probability given to the class that came; y shape (n,), probabilities shape (n, k)."""
    chosen = probabilities[np.arange(len(y)), y]
    losses: Floats = -np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY))
    return losses


def brier_losses(y: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Squared error of the probabilities: of the positive class for two classes, else summed over them."""
    if probabilities.shape[1] == 2:
        return np.square(probabilities[:, 1] - y)
    wanted = np.zeros_like(probabilities)
    wanted[np.arange(len(y)), y] = 1.0
    losses: Floats = np.sum(np.square(probabilities - wanted), axis=1)
    return losses


def of_r2(y: Floats, predicted: Floats, w: Weights = 1.0) -> Influence:
    """Influence on the coefficient of determination, 1 - sum of squared errors / total sum of squares."""
    errors, spread = np.square(y - predicted), np.square(y - np.mean(w * y))
    unexplained = of_ratio(errors, spread, w)
    return Influence(1.0 - unexplained.value, -unexplained.rows)


def of_rmse(y: Floats, predicted: Floats, w: Weights = 1.0) -> Influence:
    """Influence on the root mean squared error."""
    squared = of_mean(np.square(y - predicted), w)
    value = float(np.sqrt(squared.value))
    return Influence(value, squared.rows / (2.0 * value) if value > 0 else np.zeros(len(y)))


def binary_influence(
    metric: str, y: NDArray[np.int64], p: Floats, threshold: Thresholds, w: Weights = 1.0
) -> Influence:
    """Influence on a metric of two classes. p: shape (n, 2); positive is predicted from the threshold on."""
    actual, predicted = y == 1, p[:, 1] >= threshold
    true = (actual & predicted).astype(np.float64)
    formulas: dict[str, Callable[[], Influence]] = {
        "roc_auc": lambda: of_roc_auc(actual, p[:, 1], w),
        "pr_auc": lambda: of_pr_auc(actual, p[:, 1], w),
        "accuracy": lambda: of_mean((actual == predicted).astype(np.float64), w),
        "precision": lambda: of_ratio(true, predicted.astype(np.float64), w),
        "recall": lambda: of_ratio(true, actual.astype(np.float64), w),
        "f1": lambda: of_f1(actual, predicted, w),
        "log_loss": lambda: of_mean(log_losses(y, p), w),
        "brier": lambda: of_mean(brier_losses(y, p), w),
    }
    return formulas[metric]()


def multiclass_influence(metric: str, y: NDArray[np.int64], p: Floats, w: Weights = 1.0) -> Influence:
    """Influence on a metric of more than two classes, averaged over the classes that occur."""
    predicted = np.argmax(p, axis=1)
    present = np.unique(y)
    named = np.union1d(present, predicted)
    formulas: dict[str, Callable[[], Influence]] = {
        "roc_auc": lambda: of_classes([of_roc_auc(y == c, p[:, c], w) for c in present]),
        "pr_auc": lambda: of_classes([of_pr_auc(y == c, p[:, c], w) for c in present]),
        "accuracy": lambda: of_mean((y == predicted).astype(np.float64), w),
        "precision": lambda: of_classes(
            [of_ratio(((y == c) & (predicted == c)) * 1.0, (predicted == c) * 1.0, w) for c in named]
        ),
        "recall": lambda: of_classes(
            [of_ratio(((y == c) & (predicted == c)) * 1.0, (y == c) * 1.0, w) for c in named]
        ),
        "f1": lambda: of_classes([of_f1(y == c, predicted == c, w) for c in named]),
        "log_loss": lambda: of_mean(log_losses(y, p), w),
        "brier": lambda: of_mean(brier_losses(y, p), w),
    }
    return formulas[metric]()


def regression_influence(metric: str, y: Floats, predicted: Floats, w: Weights = 1.0) -> Influence:
    """Influence on rmse, mae or r2."""
    formulas: dict[str, Callable[[], Influence]] = {
        "rmse": lambda: of_rmse(y, predicted, w),
        "mae": lambda: of_mean(np.abs(y - predicted), w),
        "r2": lambda: of_r2(y, predicted, w),
    }
    return formulas[metric]()
