"""Generated features: proposed and judged before training, joined to the recipe, and told of with cost and gain."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tenure.config import ProjectConfig
from tenure.model.generate import propose
from tenure.model.judge import judge
from tenure.model.limits import Limits
from tenure.model.settings import GeneratedFeature, Plan
from tenure.model.workbench import TrainingTable
from tenure.prepare.columns import settle
from tenure.prepare.split import PART, TRAIN, VALIDATION
from tenure.prepare.sql.column_recipe import derive
from tenure.prepare.sql.learn import with_features
from tenure.prepare.sql.row import compile_row

if TYPE_CHECKING:
    from tenure.model.train import Trained
    from tenure.prepare.recipe import Recipe
    from tenure.project.prepared import Prepared

SHARE = 0.09
"""Of the budget, for judging: what is under way at its end is done within a tenth."""
JUDGED_ROWS = 20_000
"""Training rows, and validation rows, that proposals are judged on at most."""
LEAST_SECONDS = 0.5
"""Less is not worth the start: rows are typed and models fitted on folds before anything is known."""
PROPOSING_SECONDS_A_COLUMN = 1e-3
"""Of reading and proposing, measured."""
_TIMED_ROWS, _TIMES = 200, 5


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


def find_features(
    config: ProjectConfig,
    prepared: Prepared,
    train: TrainingTable,
    validation: TrainingTable,
    plan: Plan | None = None,
) -> Generated:
    """The features of a plan, or else those that are kept now if the config asks for any."""
    if plan is not None:
        return Generated(plan.features)
    return generate(config, prepared, train, validation) if config.model.generate_features else Generated()


def generate(
    config: ProjectConfig, prepared: Prepared, train: TrainingTable, validation: TrainingTable
) -> Generated:
    """Propose features and judge them on training and validation rows.

    With `model.trials` the clock has no say; else it may take a tenth of the budget.
    """
    import_module("lightgbm")  # the search needs it as well: it is no cost of judging
    started, seed = time.perf_counter(), config.split.seed
    seconds = None if config.model.trials else SHARE * config.model.budget
    chosen = [_sample(len(table.y), seed) for table in (train, validation)]
    train, validation = train.rows(chosen[0]), validation.rows(chosen[1])
    names = prepared.rows.collect_schema().names()
    n_columns = len(prepared.recipe.own_features)
    if seconds is not None and max(LEAST_SECONDS, 2 * PROPOSING_SECONDS_A_COLUMN * n_columns) > seconds:
        why = f"nothing was tried: {seconds:.1f} s do not suffice for {n_columns} columns"
        return Generated((), time.perf_counter() - started, (f"generated features: {why}",))
    proposals = propose(prepared.recipe, train.features, train.y, taken=names)
    typed = _inputs(prepared.recipe, prepared.rows)
    rows = [
        typed[np.flatnonzero(prepared.parts == part)[which]]
        for part, which in zip((TRAIN, VALIDATION), chosen, strict=True)
    ]
    recipe = with_features(prepared.recipe, rows[0], proposals)
    # What is made of a limited column could turn its direction round, or bring together what may not act together.
    limited = limits_of(config).columns
    read = {d.column.name for d in recipe.derived if limited & set(d.value.columns)}
    if touched := read & set(proposals):
        proposals = {name: sql for name, sql in proposals.items() if name not in touched}
        recipe = with_features(prepared.recipe, rows[0], proposals)
    train, validation = (
        replace(table, features=settle(recipe, part.lazy()).collect())
        for table, part in zip((train, validation), rows, strict=True)
    )
    found = judge(
        recipe,
        train,
        validation,
        proposals,
        seed=seed,
        threads=config.model.threads or os.cpu_count() or 1,
        seconds=None if seconds is None else max(0.0, seconds - (time.perf_counter() - started)),
    )
    warnings = (f"generated features: {found.why_not}",) if found.why_not else ()
    return Generated(found.kept, time.perf_counter() - started, warnings)


def limits_of(config: ProjectConfig) -> Limits:
    """What the config says a model may not do."""
    return Limits(dict(config.model.monotone), tuple(map(tuple, config.model.interactions)))


def with_generated(prepared: Prepared, features: Sequence[GeneratedFeature]) -> Prepared:
    """The same rows with a recipe that computes these features; their ranges are learned from the training rows."""
    if not features:
        return prepared
    training = _inputs(prepared.recipe, prepared.rows.filter(pl.col(PART) == TRAIN))
    recipe = with_features(prepared.recipe, training, {f.name: f.sql for f in features})
    return replace(prepared, recipe=recipe)


def describe_features(
    prepared: Prepared, generated: Sequence[GeneratedFeature]
) -> tuple[dict[str, Any], ...]:
    """Every derived feature of a recipe as JSON data: name, SQL, gain of generated ones, microseconds a row."""
    recipe = prepared.recipe
    if not recipe.derived:
        return ()
    gains = {feature.name: asdict(feature.gain) for feature in generated}
    table = derive(recipe, _inputs(recipe, prepared.rows.head(_TIMED_ROWS)).lazy()).collect()
    positions, rows = {name: at for at, name in enumerate(table.columns)}, table.rows()
    return tuple(
        {
            "name": derived.column.name,
            "sql": derived.value.sql,
            "gain": gains.get(derived.column.name),
            "microseconds": _microseconds(compile_row(derived.value.tree, positions), rows),
        }
        for derived in recipe.derived
    )


def _microseconds(step: Any, rows: Sequence[tuple[Any, ...]]) -> float:
    """Of one row by the executor of the service: the least of a few passes, as others may want the core."""
    passes = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        for row in rows:
            step(row)
        passes.append(time.perf_counter() - started)
    return round(min(passes) / len(rows) * 1e6, 3)


def _inputs(recipe: Recipe, rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.select(column.name for column in recipe.inputs).collect()


def _sample(n_rows: int, seed: int) -> np.ndarray:
    """Row numbers, sorted: all of them, or as many as are judged on."""
    if n_rows <= JUDGED_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, JUDGED_ROWS, replace=False))
