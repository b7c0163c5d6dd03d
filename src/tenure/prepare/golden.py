"""Golden rows: rows that every load of a release scores again, mixed from the cells of many so that they are nobody's.

A release outlives the rows that it learned from: a person can be erased from the data, and must not stay in it.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tenure.prepare.columns import find_problems
from tenure.prepare.recipe import Recipe
from tenure.prepare.rules import words_of

_STAND_IN = "a few words"


def golden_rows(recipe: Recipe, raw: pl.DataFrame, n: int) -> tuple[dict[str, Any], ...]:
    """At most n mixed rows as JSON can hold them; cells that break the recipe, or one of its rules, are emptied."""
    raw = mix_rows(raw, recipe, n)
    rows = raw.to_dicts()
    broken = {words_of(rule): rule.test.columns for rule in recipe.rules}
    for problem in find_problems(recipe, raw):
        for name in broken.get(problem.rule, (problem.column,)):
            if name in rows[problem.row]:
                rows[problem.row][name] = None
    return tuple({name: _json_cell(value) for name, value in row.items()} for row in rows)


def mix_rows(raw: pl.DataFrame, recipe: Recipe, n: int) -> pl.DataFrame:
    """Return at most n rows of the columns that are read, each cell from another row as far as they go.

    raw: some training rows, as read; with at least as many rows as columns no two cells come from one row.
    Texts, which may be of one person alone, are replaced by words of nobody.

    >>> from tenure.prepare.recipe import ColumnRecipe, TargetRecipe
    >>> columns = tuple(ColumnRecipe(name, "number") for name in "ab")
    >>> raw = pl.DataFrame({"a": [1, 2, 3], "b": [10, 20, 30]})
    >>> mix_rows(raw, Recipe(TargetRecipe("y", "regression"), columns), 2).rows()
    [(1, 20), (2, 30)]
    """
    cells = {}
    for place, column in enumerate(recipe.inputs):
        at = [(row + place) % raw.height for row in range(min(n, raw.height))]
        values = raw[column.name].gather(at)
        words = pl.Series(column.name, [_STAND_IN] * len(at))
        cells[column.name] = words if column.kind == "text" else values
    return pl.DataFrame(cells)


def _json_cell(value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
