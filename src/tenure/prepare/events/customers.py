"""Whom the rows are about, and from when: the rows of a table, or the keys that the events have shown."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tenure.errors import SourceError
from tenure.prepare.events.columns import A_TIME, KEY, KNOWN, TIME, Events, keys_of, times_of
from tenure.prepare.events.pairs import AT, ROW
from tenure.prepare.tokens import shown
from tenure.records import CellProblem

SINCE, POSITION = "since", "position"


def customers_of_table(
    table: pl.DataFrame, id: str, since: str | None
) -> tuple[pl.DataFrame, tuple[CellProblem, ...]]:
    """KEY, SINCE (microseconds; null: always) and POSITION of each row of a table with one row an id.

    since: the column that says from when the id is there; nothing in it means always, and a row in which it cannot
    be read is left out and named.  Raises SourceError for ids that are missing or stand twice.
    """
    keys = keys_of(table[id])
    empty = keys.is_null().arg_true()
    if len(empty):
        raise SourceError(
            f"{len(empty)} row(s) have no {id!r}, such as row {empty[0]} (counted from 0)",
            where="data.source",
            todo="fill it in, or take these rows out",
        )
    twice = keys.filter(keys.is_duplicated())
    if len(twice):
        raise SourceError(
            f"with data.cutoffs each {id!r} has one row; {twice.n_unique()} have more, such as {twice[0]!r}",
            where="data.source",
            todo="keep one row each, or leave data.cutoffs out and name each row's own time as data.time",
        )
    rows = pl.DataFrame({KEY: keys}).with_row_index(POSITION)
    if since is None:
        return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias(SINCE)), ()
    moments = times_of(table[since], "data.source")
    bad = moments.is_null() & keys_of(table[since]).is_not_null()
    return rows.with_columns(moments.alias(SINCE)).filter(~bad), _name_times(table[since], bad)


def customers_of_events(tables: Sequence[Events]) -> pl.DataFrame:
    """KEY and SINCE (microseconds) of every key: the first moment at which one of its events was past and known."""
    seen = [
        events.rows.lazy().group_by(KEY).agg(pl.max_horizontal(TIME, KNOWN).min().alias(SINCE))
        for events in tables
    ]
    return pl.concat(seen).group_by(KEY).agg(pl.col(SINCE).min()).sort(KEY).collect()


def rows_at_cutoffs(customers: pl.DataFrame, cutoffs: Sequence[int]) -> pl.DataFrame:
    """ROW, AT and the columns of customers: every customer at every cutoff that is not before SINCE.

    cutoffs: microseconds.  The rows of one cutoff stand together, in the order of customers.
    """
    moments = pl.DataFrame({AT: pl.Series(cutoffs, dtype=pl.Int64)})
    there = pl.col(SINCE).is_null() | (pl.col(SINCE) <= pl.col(AT))
    return moments.join(customers, how="cross", maintain_order="left_right").filter(there).with_row_index(ROW)


def rows_at_own_time(table: pl.DataFrame, id: str, time: str) -> tuple[pl.DataFrame, tuple[CellProblem, ...]]:
    """ROW, KEY, AT and POSITION of each row of a table; a row without a readable time is left out and named."""
    moments = times_of(table[time], "data.source")
    rows = pl.DataFrame({KEY: keys_of(table[id]), AT: moments}).with_row_index(POSITION)
    problems = _name_times(table[time], moments.is_null())
    return rows.filter(pl.col(AT).is_not_null()).with_row_index(ROW), problems


def _name_times(cells: pl.Series, bad: pl.Series) -> tuple[CellProblem, ...]:
    return tuple(CellProblem(row, cells.name, A_TIME, shown(cells[row])) for row in bad.arg_true().to_list())
