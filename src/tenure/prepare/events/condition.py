"""The SQL condition that says which events count for the label."""

from __future__ import annotations

import polars as pl

from tenure.errors import ConfigError
from tenure.prepare.events.columns import VALUE

_PLACE = "data.label.where"


def read_condition(sql: str) -> pl.Expr:
    """The condition as an expression over an event table's own columns. Raises ConfigError when it is wrong."""
    try:
        return pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        raise _wrong(sql, str(error)) from error


def columns_of(condition: pl.Expr) -> list[str]:
    """The columns that a condition reads."""
    return list(dict.fromkeys(condition.meta.root_names()))


def meeting(condition: pl.Expr, rows: pl.DataFrame, sql: str) -> pl.DataFrame:
    """The rows of typed events that meet a condition; one that comes out as null is not met."""
    values = rows.select(pl.col(VALUE + column).alias(column) for column in columns_of(condition))
    try:
        met = values.select(condition).to_series()
    except pl.exceptions.PolarsError as error:
        raise _wrong(sql, str(error)) from error
    if met.dtype != pl.Boolean:
        raise _wrong(sql, f"it gives {met.dtype} values, not true and false")
    return rows.filter(met.fill_null(False))


def _wrong(sql: str, why: str) -> ConfigError:
    reason = (why.splitlines() or [""])[0]
    return ConfigError(
        f"{_PLACE}: {sql!r} is no condition over the table's columns: {reason}",
        where=_PLACE,
        todo="write a SQL condition such as amount > 0 AND kind = 'order'",
    )
