"""What a person should know about a panel: everything that was left out, counted, and where it is thin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from tenure.config.events import LabelConfig
from tenure.prepare.date_text import EPOCH
from tenure.prepare.events.columns import KEY, KNOWN, TIME, Events
from tenure.prepare.events.labels import Labels
from tenure.prepare.events.pairs import AT
from tenure.records import CellProblem

_SHOWN = 5


def day(micros: int) -> str:
    """A moment as a person writes it: a date, with the time of day unless that is midnight.

    >>> day(852076800000000), day(852120000000000)
    ('1997-01-01', '1997-01-01T12:00:00')
    """
    moment = EPOCH + timedelta(microseconds=micros)
    return (
        moment.date().isoformat() if micros % 86_400_000_000 == 0 else moment.replace(tzinfo=None).isoformat()
    )


def note_problems(problems: Sequence[CellProblem]) -> list[str]:
    """Rows of the table that were left out."""
    if not problems:
        return []
    return [f"data.source: {len(problems)} row(s) were left out: {_some(list(map(str, problems)), '; ')}"]


def note_moments(tables: Sequence[Events], rows: pl.DataFrame, cutoffs: Sequence[int]) -> list[str]:
    """Cutoffs without rows, before all events, or after the end of a table."""
    notes = []
    filled = set(rows[AT].unique())
    empty = [day(cutoff) for cutoff in cutoffs if cutoff not in filled]
    if empty:
        notes.append(f"nobody is there yet at {len(empty)} cutoff(s): {_some(empty)}")
    for events in tables:
        if events.last_known is None:
            notes.append(f"data.tables.{events.name} has no usable event: its features are empty")
            continue
        first = events.rows.select(pl.max_horizontal(TIME, KNOWN).min()).item()
        early = int((rows[AT] < first).sum())
        if early:
            notes.append(
                f"{early} row(s) speak of a time before {day(first)}, when the first event of {events.name!r} "
                "was known: their features of it are empty"
            )
        late = rows[AT].filter(rows[AT] > events.last_known)
        if len(late):
            notes.append(
                f"{len(late)} row(s) speak of a time after {day(events.last_known)}, the last time known in "
                f"{events.name!r}: what came later is not in their features"
            )
    return notes


def note_keys(tables: Sequence[Events], rows: pl.DataFrame) -> list[str]:
    """Events of keys that no row has."""
    notes = []
    for events in tables:
        strange = (
            events.rows.lazy()
            .join(rows.lazy().select(KEY), on=KEY, how="anti")
            .group_by(KEY)
            .len("n")
            .collect()
        )
        if len(strange):
            some = _some(list(map(repr, strange.sort(KEY)[KEY].head(_SHOWN))), total=len(strange))
            notes.append(
                f"data.tables.{events.name}: {strange['n'].sum()} event(s) of {len(strange)} key(s) that no row of "
                f"data.source has: {some}"
            )
    return notes


def note_labels(label: LabelConfig, labels: Labels, events: Events, rows: pl.DataFrame) -> list[str]:
    """Rows whose label window has not closed, by cutoff, and labels that may be an artefact of the table's end."""
    notes = []
    window = timedelta(seconds=label.within)
    open_rows = rows.filter(~labels.closed)
    if len(open_rows):
        by = open_rows.group_by(AT).len("n").sort(AT)
        until = "it has no events" if labels.until is None else f"it is known up to {day(labels.until)}"
        some = _some([f"{n} at {day(at)}" for at, n in by.head(_SHOWN).iter_rows()], total=len(by))
        notes.append(
            f"{len(open_rows)} row(s) were left out, for the {_length(window)} after them are not over in "
            f"{events.name!r} ({until}): {some}"
        )
    if label.until is None:
        latest = events.rows[KNOWN].unique().top_k(2).sort().to_list()
        if len(latest) == 2 and latest[1] - latest[0] > window // timedelta(microseconds=1):
            notes.append(
                f"the last time known in {events.name!r}, {day(latest[1])}, stands alone: the one before is "
                f"{day(latest[0])}; if it is a mistake, set data.label.until"
            )
    return notes


def note_one_sided(values: pl.Series, rows: pl.DataFrame) -> list[str]:
    """Cutoffs at which all rows have one label, as a hole in the table would give them."""
    by = (
        rows.select(AT)
        .with_columns(values.alias("label"))
        .group_by(AT)
        .agg(pl.col("label").n_unique().alias("n"))
    )
    alike = by.filter(pl.col("n") == 1).sort(AT)[AT].to_list()
    if not alike or len(alike) == len(by):
        return []
    return [f"all rows have one label at {len(alike)} cutoff(s): {_some([day(at) for at in alike])}"]


def _length(length: timedelta) -> str:
    return f"{length.days}d" if not length % timedelta(days=1) else str(length)


def _some(texts: Sequence[str], join: str = ", ", total: int | None = None) -> str:
    more = (total or len(texts)) - _SHOWN
    return join.join(texts[:_SHOWN]) + (f"{join}and {more} more" if more > 0 else "")
