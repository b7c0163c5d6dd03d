"""Generated features: proposed and judged before training, joined to the recipe, and told of with cost and gain."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tenure.config import ProjectConfig
from tenure.model import generated
from tenure.model.generated import Clock, Generated, judged_rows, without_time
from tenure.model.limits import Limits
from tenure.model.settings import GeneratedFeature, Plan
from tenure.model.workbench import TrainingTable
from tenure.prepare.split import PART, TRAIN, VALIDATION
from tenure.prepare.sql.column_recipe import derive
from tenure.prepare.sql.learn import with_features
from tenure.prepare.sql.row import compile_row

if TYPE_CHECKING:
    from tenure.prepare.recipe import Recipe
    from tenure.project.prepared import Prepared

_TIMED_ROWS, _TIMES = 200, 5


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
    recipe, seed = prepared.recipe, config.split.seed
    clock = Clock(None if config.model.trials else config.model.budget)
    if not clock.suffices(n_columns := len(recipe.own_features)):
        return without_time(clock, n_columns)
    chosen = [judged_rows(len(table.y), seed) for table in (train, validation)]
    typed = _inputs(recipe, prepared.rows)
    parts = [np.flatnonzero(prepared.parts == part) for part in (TRAIN, VALIDATION)]
    return generated.find_features(
        recipe,
        (train.rows(chosen[0]), validation.rows(chosen[1])),
        (typed[parts[0][chosen[0]]], typed[parts[1][chosen[1]]]),
        clock,
        taken=prepared.rows.collect_schema().names(),
        limited=limits_of(config).columns,
        seed=seed,
        threads=config.model.threads or os.cpu_count() or 1,
    )


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


def describe_features(prepared: Prepared, kept: Sequence[GeneratedFeature]) -> tuple[dict[str, Any], ...]:
    """Every derived feature of a recipe as JSON data: name, SQL, gain of generated ones, microseconds a row."""
    recipe = prepared.recipe
    if not recipe.derived:
        return ()
    gains = {feature.name: asdict(feature.gain) for feature in kept}
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
