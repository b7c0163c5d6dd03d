"""From the best trials to the winner: one model, or a blend of tree models that is one model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tenure.model.blend import blended, learn_weights
from tenure.model.calibrate import as_margins, row_losses
from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Float64
from tenure.model.workbench import Result, Rows
from tenure.records import Task
from tenure.release.calibration import Calibration, Output
from tenure.release.metrics import HIGHER_IS_BETTER, compare, metric_value

MOST_TREES = 1600
"""Trees of a blend at most, as the folds count them: every prediction walks them all, 100 in some 5 µs."""


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


def choose_winner(
    task: Task, y: Float64, leaders: Sequence[Result], rows: Rows, metric: str, *, blend: bool = True
) -> Choice:
    """Return the best by the metric on held-out rows; where that is within noise, the one of the lowest loss.

    leaders: complete trials, the lowest loss first.  rows: positions that some fold held out.
    """
    choices = [Choice((r,), (1.0,), r.margins, r.output) for r in leaders]
    if blend:
        joined = blend_of(task, y, leaders, rows)
        choices += [joined] if joined is not None else []
    if not choices:
        raise ValueError("there is no complete trial to choose from")
    n_classes = choices[0].margins.shape[1] if task == "multiclass" else 2
    scores = [scores_of(task, n_classes, c, rows) for c in choices]
    values = [metric_value(task, y[rows], s, metric) for s in scores]
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    best = int(np.argmax(sign * np.array(values)))
    losses = [_loss(task, y, c, rows) for c in choices]
    level = [i for i, s in enumerate(scores) if compare(task, y[rows], s, scores[best], metric).low <= 0.0]
    return choices[min(level, key=lambda i: losses[i])]


def blend_of(task: Task, y: Float64, leaders: Sequence[Result], rows: Rows) -> Choice | None:
    """The best weighted mean of the tree models' margins; None where one of them alone is as good."""
    members = [r for r in leaders if _has_trees(r) and r.output == "margin"]
    while len(members) > 1:
        choice = weighted(task, y, members, rows)
        if len(choice.members) < 2:
            return None
        if choice.n_trees <= MOST_TREES:
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


def _has_trees(result: Result) -> bool:
    """Whether the trial's document is trees over the encoding that all tree models share."""
    return candidate_named(result.trial.family).style(result.trial.params) == "trees"


def score_of(task: Task, y: Float64, result: Result, rows: Rows, metric: str) -> float:
    """The metric of one trial on held-out rows, before calibration; y: of all rows."""
    n_classes = result.margins.shape[1] if task == "multiclass" else 2
    scores = scores_of(task, n_classes, joined([result], [1.0]), rows)
    return metric_value(task, y[rows], scores, metric)


def _loss(task: Task, y: Float64, choice: Choice, rows: Rows) -> float:
    return float(row_losses(task, as_margins(task, choice.margins[rows], choice.output), y[rows]).mean())
