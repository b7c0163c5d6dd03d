"""Intervals where several rows belong to one group: whole groups are drawn again, never single rows.

Rows of a group are alike, so that a thousand rows of fifty customers say little more than fifty rows. The error of a
metric, and of the difference of two models, is that of the sums of its rows' influences in each group, which is what
a bootstrap over groups comes to (Efron and Tibshirani 1993, chapters 8 and 22), and Student's t takes the place of the
normal, which a bootstrap of few groups lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate, Task
from tenure.release.bounds import freedom_of, skewed_interval, t95
from tenure.release.decide import Thresholds
from tenure.release.influence import Floats, Influence
from tenure.release.metrics import (
    HIGHER_IS_BETTER,
    SHARES,
    calibration_error,
    influence_for,
    is_faultless,
    metrics_for,
    with_faultless,
)

FEWEST_GROUPS = 2

Groups = NDArray[Any]


def measured(
    task: Task,
    y: ArrayLike,
    scores: ArrayLike,
    threshold: Thresholds | None = None,
    group: Groups | None = None,
    weight: ArrayLike | None = None,
    *,
    only: str | None = None,
) -> dict[str, Estimate]:
    """Every metric of the task on these rows, as metrics_for; with groups the intervals are those of whole groups.

    group: shape (n,), equal values for rows of one group; None: each row stands for itself.
    weight: shape (n,), > 0, of any scale; None: every row counts the same.
    only: the one metric that is wanted.
    """
    alone = metrics_for(task, y, scores, threshold, weight)
    if only is not None:
        alone = {metric: estimate for metric, estimate in alone.items() if metric == only}
    codes = group_codes(group)
    if codes is None:
        return alone
    rows = _Scored(
        task,
        np.asarray(y, dtype=np.float64).reshape(-1),
        np.asarray(scores, dtype=np.float64),
        np.ones(len(codes)) if weight is None else np.asarray(weight, dtype=np.float64),
        threshold,
    )
    found = {}
    for metric, estimate in alone.items():
        if metric == "calibration_error":
            found[metric] = _wider(estimate, calibration_error(y, scores, weight, codes))
        else:
            found[metric] = _wider(estimate, _of_groups(rows, codes, metric))
    return found


def compared(
    task: Task,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    metric: str,
    *,
    thresholds: tuple[Thresholds, Thresholds] = (0.5, 0.5),
    group: Groups | None = None,
    weight: ArrayLike | None = None,
) -> Estimate:
    """How much better b is than a on the same rows, as release.metrics.compare; the interval respects groups."""
    first = influence_for(task, y, a, metric, thresholds[0], weight)
    second = influence_for(task, y, b, metric, thresholds[1], weight)
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    rows = (second.rows - first.rows) / len(first.rows)
    freedom = None if task == "regression" else freedom_of(rows, np.asarray(y).reshape(-1).astype(np.int64))
    found = around(sign * (second.value - first.value), rows, group, freedom)
    if not is_faultless(metric, first, second) or np.array_equal(a, b):
        return found
    own = [
        measured(task, y, p, cut, group, weight, only=metric)[metric]
        for p, cut in zip((a, b), thresholds, strict=True)
    ]
    return with_faultless(found, *own)


def around(
    value: float, contributions: Floats, group: Groups | None = None, freedom: float | None = None
) -> Estimate:
    """A value with its t interval; contributions: shape (n,), what each row adds to its error, of mean zero.

    freedom: degrees of freedom of the error of single rows; None: one less than there are. Of groups: the same of them.

    >>> rows = np.array([0.1, 0.1, -0.1, -0.1])
    >>> around(1.0, rows).high < around(1.0, rows, np.array([1, 1, 2, 2])).high
    True
    """
    codes = group_codes(group)
    if codes is not None:
        freedom = float(codes.max())
    margin = t95(len(contributions) - 1.0 if freedom is None else freedom) * error_of(contributions, codes)
    return Estimate(value, value - margin, value + margin)


def error_of(contributions: Floats, group: Groups | None = None) -> float:
    """Standard error of a sum of such contributions, summed within groups first."""
    codes = group_codes(group)
    sums = contributions if codes is None else np.bincount(codes, weights=contributions)
    return float(np.sqrt(np.sum(sums * sums) * len(sums) / max(len(sums) - 1, 1)))


def group_codes(group: Groups | None) -> NDArray[np.int64] | None:
    """Groups numbered from 0; None where there are none, or every row is its own."""
    if group is None:
        return None
    # as text: a column of groups may hold None beside its names
    _, codes = np.unique(np.asarray(group).astype(str), return_inverse=True)
    n_groups = int(codes.max()) + 1 if len(codes) else 0
    return None if n_groups == len(codes) or n_groups < FEWEST_GROUPS else codes.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Rows with what is said of them. w: shape (n,), > 0."""

    task: Task
    y: Floats
    scores: NDArray[Any]
    w: Floats
    threshold: Thresholds | None


def _of_groups(scored: _Scored, codes: NDArray[np.int64], metric: str) -> Estimate | None:
    """A metric with the interval of whole groups; None where it has no value.

    Its error is that of the groups' summed influences, with a degree of freedom less than there are groups, on the
    scale where such errors are even: log-odds of a share, logarithm of what R2 leaves; a loss as release.metrics has
    it. Source: Cameron
    and Miller (2015), "A Practitioner's Guide to Cluster-Robust Inference", Journal of Human Resources 50(2), sections
    II and VI.
    """
    try:
        found = influence_for(scored.task, scored.y, scored.scores, metric, scored.threshold, scored.w)
    except ValueError:
        return None
    value, error = found.value, error_of(found.rows / len(found.rows), codes)
    width = t95(float(codes.max())) * error
    if metric == "r2":
        spread = float(np.exp(width / (1.0 - value))) if value < 1.0 else 1.0
        return Estimate(value, 1.0 - (1.0 - value) * spread, 1.0 - (1.0 - value) / spread)
    if metric in SHARES:
        if not 0.0 < value < 1.0:
            return Estimate(value, value, value)
        centre, half = float(np.log(value / (1 - value))), width / (value * (1 - value))
        low, high = (float(0.5 * (1 + np.tanh((centre + side * half) / 2))) for side in (-1, 1))
        return Estimate(value, low, high)
    # of a root mean square it is the mean square that groups add to
    square = metric == "rmse"
    mean = value**2 if square else value
    rows = found.rows * 2.0 * value if square else found.rows
    n_groups = int(codes.max()) + 1
    sums = np.asarray(np.bincount(codes, weights=rows * (n_groups / len(rows))), dtype=np.float64)
    whole = skewed_interval(Influence(mean, sums), t95(n_groups - 1.0))
    if not square:
        return whole
    return Estimate(value, float(np.sqrt(whole.low)), float(np.sqrt(whole.high)))


def _wider(alone: Estimate, grouped: Estimate | None) -> Estimate:
    """The interval of groups, never narrower than that of rows that stand for themselves, on either side."""
    if grouped is None:
        return alone
    return Estimate(alone.value, min(grouped.low, alone.low), max(grouped.high, alone.high))
