"""Generated features of an estimator's rows, which come without a part to confirm a gain on: a fold of them is that."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.errors import TargetError
from tenure.model.generated import (
    FEWEST_ROWS,
    Clock,
    Generated,
    find_features,
    judged_rows,
    without_time,
)
from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import folds

_N_PARTS = 5
"""Four of five parts are judged on, the fifth confirms: as in a project."""


def generate(
    recipe: Recipe,
    table: TrainingTable,
    typed: pl.DataFrame,
    *,
    budget: float | None,
    seed: int,
    threads: int,
) -> Generated:
    """The features that are kept, of all rows. typed: the inputs of the same rows as the recipe reads them.

    budget: seconds of the whole fit, of which a tenth may be taken; None: the clock has no say.
    """
    if len(table.y) < FEWEST_ROWS:
        return Generated()
    clock = Clock(budget)
    if not clock.suffices(n_columns := len(recipe.own_features)):
        return without_time(clock, n_columns)
    try:
        parts = folds(table.y, _N_PARTS, seed=seed, group=table.group, task=recipe.target.task)[0]
    except TargetError:
        return Generated((), clock.passed)
    judged, confirming = (part[judged_rows(len(part), seed)] for part in map(np.sort, parts))
    return find_features(
        recipe,
        (table.rows(judged), table.rows(confirming)),
        (typed[judged], typed[confirming]),
        clock,
        taken=[*typed.columns, recipe.target.name],
        seed=seed,
        threads=threads,
    )
