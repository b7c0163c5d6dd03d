"""Generated features of a training table: whether there is time, what is proposed, and what of it stays."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tenure.model.generate import propose
from tenure.model.judge import judge
from tenure.model.settings import GeneratedFeature
from tenure.model.workbench import Rows, TrainingTable
from tenure.prepare.columns import settle
from tenure.prepare.recipe import Recipe
from tenure.prepare.sql.learn import with_features

if TYPE_CHECKING:
    from tenure.model.train import Trained

SHARE = 0.09
"""Of the budget, for judging: what is under way at its end is done within a tenth."""
JUDGED_ROWS = 20_000
"""Training rows, and validation rows, that proposals are judged on at most."""
FEWEST_ROWS = 200
"""With fewer training rows nothing is proposed: no gain could be told from chance over forty proposals."""
LEAST_SECONDS = 0.5
"""Less is not worth the start: rows are typed and models fitted on folds before anything is known."""
PROPOSING_SECONDS_A_COLUMN = 1e-3
"""Of reading and proposing, measured."""


@dataclass(frozen=True)
class Generated:
    """features: those that are kept.  seconds: that finding them took.  warnings: why none, or not all, were tried."""

    features: tuple[GeneratedFeature, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    def noted_in(self, trained: Trained) -> Trained:
        """What training made, with the features in its plan, so that whoever follows the plan need not judge again."""
        plan = replace(trained.plan, features=self.features)
        return replace(trained, plan=plan, warnings=(*self.warnings, *trained.warnings))


class Clock:
    """How long generating may take. seconds: None: the clock has no say, and equal rows give equal features."""

    def __init__(self, budget: float | None) -> None:
        import_module("lightgbm")  # the search needs it as well: it is no cost of judging
        self._started = time.perf_counter()
        self.seconds = None if budget is None else SHARE * budget

    def suffices(self, n_columns: int) -> bool:
        """Whether it is worth to begin."""
        least = max(LEAST_SECONDS, 2 * PROPOSING_SECONDS_A_COLUMN * n_columns)
        return self.seconds is None or self.seconds >= least

    @property
    def left(self) -> float | None:
        """Seconds until the end, at least 0."""
        return None if self.seconds is None else max(0.0, self.seconds - self.passed)

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started


def find_features(
    recipe: Recipe,
    tables: tuple[TrainingTable, TrainingTable],
    typed: tuple[pl.DataFrame, pl.DataFrame],
    clock: Clock,
    *,
    taken: list[str],
    limited: Set[str] = frozenset(),
    seed: int,
    threads: int,
) -> Generated:
    """Propose features, judge them on training rows, and keep what validation rows confirm.

    tables, typed: the clean rows of both, and the inputs of the same rows as the recipe reads them.
    taken: names that a feature must not have.  limited: columns that no feature may read, as what is made of a limited
    column could turn its direction round, or bring together what may not act together.
    """
    train, validation = tables
    if len(train.y) < FEWEST_ROWS:
        return Generated(seconds=clock.passed)
    proposals = propose(recipe, train.features, train.y, taken=taken)
    extended = with_features(recipe, typed[0], proposals)
    read = {d.column.name for d in extended.derived if limited & set(d.value.columns)}
    if touched := read & set(proposals):
        proposals = {name: sql for name, sql in proposals.items() if name not in touched}
        extended = with_features(recipe, typed[0], proposals)
    train, validation = (
        replace(table, features=settle(extended, rows.lazy()).collect())
        for table, rows in zip(tables, typed, strict=True)
    )
    found = judge(extended, train, validation, proposals, seed=seed, threads=threads, seconds=clock.left)
    warnings = (f"generated features: {found.why_not}",) if found.why_not else ()
    return Generated(found.kept, clock.passed, warnings)


def without_time(clock: Clock, n_columns: int) -> Generated:
    """What is told where the time does not suffice."""
    why = f"nothing was tried: {clock.seconds:.1f} s do not suffice for {n_columns} columns"
    return Generated((), clock.passed, (f"generated features: {why}",))


def judged_rows(n_rows: int, seed: int) -> Rows:
    """Row numbers, sorted: all of them, or as many as are judged on."""
    if n_rows <= JUDGED_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, JUDGED_ROWS, replace=False))
