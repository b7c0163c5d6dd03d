"""The probability from which on the positive class is predicted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
ThresholdRule = Literal["f1", "accuracy", "mcc"]


def choose_threshold(
    y: Float64, probabilities: Float64, rule: ThresholdRule | float = "f1", weight: Float64 | None = None
) -> float:
    """Return the threshold in [0, 1] that maximises the rule's measure on these rows, or the rule itself if
    a number.

    y: shape (n,), 0 or 1.  probabilities: shape (n,), of the positive class, from rows the model has not
    seen.  weight: shape (n,), > 0, how much each row counts; None: all the same.
    Cuts lie midway between neighbouring probabilities; of equally good ones the nearest to 0.5 is taken.
    Raises ValueError for a number outside [0, 1].

    >>> choose_threshold(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.9]))
    0.25
    """
    if not isinstance(rule, str):
        if not 0.0 <= rule <= 1.0:
            raise ValueError(f"a threshold lies between 0 and 1, got {rule}")
        return float(rule)
    if len(y) == 0 or not 0 < y.sum() < len(y):
        return 0.5
    w = np.ones(len(y)) if weight is None else weight
    cuts, hits, false_alarms = _confusion_by_cut(y, probabilities, w)
    values = _measure(rule, hits, false_alarms, float((w * y).sum()), float(w.sum()))
    best = np.flatnonzero(values >= values.max() - 1e-12)
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])


def worth_of_counts(rule: ThresholdRule | float, tp: Float64, fp: Float64, n_pos: float, n: float) -> Float64:
    """What the rule maximises, from true and false positives by weight; larger is better.

    n_pos, n: weight of the positive rows, and of all.  A number t is the best threshold of who values a true positive
    at 1 and a false one at -t / (1 - t): Vickers and Elkin (2006).
    """
    if isinstance(rule, str):
        return _measure(rule, tp, fp, n_pos, n)
    return np.asarray(tp - fp * rule / max(1.0 - rule, 1e-9)) / n


def _confusion_by_cut(y: Float64, probabilities: Float64, w: Float64) -> tuple[Float64, Float64, Float64]:
    """Each useful cut with the weight of true and of false positives at or above it."""
    order = np.argsort(-probabilities, kind="stable")
    p, hit = probabilities[order], (w * y)[order]
    last = np.append(np.flatnonzero(p[:-1] != p[1:]), len(p) - 1)  # the last row of each tie
    hits = np.cumsum(hit)[last]
    false_alarms = np.cumsum(w[order])[last] - hits
    below = np.append(p[last[:-1] + 1], 0.0)
    return (p[last] + below) / 2.0, hits, false_alarms


def _measure(rule: ThresholdRule, tp: Float64, fp: Float64, n_pos: float, n: float) -> Float64:
    fn, tn = n_pos - tp, n - n_pos - fp
    if rule == "f1":
        return np.asarray(2.0 * tp / (2.0 * tp + fp + fn))
    if rule == "accuracy":
        return np.asarray((tp + tn) / n)
    below = np.sqrt((tp + fp) * n_pos * (n - n_pos) * (tn + fn))
    return np.asarray((tp * tn - fp * fn) / np.where(below > 0, below, 1.0))
