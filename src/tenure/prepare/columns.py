"""The columnar executor: a recipe applied to whole tables with Polars, lazily."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tenure.errors import ColumnsMissing, SourceError
from tenure.prepare.expressions import (
    by_text,
    clean_cell,
    folded,
    missing,
    read_cell,
    readable,
    settle_cell,
    unread_rows,
)
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tenure.prepare.rules import A_NUMBER, rule_of
from tenure.prepare.sql.column_recipe import derive, describe_broken, find_broken
from tenure.prepare.tokens import shown
from tenure.records import CellProblem

_BATCH = 50_000


class TableReader:
    """A recipe made ready for tables of one schema, batch after batch: cells met before are looked up.

    Threads may share it. Raises as clean does.
    """

    def __init__(self, recipe: Recipe, schema: pl.Schema) -> None:
        _checked_schema(recipe, schema)
        self.schema = schema
        self._recipe = recipe
        self._reading = [read_cell(column, schema[column.name]) for column in recipe.inputs]
        self._settling = [settle_cell(column) for column in recipe.features]

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """As the function read does."""
        return frame.lazy().select(self._reading).collect()

    def settle(self, typed: pl.DataFrame) -> pl.DataFrame:
        """As the function settle does."""
        return derive(self._recipe, typed.lazy()).select(self._settling).collect()


def clean(recipe: Recipe, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The clean feature columns of a raw table, in recipe order; other columns are dropped.

    A cell that cannot be read becomes null; find_problems names such cells.
    Raises ColumnsMissing when feature columns are absent, SourceError for nested ones.
    """
    if recipe.derived:
        return settle(recipe, read(recipe, frame))
    schema = _checked_schema(recipe, frame.collect_schema())
    return frame.select(clean_cell(column, schema[column.name]) for column in recipe.features)


def read(recipe: Recipe, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The input columns of a raw table as values of their kinds, before bounds and levels; see read_cell.

    settle of it is what clean gives. Raises as clean does.
    """
    schema = _checked_schema(recipe, frame.collect_schema())
    return frame.select(read_cell(column, schema[column.name]) for column in recipe.inputs)


def settle(recipe: Recipe, typed: pl.LazyFrame) -> pl.LazyFrame:
    """The clean features, in recipe order, of a table that read has read; other columns are dropped.

    Derived features are computed from what was read.
    """
    return derive(recipe, typed).select(settle_cell(column) for column in recipe.features)


def find_problems(
    recipe: Recipe, frame: pl.DataFrame, limit: int = 1000, typed: pl.DataFrame | None = None
) -> list[CellProblem]:
    """The input cells that cannot be read, and the rules of the config that rows break; at most limit, by row.

    Row numbers count from 0 in frame. typed: the same rows as read, if they are there. Raises as clean does.
    """
    typed = read(recipe, frame.lazy()).collect() if typed is None else typed
    problems = []
    for position, column in enumerate(recipe.inputs):
        if not typed[column.name].null_count():
            continue
        raw = frame[column.name]
        rows = unread_rows(column, raw, typed[column.name]).head(limit).to_list()
        rule = rule_of(column)
        problems += [(row, position, CellProblem(row, column.name, rule, shown(raw[row]))) for row in rows]
    for position, (broken, marks) in enumerate(find_broken(recipe, typed), start=len(recipe.inputs)):
        if broken.then != "warn":
            rows = marks.arg_true().head(limit).to_list()
            found = describe_broken(recipe, typed, broken, rows)
            problems += [(problem.row, position, problem) for problem in found]
    return [problem for _, _, problem in sorted(problems, key=lambda found: found[:2])[:limit]]


def count_problems(recipe: Recipe, frame: pl.LazyFrame) -> dict[str, int]:
    """How many cells of each input column cannot be read; columns without any are left out. Streams."""
    names = [column.name for column in recipe.inputs]
    counts = dict.fromkeys(names, 0)
    _checked_schema(recipe, frame.collect_schema())
    for batch in frame.select(names).collect_batches(chunk_size=_BATCH):
        typed = read(recipe, batch.lazy()).collect()
        for column in recipe.inputs:
            counts[column.name] += len(unread_rows(column, batch[column.name], typed[column.name]))
    return {name: count for name, count in counts.items() if count}


def target_values(target: TargetRecipe, series: pl.Series) -> np.ndarray:
    """The target as float64 [n]: the index into target.classes, or the number; NaN where null or unknown."""
    raw = series.to_frame(target.name) if series.name != target.name else series.to_frame()
    raw.columns = [target.name]
    value = _target_value(target, series.dtype)
    return (
        raw.select(value.cast(pl.Float64)).to_series().fill_null(float("nan")).to_numpy().astype(np.float64)
    )


def read_target(target: TargetRecipe, dtype: pl.DataType) -> pl.Expr:
    """Each target cell as its class label, String, or as the number, Float64; null where missing or unknown."""
    if target.task == "regression":
        return _target_value(target, dtype).alias(target.name)
    return _of_spelling(target, dtype, target.spellings, pl.String).alias(target.name)


def target_problems(target: TargetRecipe, series: pl.Series, limit: int = 1000) -> list[CellProblem]:
    """The cells of a target column that are neither missing nor a known class (or a number)."""
    raw = series.rename(target.name).to_frame()
    column = ColumnRecipe(target.name, "number", null_tokens=target.null_tokens)
    marks = raw.select(
        (~missing(column, series.dtype)) & _target_value(target, series.dtype).is_null()
    ).to_series()
    rule = f"must be one of {', '.join(target.classes)}" if target.classes else A_NUMBER
    rows = marks.arg_true().head(limit).to_list()
    return [CellProblem(row, target.name, rule, shown(series[row])) for row in rows]


def time_values(series: pl.Series) -> np.ndarray:
    """A time column as float64 [n] that sorts as time does; NaN where it cannot be read.

    Dates become microseconds since the epoch, numbers stay as they are.
    """
    from tenure.prepare.learn import learn_column

    column = learn_column(series.name, series, as_time=True)
    frame = series.to_frame()
    if column.kind not in ("date", "number", "integer"):
        return np.full(len(series), np.nan)
    values = frame.select(clean_cell(column, series.dtype).cast(pl.Float64)).to_series()
    return values.fill_null(float("nan")).to_numpy().astype(np.float64)


def _checked_schema(recipe: Recipe, schema: pl.Schema) -> pl.Schema:
    absent = [column.name for column in recipe.inputs if column.name not in schema]
    if absent:
        raise ColumnsMissing(absent, schema.names(), where="the table's header")
    for column in recipe.inputs:
        if not readable(schema[column.name]):
            raise SourceError(
                f"column {column.name!r} holds {schema[column.name]}, not single values",
                where=f"column {column.name!r}",
                todo="flatten it into columns of its own, or leave it out with data.exclude",
            )
    return schema


def _target_value(target: TargetRecipe, dtype: pl.DataType) -> pl.Expr:
    if target.task == "regression":
        column = ColumnRecipe(target.name, "number", number_format=target.number_format or NumberFormat())
        return clean_cell(column, dtype)
    position = {label: index for index, label in enumerate(target.classes)}
    indices = {spelling: position[label] for spelling, label in target.spellings.items()}
    return _of_spelling(target, dtype, indices, pl.Int64)


def _of_spelling(
    target: TargetRecipe, dtype: pl.DataType, values: Mapping[str, Any], made: type[pl.DataType]
) -> pl.Expr:
    """The value of each target cell by its folded spelling."""

    def value_of(text: pl.Expr) -> pl.Expr:
        return folded(text).replace_strict(
            list(values), list(values.values()), default=None, return_dtype=made
        )

    return by_text(target.name, dtype, value_of, made)
