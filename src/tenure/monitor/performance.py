"""Realised performance: the metrics on outcomes that have arrived, beside those at release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate, Task
from tenure.release.decide import Thresholds
from tenure.release.metrics import HIGHER_IS_BETTER, metrics_for

MIN_OUTCOMES = 50
MIN_OF_A_CLASS = 10
FALSE_ALARMS = 0.025
"""Chance that the check of an unchanged model fails: half of 5 %, shared by the judged metrics."""

_Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One metric on the test rows at release and on the outcomes that came true.

    change: realised minus released, with its 95 % interval.  worse: for the worse by more than noise.
    """

    metric: str
    released: Estimate
    realised: Estimate
    change: Estimate
    worse: bool

    @property
    def text(self) -> str:
        verdict = "worse by more than noise" if self.worse else "within noise, or better"
        return f"{self.metric}: {self.released} at release, {self.realised} now; {verdict}"


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """What the champion achieved.

    n_predictions: its predictions in the window.  n_outcomes: those whose outcome has arrived; early outcomes
    may be of a special kind, so a small share of arrived ones is a warning.
    by_class: outcomes of each class; empty for regression.  realised: every metric; empty without outcomes.
    judged: the changes that decide.  problem: why nothing is judged, or None.
    """

    n_predictions: int
    n_outcomes: int
    by_class: dict[str, int]
    realised: dict[str, Estimate]
    judged: tuple[MetricChange, ...]
    problem: str | None

    @property
    def worse(self) -> tuple[MetricChange, ...]:
        """The judged metrics that are worse by more than noise."""
        return tuple(change for change in self.judged if change.worse)


def measure_performance(
    task: Task,
    y: ArrayLike,
    scores: ArrayLike,
    released: Mapping[str, Estimate],
    metric: str,
    *,
    n_predictions: int | None = None,
    threshold: Thresholds | None = None,
    classes: Sequence[str] = (),
) -> PerformanceReport:
    """Measure the champion on rows whose outcome has arrived, and judge it against its release.

    y, scores: as release.metrics.metrics_for takes them.  released: the metrics on the test rows.
    metric: the project's own; for classes the log loss is judged too, because a model can keep its ranking
    while its probabilities go wrong.  n_predictions: in the window; default: as many as outcomes.
    """
    labels = np.asarray(y, dtype=np.float64).reshape(-1)
    n = len(labels)
    by_class = _count_classes(labels, classes)
    realised = dict(metrics_for(task, labels, scores, threshold)) if n else {}
    problem = _too_few(n, by_class)
    names = [metric, "log_loss"] if task != "regression" and metric != "log_loss" else [metric]
    usable = [name for name in names if name in realised and name in released]
    if problem is None and not usable:
        problem = f"{metric} is not among the metrics of the release"
    judged = (
        ()
        if problem
        else tuple(
            judge_metric(name, released[name], realised[name], FALSE_ALARMS / len(usable)) for name in usable
        )
    )
    return PerformanceReport(
        n_predictions=n if n_predictions is None else n_predictions,
        n_outcomes=n,
        by_class=by_class,
        realised=realised,
        judged=judged,
        problem=problem,
    )


def judge_metric(
    metric: str, released: Estimate, realised: Estimate, false_alarms: float = FALSE_ALARMS
) -> MetricChange:
    """Say whether a realised metric is worse than the released one by more than the noise of both.

    The interval of the difference of two independent estimates is put together from their own intervals
    (Zou and Donner 2008, Statistics in Medicine 27(10), "MOVER").
    false_alarms: the one-sided chance to call an unchanged metric worse.

    >>> judge_metric("roc_auc", Estimate(0.85, 0.83, 0.87), Estimate(0.78, 0.75, 0.81)).worse
    True
    """
    value = realised.value - released.value
    below = hypot(realised.value - realised.low, released.high - released.value)
    above = hypot(realised.high - realised.value, released.value - released.low)
    widen = NormalDist().inv_cdf(1 - false_alarms) / _Z95
    worse = value + widen * above < 0 if HIGHER_IS_BETTER[metric] else value - widen * below > 0
    return MetricChange(metric, released, realised, Estimate(value, value - below, value + above), worse)


def _count_classes(y: NDArray[np.float64], classes: Sequence[str]) -> dict[str, int]:
    return {label: int(np.sum(y == index)) for index, label in enumerate(classes)}


def _too_few(n: int, by_class: Mapping[str, int]) -> str | None:
    if n < MIN_OUTCOMES:
        return f"{n} outcomes have arrived, {MIN_OUTCOMES} are needed to judge"
    rare = [f"{label!r} {count}" for label, count in by_class.items() if count < MIN_OF_A_CLASS]
    if rare:
        return f"too few outcomes of a class to judge, {MIN_OF_A_CLASS} are needed of each: {', '.join(rare)}"
    return None
