"""From the best trials to the winner: one model, or a blend of tree models that is one model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tenure.model.blend import blended, learn_weights
from tenure.model.calibrate import row_losses
from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts, Float64
from tenure.model.workbench import Result, Rows, Workbench
from tenure.release.calibration import Output
from tenure.release.metrics import HIGHER_IS_BETTER, compare, metric_value

MOST_TREES = 1600
"""Trees of a blend at most, as the folds count them: every prediction walks them all, 100 in some 5 µs."""


@dataclass(frozen=True)
class HeldOut:
    """What choices are made by. y: shape (n,).  rows: positions that some fold held out.  weight: shape (n,)."""

    facts: Facts
    y: Float64
    rows: Rows
    weight: Float64 | None = None

    @classmethod
    def of(cls, bench: Workbench) -> HeldOut:
        """Those of a workbench's folds."""
        return cls(bench.facts, bench.table.y, bench.held_out, bench.table.weight)

    @property
    def outcomes(self) -> Float64:
        """Of the rows held out."""
        return self.y[self.rows]

    @property
    def weights(self) -> Float64 | None:
        """Of the rows held out; None: all the same."""
        return None if self.weight is None else self.weight[self.rows]

    @property
    def shares(self) -> Float64:
        """The weights with mean 1."""
        own = self.weights
        return np.ones(len(self.rows)) if own is None else own / np.mean(own)

    def loss(self, choice: Choice) -> float:
        """Mean log loss or squared error."""
        margins = self.facts.corrected(choice.margins[self.rows], choice.output)
        return float((self.shares * row_losses(self.facts.task, margins, self.outcomes)).mean())

    def scores(self, choice: Choice) -> Float64:
        """Uncalibrated scores, as metrics take them."""
        margins = choice.margins[self.rows]
        if self.facts.task == "regression":
            return margins
        return self.facts.uncalibrated(choice.output).probabilities(margins)


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


def choose_winner(held_out: HeldOut, leaders: Sequence[Result], metric: str, *, blend: bool = True) -> Choice:
    """Return the best by the metric on held-out rows; where that is within noise, the one of the lowest loss.

    leaders: complete trials, the lowest loss first.
    """
    choices = [Choice((r,), (1.0,), r.margins, r.output) for r in leaders]
    if blend:
        joined = blend_of(held_out, leaders)
        choices += [joined] if joined is not None else []
    if not choices:
        raise ValueError("there is no complete trial to choose from")
    task, y, w = held_out.facts.task, held_out.outcomes, held_out.weights
    scores = [held_out.scores(c) for c in choices]
    values = [metric_value(task, y, s, metric, weight=w) for s in scores]
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    best = int(np.argmax(sign * np.array(values)))
    losses = [held_out.loss(c) for c in choices]
    level = [
        i for i, s in enumerate(scores) if compare(task, y, s, scores[best], metric, weight=w).low <= 0.0
    ]
    return choices[min(level, key=lambda i: losses[i])]


def blend_of(held_out: HeldOut, leaders: Sequence[Result]) -> Choice | None:
    """The best weighted mean of the tree models' margins; None where one of them alone is as good."""
    members = [r for r in leaders if _has_trees(r) and r.output == "margin"]
    while len(members) > 1:
        choice = weighted(held_out, members)
        if len(choice.members) < 2:
            return None
        if choice.n_trees <= MOST_TREES:
            return choice
        pairs = zip(choice.members, choice.weights, strict=True)
        dearest = max(pairs, key=lambda pair: pair[0].trial.rounds / pair[1])[0]
        members = [r for r in choice.members if r is not dearest]
    return None


def weighted(held_out: HeldOut, members: Sequence[Result]) -> Choice:
    """These members with the best weights; those that get none are left out."""
    if len(members) == 1:
        return Choice((members[0],), (1.0,), members[0].margins, members[0].output)
    facts, rows = held_out.facts, held_out.rows
    margins = [facts.corrected(r.margins[rows], r.output) for r in members]
    weights = learn_weights(facts.task, margins, held_out.outcomes, held_out.shares)
    used = [(r, float(w)) for r, w in zip(members, weights, strict=True) if w > 0]
    if len(used) == 1:
        return weighted(held_out, [used[0][0]])
    return joined([r for r, _ in used], [w for _, w in used])


def joined(members: Sequence[Result], weights: Sequence[float]) -> Choice:
    """These members with these weights."""
    if len(members) == 1:
        return Choice(tuple(members), (1.0,), members[0].margins, members[0].output)
    margins = blended([r.margins for r in members], np.array(weights))
    return Choice(tuple(members), tuple(weights), margins, "margin")


def _has_trees(result: Result) -> bool:
    """Whether the trial's document is trees over the encoding that all tree models share."""
    return candidate_named(result.trial.family).style(result.trial.params) == "trees"


def score_of(held_out: HeldOut, result: Result, metric: str) -> float:
    """The metric of one trial on held-out rows, before calibration."""
    scores = held_out.scores(joined([result], [1.0]))
    return metric_value(held_out.facts.task, held_out.outcomes, scores, metric, weight=held_out.weights)
