"""From the best trials to the winner: one model, or a blend of several that is one model again."""

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
from tenure.release.grouped import Groups, compared
from tenure.release.metrics import HIGHER_IS_BETTER, metric_value

MICROSECONDS_A_TREE = 0.05
"""What a tree costs a row in the service: the figure that the limit on trees was chosen by, measured at some 5 µs per
100 trees. By a figure, not by a clock, so that two machines choose alike."""
MICROSECONDS_A_TERM = 0.12
"""What an encoded feature costs a row in a linear member: encoding and multiplying."""
LATENCY = 80e-6
"""Seconds that a blend may take for a row, unless model.latency says otherwise."""


@dataclass(frozen=True)
class HeldOut:
    """What choices are made by. y: shape (n,).  rows: positions that some fold held out.  weight: shape (n,).

    group: shape (n,), equal values for rows that are alike, or None.
    """

    facts: Facts
    y: Float64
    rows: Rows
    weight: Float64 | None = None
    group: Groups | None = None

    @classmethod
    def of(cls, bench: Workbench) -> HeldOut:
        """Those of a workbench's folds."""
        return cls(bench.facts, bench.table.y, bench.held_out, bench.table.weight, bench.table.group)

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

    @property
    def groups(self) -> Groups | None:
        """Of the rows held out."""
        return None if self.group is None else self.group[self.rows]

    def losses(self, choice: Choice) -> Float64:
        """Log loss or squared error of each row held out."""
        margins = self.facts.corrected(choice.margins[self.rows], choice.output)
        return row_losses(self.facts.task, margins, self.outcomes)

    def loss(self, choice: Choice) -> float:
        """Mean log loss or squared error, by weight."""
        return float((self.shares * self.losses(choice)).mean())

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
    def latency(self) -> float:
        """Seconds that its trees and its linear terms take for a row."""
        return sum(_latency(member) for member in self.members)

    @property
    def n_trees(self) -> int:
        """Trees of all members: one an output in every round."""
        return int(self.margins.shape[1]) * sum(member.trial.rounds for member in self.members)


def single(result: Result) -> Choice:
    """One model alone."""
    return Choice((result,), (1.0,), result.margins, result.output)


def choose_winner(
    held_out: HeldOut,
    leaders: Sequence[Result],
    metric: str,
    *,
    blend: bool = True,
    latency: float = LATENCY,
) -> Choice:
    """Return the best model, or the blend of several.

    leaders: complete trials, the lowest loss first.  latency: seconds a row that a blend may take.
    """
    if not leaders:
        raise ValueError("there is no complete trial to choose from")
    joint = blend_of(held_out, leaders, latency) if blend else None
    return _best(held_out, [*map(single, leaders), *([joint] if joint is not None else [])], metric)


def _best(held_out: HeldOut, choices: Sequence[Choice], metric: str) -> Choice:
    """The best by the metric on held-out rows; of those within its noise the one of the lowest loss, a blend or not."""
    task, y, weight = held_out.facts.task, held_out.outcomes, held_out.weights
    scores = [held_out.scores(choice) for choice in choices]
    values = [metric_value(task, y, s, metric, weight=weight) for s in scores]
    best = scores[int(np.argmax(np.array(values) * (1.0 if HIGHER_IS_BETTER[metric] else -1.0)))]
    level = [
        choice
        for choice, s in zip(choices, scores, strict=True)
        if compared(task, y, s, best, metric, group=held_out.groups, weight=weight).low <= 0.0
    ]
    return min(level, key=held_out.loss)


def blend_of(held_out: HeldOut, leaders: Sequence[Result], latency: float) -> Choice | None:
    """The best weighted mean of the models' margins that takes so many seconds a row; None where one alone is as good.

    Trees and linear models alike: their sum is served as one. Only probabilities cannot be summed so.
    """
    members = [r for r in leaders if r.output == "margin"]
    while len(members) > 1:
        choice = weighted(held_out, members)
        if len(choice.members) < 2:
            return None
        if choice.latency <= latency * (1.0 + 1e-9):
            return choice
        pairs = zip(choice.members, choice.weights, strict=True)
        dearest = max(pairs, key=lambda pair: _latency(pair[0]) / pair[1])[0]
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


def _latency(result: Result) -> float:
    """Seconds that one model takes for a row, by figures, not by a clock."""
    outputs = int(result.margins.shape[1])
    if _has_trees(result):
        return 1e-6 * MICROSECONDS_A_TREE * outputs * result.trial.rounds
    return 1e-6 * MICROSECONDS_A_TERM * outputs * result.n_inputs


def _has_trees(result: Result) -> bool:
    """Whether the trial's document is trees."""
    return candidate_named(result.trial.family).style(result.trial.params) == "trees"


def score_of(held_out: HeldOut, result: Result, metric: str) -> float:
    """The metric of one trial on held-out rows, before calibration."""
    scores = held_out.scores(joined([result], [1.0]))
    return metric_value(held_out.facts.task, held_out.outcomes, scores, metric, weight=held_out.weights)
