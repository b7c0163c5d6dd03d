"""The label's rule: what the events after each cutoff say, and which rows it is too early to label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from tenure.config.events import ROWS, LabelConfig
from tenure.prepare.date_text import micros_of
from tenure.prepare.events.aggregates import aggregate
from tenure.prepare.events.columns import Events
from tenure.prepare.events.condition import columns_of, meeting
from tenure.prepare.events.features import microseconds
from tenure.prepare.events.pairs import AT, ROW, pairs_between
from tenure.prepare.sql.expression import Written

YES, NO = "yes", "no"
PLACE = "data.label.where"
_MADE = "made"


@dataclass(frozen=True)
class Labels:
    """What the rule says of each row.

    values: YES or NO, or a number; null where the label window has not closed, or holds nothing to make a mean of.
    closed: bool, one a row.  until: the table is known up to here, in microseconds; None when it has no event.
    """

    values: pl.Series
    closed: pl.Series
    until: int | None


def columns_of_label(
    label: LabelConfig, available: Iterable[str], place: str = PLACE
) -> dict[str, list[str]]:
    """The columns of the event table that the rule reads, with what is made of them.

    available: the table's columns.  place: of `where`, for messages. Raises ExpressionError for `where`.
    """
    columns: dict[str, list[str]] = {}
    if label.where is not None:
        columns = {column: [] for column in columns_of(Written(label.where, place), available)}
    if label.aggregate is not None and label.aggregate.column != ROWS:
        columns.setdefault(label.aggregate.column, []).append(label.aggregate.by)
    return columns


def label_rows(rows: pl.DataFrame, events: Events, label: LabelConfig, place: str = PLACE) -> Labels:
    """Label every row from the events with AT < time <= AT + within.

    rows: ROW (0, 1, 2, …), KEY, AT (microseconds), at least one.  The window of a row has closed when AT + within
    is not after `until`: the config's, or the latest time at which any event of the table became known. When an
    event became known plays no further part: a label is what came to be, however late it was heard of.
    place: of `where`, for messages. Raises ExpressionError where it does not fit the columns.
    """
    within = microseconds(timedelta(seconds=label.within)) or 0
    until = micros_of(label.until) if label.until else events.last_known
    table = events.rows
    if label.where is not None:
        table = meeting(Written(label.where, place), table)
    column, by = (label.aggregate.column, label.aggregate.by) if label.aggregate else (ROWS, "count")
    pieces = [
        piece.select(ROW).hstack(aggregate(pairs, len(piece), [(_MADE, by, column)]))
        for piece, pairs in pairs_between(rows, table, back=0, ahead=within, known=False)
    ]
    values = pl.concat(pieces).sort(ROW)[_MADE]
    if label.when is not None:
        happened = (values > 0) if label.when == "any" else (values == 0)
        values = happened.replace_strict([True, False], [YES, NO], return_dtype=pl.String)
    # a table without events closes no window
    closed = rows[AT] + within <= until if until is not None else rows[AT].is_null()
    return Labels(values.set(~closed, None), closed, until)
