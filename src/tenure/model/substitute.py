"""Rows with other cells in some raw columns, as a model would get them: what is computed from a column follows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from tenure.prepare.columns import settle
from tenure.prepare.expressions import settle_cell
from tenure.prepare.recipe import Recipe
from tenure.prepare.sql.column_recipe import derive


def followers(recipe: Recipe, names: Collection[str]) -> tuple[str, ...]:
    """The features that change with these raw columns: themselves, and what is computed from them, at any remove.

    >>> from tenure.prepare.recipe import ColumnRecipe, TargetRecipe
    >>> columns = (ColumnRecipe("a", "number"), ColumnRecipe("b", "number"))
    >>> followers(Recipe(TargetRecipe("y", "regression"), columns), ["b"])
    ('b',)
    """
    touched = set(names)
    for derived in recipe.derived:  # in the order in which they are computed
        if touched & set(derived.value.columns):
            touched.add(derived.column.name)
    return tuple(column.name for column in recipe.features if column.name in touched)


def sources(recipe: Recipe, feature: str) -> tuple[str, ...]:
    """The raw columns that a feature is, or is computed from, in the order of recipe.inputs."""
    return tuple(c.name for c in recipe.inputs if feature in followers(recipe, [c.name]))


def substitute(
    recipe: Recipe,
    rows: pl.DataFrame,
    cells: Mapping[str, pl.Series | pl.Expr],
    only: Sequence[str] | None = None,
) -> pl.DataFrame:
    """The clean features of rows in which some columns have other cells.

    rows: as they are read, see prepare.typed.  cells: column -> its new cells, as read.
    only: the features that are wanted; None: all.
    """
    changed = rows.lazy().with_columns(value.alias(name) for name, value in cells.items())
    if only is None:
        return settle(recipe, changed).collect()
    wanted = set(only)
    return (
        derive(recipe, changed)
        .select(settle_cell(column) for column in recipe.features if column.name in wanted)
        .collect()
    )
