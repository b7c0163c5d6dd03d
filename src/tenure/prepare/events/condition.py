"""The SQL condition that says which events count for the label: the language of features and rules."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tenure.prepare.events.columns import VALUE
from tenure.prepare.sql.check import check_names
from tenure.prepare.sql.columnar import compile_columns
from tenure.prepare.sql.expression import Written, read_expression
from tenure.prepare.sql.tree import ValueKind


def columns_of(condition: Written, available: Iterable[str]) -> tuple[str, ...]:
    """The columns that a condition reads. Raises ExpressionError for a wrong one, or a column that is not there."""
    from tenure.prepare.sql.parse import parse

    tree = parse(condition.sql, condition.where)
    return check_names(tree, available, sql=condition.sql, where=condition.where)


def meeting(condition: Written, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of typed events that meet a condition; one that comes out as null is not met.

    Raises ExpressionError where it does not fit what the columns hold.
    """
    values = {name.removeprefix(VALUE): name for name in rows.columns if name.startswith(VALUE)}
    kinds = {column: _kind(rows.schema[name]) for column, name in values.items()}
    found = read_expression(condition.sql, kinds, where=condition.where, want="boolean")
    read = rows.select(_as_value(values[column], kinds[column]).alias(column) for column in found.columns)
    # with_columns, because a condition that is the same for all rows would be one row long
    met = read.with_columns(compile_columns(found.tree).alias(_MET))[_MET]
    return rows.filter(met.fill_null(False))


_MET = "__met"


def _kind(dtype: pl.DataType) -> ValueKind:
    kinds: dict[type[pl.DataType], ValueKind] = {
        pl.Float64: "number",
        pl.Boolean: "boolean",
        pl.String: "text",
    }
    return kinds.get(dtype.base_type(), "date")


def _as_value(name: str, kind: ValueKind) -> pl.Expr:
    return pl.col(name).dt.epoch("us") if kind == "date" else pl.col(name)
