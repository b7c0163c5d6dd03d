"""What the steps of training share, and the fits of the winner's members on all rows of a table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts, FitContext, Style
from tenure.model.class_weights import class_weights
from tenure.model.document import ModelDocument
from tenure.model.encode import learn_encoding
from tenure.model.joining import Part, join
from tenure.model.settings import DEFAULT_METRIC, Clock, Member, TrainSettings
from tenure.model.workbench import Stopwatch, TrainingTable
from tenure.prepare.recipe import Recipe
from tenure.release.encoding import Encoding

LARGE_CELLS = 1_000_000
"""Encoded cells from which on a final fit uses all threads."""


@dataclass
class Run:
    """What the steps of one call of train share."""

    recipe: Recipe
    train: TrainingTable
    validation: TrainingTable
    settings: TrainSettings
    clock: Clock
    watch: Stopwatch = field(default_factory=Stopwatch)
    warnings: list[str] = field(default_factory=list)

    @property
    def n_classes(self) -> int:
        """Classes of the target; 0 for regression."""
        return len(self.recipe.target.classes)

    @cached_property
    def class_weight(self) -> tuple[float, ...] | None:
        """One weight a class, from the training rows: what the fits of all folds and rows count by."""
        target = self.recipe.target
        return class_weights(self.settings.class_weight, target.classes, self.train.y, self.train.shares)

    @property
    def metric(self) -> str:
        """The metric that chooses the winner."""
        return self.settings.metric or DEFAULT_METRIC[self.recipe.target.task]

    def facts(self, n_rows: int) -> Facts:
        """What candidates are told of a training part of so many rows."""
        return Facts(
            self.recipe.target.task,
            self.n_classes,
            n_rows,
            len(self.recipe.features),
            self.class_weight,
            self.settings.limits,
        )

    def context(self, soft: bool = False) -> FitContext:
        """How the final fits are done; soft: cut at the end of the budget rather than given up."""
        # The tenth that a run may go over its budget is for the last fit.
        deadline = self.clock.deadline(-0.07 * (self.clock.budget or 0.0)) if soft else None
        facts = self.facts(len(self.train.y))
        return FitContext(facts, self.settings.seed, self.settings.threads, deadline, soft)


def more_rounds(family: str, rounds: int, growth: float) -> int:
    """Rounds for a refit on `growth` times the rows: more rows bear more rounds, by the square root.

    >>> more_rounds("lightgbm", 100, 1.21)
    110
    """
    return max(1, round(rounds * growth**0.5)) if candidate_named(family).boosts else rounds


def style_of(member: Member) -> Style:
    """The encoding that a member reads."""
    return candidate_named(member.family).style(member.params)


@dataclass(frozen=True)
class Fits:
    """The members of a winner, fitted: the encoding of each style, and for each member its document and itself.

    is_cut: for each member, whether the end of the budget came before its last round.
    """

    encodings: Mapping[Style, Encoding]
    documents: tuple[ModelDocument, ...]
    members: tuple[Member, ...]
    is_cut: tuple[bool, ...]

    def joined(self) -> tuple[Encoding, ModelDocument]:
        """All as one model, and the encoding that it reads."""
        return join(
            [
                Part(self.encodings[style_of(member)], document, member.weight)
                for member, document in zip(self.members, self.documents, strict=True)
            ]
        )


def fit_members(run: Run, members: Sequence[Member], table: TrainingTable) -> Fits:
    """Fit each member on these rows, side by side; they come back with the rounds that were fitted."""
    learned = {
        style: learn_encoding(
            run.recipe, style, table.features, table.y, seed=run.settings.seed, weight=table.fit_weight
        )
        for style in dict.fromkeys(map(style_of, members))
    }
    facts = run.facts(len(table.y))
    parts = {style: facts.fitted(found.part, found.encoding) for style, found in learned.items()}
    # One model on a large table is worth several threads; otherwise they would only wait for each other.
    alone = len(members) == 1 and parts[style_of(members[0])].X.size >= LARGE_CELLS
    context = replace(run.context(soft=True), threads=run.settings.threads if alone else 1)
    started, tasks, fits = time.perf_counter(), Stopwatch(), Stopwatch()

    def fit(member: Member) -> tuple[ModelDocument, Member, bool]:
        candidate, wanted = candidate_named(member.family), member.rounds or None
        part = parts[style_of(member)]
        fitted = fits.measure(lambda: candidate.fit(part, member.params, context, rounds=wanted))
        is_cut = fitted.rounds < member.rounds and context.is_late()
        return fitted.document(part), replace(member, rounds=fitted.rounds), is_cut

    with ThreadPoolExecutor(max_workers=run.settings.threads) as pool:
        done = list(pool.map(lambda member: tasks.measure(lambda: fit(member)), members))
    run.watch.seconds += (time.perf_counter() - started) * min(1.0, fits.seconds / max(tasks.seconds, 1e-9))
    documents, fitted, cut = zip(*done, strict=True)
    return Fits({style: found.encoding for style, found in learned.items()}, documents, fitted, cut)
