"""From the best trials to the winner: one model, or a blend of tree models that is one model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.model.blend import blended, learn_weights
from tenure.model.calibrate import as_margins, row_losses
from tenure.model.candidates.base import Float64
from tenure.model.workbench import Result, Rows
from tenure.records import Task
from tenure.release.calibration import Calibration, Output
from tenure.release.grouped import around, compared
from tenure.release.metrics import HIGHER_IS_BETTER, compare, metric_value

MICROSECONDS_A_TREE = 0.05
"""What a tree costs a row in the service, about: benchmarks/row_speed.py measures it. By a figure, not by a clock, so
that two machines choose alike."""
LATENCY = 80e-6
"""Seconds that the trees of a blend may take for a row, unless model.latency says otherwise."""


def most_trees(latency: float) -> int:
    """Trees that a blend may have, all members together, to stay inside so many seconds a row.

    >>> most_trees(LATENCY)
    1600
    """
    return round(latency * 1e6 / MICROSECONDS_A_TREE)


@dataclass(frozen=True)
class Choice:
    """Members with their weights, and the held-out margins of the whole."""

    members: tuple[Result, ...]
    weights: tuple[float, ...]
    margins: Float64
    output: Output

    @property
    def n_trees(self) -> int:
        """Trees of all members: one an output in every round."""
        return int(self.margins.shape[1]) * sum(member.trial.rounds for member in self.members)


def single(result: Result) -> Choice:
    """One model alone."""
    return Choice((result,), (1.0,), result.margins, result.output)


def choose_winner(
    task: Task,
    y: Float64,
    leaders: Sequence[Result],
    rows: Rows,
    metric: str,
    *,
    blend: bool = True,
    latency: float = LATENCY,
    group: Any = None,
) -> Choice:
    """Return the best single model, or the blend where it is better by more than noise.

    The best single one is the best by the metric on held-out rows; where that is within noise, the one of the lowest
    loss. leaders: complete trials, the lowest loss first.  rows: positions that some fold held out.
    latency: seconds a row that the trees of a blend may take.  group: shape (n,), of all rows, or None.
    """
    if not leaders:
        raise ValueError("there is no complete trial to choose from")
    best = _best_single(task, y, [single(r) for r in leaders], rows, metric)
    joined = blend_of(task, y, leaders, rows, most_trees(latency)) if blend else None
    return joined if joined is not None and _is_worth_it(task, y, joined, best, rows, metric, group) else best


def _best_single(task: Task, y: Float64, choices: Sequence[Choice], rows: Rows, metric: str) -> Choice:
    scores = [scores_of(task, _n_classes(task, c), c, rows) for c in choices]
    values = [metric_value(task, y[rows], s, metric) for s in scores]
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    best = int(np.argmax(sign * np.array(values)))
    losses = [float(_losses(task, y, c, rows).mean()) for c in choices]
    level = [i for i, s in enumerate(scores) if compare(task, y[rows], s, scores[best], metric).low <= 0.0]
    return choices[min(level, key=lambda i: losses[i])]


def _is_worth_it(
    task: Task, y: Float64, blend: Choice, best: Choice, rows: Rows, metric: str, group: Any
) -> bool:
    """Whether a blend is better than one model by more than noise, by the loss or the metric, and worse by neither."""
    own, other = (scores_of(task, _n_classes(task, c), c, rows) for c in (blend, best))
    groups = None if group is None else group[rows]
    by_metric = compared(task, y[rows], other, own, metric, group=groups)
    lower = _losses(task, y, best, rows) - _losses(task, y, blend, rows)
    by_loss = around(float(lower.mean()), (lower - lower.mean()) / len(lower), groups)
    return (by_metric.low > 0.0 or by_loss.low > 0.0) and by_metric.high >= 0.0 and by_loss.high >= 0.0


def _n_classes(task: Task, choice: Choice) -> int:
    return int(choice.margins.shape[1]) if task == "multiclass" else 2


def blend_of(task: Task, y: Float64, leaders: Sequence[Result], rows: Rows, trees: int) -> Choice | None:
    """The best weighted mean of the tree models' margins, of so many trees at most; None where one alone is as good."""
    members = [r for r in leaders if r.trial.family != "logistic" and r.output == "margin"]
    while len(members) > 1:
        choice = weighted(task, y, members, rows)
        if len(choice.members) < 2:
            return None
        if choice.n_trees <= trees:
            return choice
        pairs = zip(choice.members, choice.weights, strict=True)
        dearest = max(pairs, key=lambda pair: pair[0].trial.rounds / pair[1])[0]
        members = [r for r in choice.members if r is not dearest]
    return None


def weighted(task: Task, y: Float64, members: Sequence[Result], rows: Rows) -> Choice:
    """These members with the best weights; those that get none are left out."""
    if len(members) == 1:
        return Choice((members[0],), (1.0,), members[0].margins, members[0].output)
    weights = learn_weights(task, [r.margins[rows] for r in members], y[rows])
    used = [(r, float(w)) for r, w in zip(members, weights, strict=True) if w > 0]
    if len(used) == 1:
        return weighted(task, y, [used[0][0]], rows)
    return joined([r for r, _ in used], [w for _, w in used])


def joined(members: Sequence[Result], weights: Sequence[float]) -> Choice:
    """These members with these weights."""
    if len(members) == 1:
        return Choice(tuple(members), (1.0,), members[0].margins, members[0].output)
    margins = blended([r.margins for r in members], np.array(weights))
    return Choice(tuple(members), tuple(weights), margins, "margin")


def scores_of(task: Task, n_classes: int, choice: Choice, rows: Rows) -> Float64:
    """Uncalibrated scores on these rows, as metrics take them."""
    margins = choice.margins[rows]
    if task == "regression":
        return margins
    return Calibration(task, n_classes, output=choice.output).probabilities(margins)


def _losses(task: Task, y: Float64, choice: Choice, rows: Rows) -> Float64:
    return row_losses(task, as_margins(task, choice.margins[rows], choice.output), y[rows])
