"""Intervals where several rows belong to one group: whole groups are drawn again, never single rows.

Rows of a group are alike, so that a thousand rows of fifty customers say little more than fifty rows. Metrics get
the percentile interval of a bootstrap over groups; the difference of two models gets the variance of the sums of its
rows' influences in each group, which is what such a bootstrap comes to (Efron and Tibshirani 1993, chapters 8 and 22).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate, Task
from tenure.release.decide import Thresholds
from tenure.release.influence import Floats
from tenure.release.metrics import (
    HIGHER_IS_BETTER,
    NEED_TWO_CLASSES,
    Z95,
    calibration_error,
    influence_for,
    metrics_for,
)

DRAWS = 1000
FEWEST_GROUPS = 2
MOST_CELLS = 2_000_000
"""Rows times draws at most: of a long table fewer draws are as good, because its intervals are short."""
FEWEST_DRAWS = 200

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
    """Every metric of the task on these rows, as metrics_for; with groups the intervals are a bootstrap over them.

    group: shape (n,), equal values for rows of one group; None: each row stands for itself.
    weight: shape (n,), > 0, of any scale; None: every row counts the same.
    only: the one metric that is wanted.
    """
    alone = metrics_for(task, y, scores, threshold, weight)
    if only is not None:
        alone = {metric: estimate for metric, estimate in alone.items() if metric == only}
    codes = _codes(group)
    if codes is None:
        return alone
    rows = _Scored(
        task,
        np.asarray(y, dtype=np.float64).reshape(-1),
        np.asarray(scores, dtype=np.float64),
        np.ones(len(codes)) if weight is None else np.asarray(weight, dtype=np.float64),
        threshold,
    )
    draws = _drawn_values(rows, codes, list(alone))
    return {metric: _interval(estimate, draws[metric]) for metric, estimate in alone.items()}


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
    return around(sign * (second.value - first.value), (second.rows - first.rows) / len(first.rows), group)


def around(value: float, contributions: Floats, group: Groups | None = None) -> Estimate:
    """A value with its normal interval; contributions: shape (n,), what each row adds to its error, of mean zero.

    >>> rows = np.array([0.1, 0.1, -0.1, -0.1])
    >>> around(1.0, rows).high < around(1.0, rows, np.array([1, 1, 2, 2])).high
    True
    """
    margin = Z95 * error_of(contributions, group)
    return Estimate(value, value - margin, value + margin)


def error_of(contributions: Floats, group: Groups | None = None) -> float:
    """Standard error of a sum of such contributions, summed within groups first."""
    codes = _codes(group)
    sums = contributions if codes is None else np.bincount(codes, weights=contributions)
    return float(np.sqrt(np.sum(sums * sums) * len(sums) / max(len(sums) - 1, 1)))


def _codes(group: Groups | None) -> NDArray[np.int64] | None:
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

    def rows(self, which: NDArray[np.int64], times: Floats) -> _Scored:
        """The rows at these positions, each so many times."""
        by_row = isinstance(self.threshold, np.ndarray)
        return replace(
            self,
            y=self.y[which],
            scores=self.scores[which],
            w=self.w[which] * times,
            threshold=self.threshold[which] if by_row else self.threshold,  # type: ignore[index]
        )

    def value(self, metric: str) -> float | None:
        """One metric; None where it has no value on these rows."""
        y, scores, w = self.y, self.scores, self.w
        if metric == "calibration_error":
            return calibration_error(y, scores, w).value
        if (metric in NEED_TWO_CLASSES or metric == "r2") and np.ptp(y) == 0:
            return None
        return influence_for(self.task, y, scores, metric, self.threshold, w).value


def _drawn_values(scored: _Scored, codes: NDArray[np.int64], metrics: list[str]) -> dict[str, list[float]]:
    """Each metric's values on tables of groups that were drawn with replacement; the same for the same rows."""
    # by score: sorting what is sorted costs little, and every draw sorts for the areas under curves
    order = np.argsort(scored.scores.reshape(len(codes), -1)[:, -1], kind="stable")
    scored, codes = scored.rows(order, np.ones(len(order))), codes[order]
    n_groups = int(codes.max()) + 1
    rng = np.random.default_rng(0)
    values: dict[str, list[float]] = {metric: [] for metric in metrics}
    for _ in range(int(np.clip(MOST_CELLS // len(codes), FEWEST_DRAWS, DRAWS))):
        times = np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups)[codes]
        drawn = np.flatnonzero(times)
        rows = scored.rows(drawn, times[drawn].astype(np.float64))
        for metric in metrics:
            found = rows.value(metric)
            if found is not None:
                values[metric].append(found)
    return values


def _interval(alone: Estimate, draws: list[float]) -> Estimate:
    """The percentile interval; never narrower than that of rows that stand for themselves, on either side."""
    low, high = np.quantile(draws, [0.025, 0.975]) if draws else (alone.low, alone.high)
    return Estimate(alone.value, min(float(low), alone.low), max(float(high), alone.high))
