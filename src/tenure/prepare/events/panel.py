"""The panel: one row per id and cutoff (or per row of a table, at its own time), with features and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tenure.config import DataConfig
from tenure.config.events import CUTOFF, LabelConfig
from tenure.errors import ColumnsMissing, SourceError, TargetError
from tenure.prepare.date_text import micros_of
from tenure.prepare.events.columns import KEY, Events
from tenure.prepare.events.customers import (
    POSITION,
    customers_of_events,
    customers_of_table,
    rows_at_cutoffs,
    rows_at_own_time,
)
from tenure.prepare.events.features import features_as_of
from tenure.prepare.events.labels import PLACE, label_rows
from tenure.prepare.events.notes import note_keys, note_labels, note_moments, note_one_sided, note_problems
from tenure.prepare.events.pairs import AT, ROW
from tenure.records import CellProblem

SOURCE = "source"


@dataclass(frozen=True)
class Panel:
    """Rows that preparation or a model takes as they are.

    rows: the id, the cutoff (of a panel), the columns of the table, the features, and the target unless it was
    not wanted.  warnings: in words.  problems: cells for which an event or a row was left out, by table.
    """

    rows: pl.DataFrame
    warnings: tuple[str, ...]
    problems: Mapping[str, tuple[CellProblem, ...]]


def build_panel(
    data: DataConfig,
    tables: Sequence[Events],
    source: pl.DataFrame | None,
    cutoffs: Sequence[datetime] | None,
    *,
    labelled: bool = True,
    place: str = PLACE,
) -> Panel:
    """Join event tables to rows as of a time.

    tables: those of data.tables, in its order.  source: the table of data.source; None: the ids are the keys seen.
    cutoffs: None means each row's own data.time.
    labelled: with the target; made by data.label, rows whose label window has not closed are left out.
    place: of data.label.where, for messages.
    Training and `tenure panel --at` differ in cutoffs and labelled only; a feature depends on its own id, its own
    cutoff and the events known then, on nothing else.
    Raises SourceError when no row is left, TargetError when all are labelled alike.
    """
    if source is not None:
        _check_names(data, source, labelled)
    rows, problems = _rows(data, tables, source, cutoffs)
    warnings = [warning for events in tables for warning in events.warnings]
    warnings += note_problems(problems)
    warnings += note_moments(tables, rows, [micros_of(cutoff) for cutoff in cutoffs or ()])
    if source is not None:
        warnings += note_keys(tables, rows)
        if labelled:
            _check_keys(tables, rows)
        else:
            source = source.drop(data.target, strict=False)
    target = pl.DataFrame()
    if labelled and data.label is not None and len(rows):
        rows, target, notes = _label(data.label, data.target, tables, rows, place)
        warnings += notes
    if rows.is_empty():
        raise SourceError(
            "no row is left" + "".join(f"\n  - {warning}" for warning in warnings),
            where="data.cutoffs" if cutoffs else "data.source",
            todo="choose times after the first event and, by the label window, before the last",
        )
    features = [features_as_of(rows, events, data.tables[events.name]) for events in tables]
    own = _own_columns(data, rows, source, cutoffs is not None)
    found = {events.name: events.problems for events in tables} | {SOURCE: problems}
    return Panel(
        pl.concat([own, *features, target], how="horizontal"),
        tuple(warnings),
        {name: cells for name, cells in found.items() if cells},
    )


def _label(
    label: LabelConfig, target: str, tables: Sequence[Events], rows: pl.DataFrame, place: str
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """The rows that can be labelled, numbered anew; their labels, as a column; what to say of the others."""
    events = next(events for events in tables if events.name == label.table)
    labels = label_rows(rows, events, label, place)
    notes = note_labels(label, labels, events, rows)
    rows = rows.filter(labels.closed).drop(ROW).with_row_index(ROW)
    values = labels.values.filter(labels.closed)
    if values.drop_nulls().n_unique() == 1:
        raise TargetError(
            f"every row is labelled {values.drop_nulls()[0]!r}",
            where="data.label",
            todo="choose other cutoffs, another label window (within), or another condition (where)",
        )
    return rows, values.alias(target).to_frame(), [*notes, *note_one_sided(values, rows)]


def _rows(
    data: DataConfig,
    tables: Sequence[Events],
    source: pl.DataFrame | None,
    cutoffs: Sequence[datetime] | None,
) -> tuple[pl.DataFrame, tuple[CellProblem, ...]]:
    """ROW, KEY, AT and (with a source) POSITION of each row, and the cells for which one was left out."""
    if data.id is None or (cutoffs is None and (source is None or data.time is None)):
        raise SourceError(
            "event tables need data.id, and data.cutoffs or a data.source with a data.time",
            where="data.tables",
        )
    if source is not None and cutoffs is None:
        return rows_at_own_time(source, data.id, str(data.time))
    moments = [micros_of(cutoff) for cutoff in cutoffs or ()]
    if source is None:
        return rows_at_cutoffs(customers_of_events(tables), moments), ()
    customers, problems = customers_of_table(source, data.id, data.time)
    return rows_at_cutoffs(customers, moments), problems


def _check_keys(tables: Sequence[Events], rows: pl.DataFrame) -> None:
    """Refuse to learn from a table of which no key is known: zeros that one side lost, or another kind of number."""
    for events in tables:
        if len(events.rows) and len(rows) and events.rows.join(rows, on=KEY, how="semi").is_empty():
            raise SourceError(
                f"no event of {events.name!r} has a key that data.source has: "
                f"{events.rows[KEY][0]!r} and {rows[KEY][0]!r} are written differently, perhaps",
                where=f"data.tables.{events.name}.key",
                todo="write the keys of both tables in one way, or name the right columns",
            )


def _own_columns(
    data: DataConfig, rows: pl.DataFrame, source: pl.DataFrame | None, has_cutoffs: bool
) -> pl.DataFrame:
    """The id, the cutoff and the table's own columns of each row."""
    cutoff = rows.select(pl.col(AT).cast(pl.Datetime("us")).alias(CUTOFF)) if has_cutoffs else pl.DataFrame()
    if source is None:
        return pl.concat([rows.select(pl.col(KEY).alias(str(data.id))), cutoff], how="horizontal")
    table = source[rows[POSITION]]
    return pl.concat([table.select(str(data.id)), cutoff, table.drop(str(data.id))], how="horizontal")


def _check_names(data: DataConfig, source: pl.DataFrame, labelled: bool) -> None:
    """Refuse a table that lacks a column that is needed, or has one that is made."""
    needed = [data.id, data.time, data.target if labelled and data.label is None else None]
    missing = [name for name in needed if name is not None and name not in source.columns]
    if missing:
        raise ColumnsMissing(missing, source.columns, where="data.source")
    made = [feature[0] for name, table in data.tables.items() for feature in table.features(name)]
    made += [data.target] if data.label else []
    made += [CUTOFF] if data.cutoffs else []
    both = [name for name in made if name in source.columns]
    if both:
        raise SourceError(
            f"the table has a column {both[0]!r}, and one of that name is made from the event tables",
            where="data.source",
            todo="rename or drop the column",
        )
