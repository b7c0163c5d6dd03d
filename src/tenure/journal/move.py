"""Move whole days out of the database, and delete days for good. Each is gone on with by the next call after a kill.

A day's file is written from what readers see, flushed and renamed; only then do its rows leave the database, a few
thousand in a transaction, so that a service that writes meanwhile waits for milliseconds. A row that is in both is
told once (`kept.py`), so no moment of this loses or doubles one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tenure.journal import day_files, days
from tenure.journal.database import Database
from tenure.journal.kept import Window, count_facts, pages
from tenure.journal.rows import Correction, KeptRow, from_frame, in_order, read_corrections
from tenure.journal.tables import Journal

_ROWS_PER_DELETE = 1000


@dataclass(frozen=True, slots=True)
class DayCount:
    """What a day holds. predictions, outcomes: rows."""

    day: str
    predictions: int
    outcomes: int


def days_here(journal: Journal, before: str) -> list[str]:
    """The days before another of which the database has predictions or outcomes, the oldest first."""
    end = days.ids_of_day(before)[0]
    found: set[str] = set()
    for column, table in (("id", "predictions"), ("prediction_id", "outcomes")):
        after: str | None = ""
        query = f"SELECT min({column}) FROM {table} WHERE {column} > ? AND {column} < ?"
        while after is not None:
            with journal.db.errors():
                after = journal.db.execute(query, (after, end)).fetchone()[0]
            if after is not None and (day := days.day_of(after)):
                found.add(day)
                after = days.before(days.ids_of_day(day)[1])
    return sorted(found)


def count_day(journal: Journal, day: str) -> DayCount:
    """Count the rows of a day, wherever they are."""

    def count() -> DayCount:
        window = _window(day)
        with journal.db.errors(), journal.db.snapshot():
            moved = count_facts(journal, window)
            n, labelled = journal.db.execute(
                "SELECT count(*), count(o.at) FROM predictions p LEFT JOIN outcomes o ON o.prediction_id = p.id "
                "WHERE p.id >= ? AND p.id < ?",
                days.ids_of_day(day),
            ).fetchone()
        return DayCount(day, n + len(moved), labelled + int(moved["labelled"].sum()))

    return day_files.settled(journal.days, count)


def move_day(journal: Journal, day: str) -> None:
    """Move the rows of a whole day, its batches, and the outcomes that have come since, into one file.

    One process at a time may do so. Raises JournalError when the disk is full; then nothing has left the database.
    """
    day_files.remove_taken_in(journal.days)  # the new file would not know of them
    files = [file for file in day_files.list_files(journal.days) if file.day == day]
    rows = pages(journal, _window(day), batch=day_files.ROWS_PER_GROUP, files=files)
    batches = [file.path.name for file in files if file.is_batch]
    day_files.write_day(journal.days, day, (_with_corrections(journal, page) for page in rows), batches)
    day_files.remove_taken_in(journal.days)
    for part in _PARTS:
        _leave(journal, day, part)


def drop_day(journal: Journal, day: str) -> None:
    """Delete the rows of a day for good, from the database and then its files."""
    for table, key in [("shadows", "prediction_id"), *((part.table, part.key) for part in reversed(_PARTS))]:
        _delete_in_turns(
            journal,
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} "
            f"WHERE {key} >= ? AND {key} < ? LIMIT {_ROWS_PER_DELETE})",
            days.ids_of_day(day),
        )
    day_files.remove_day(journal.days, day)


def count_refusals(journal: Journal, before: str) -> int:
    """Count the refusals of the days before another."""
    query = "SELECT count(*) FROM refusals WHERE at < ?"
    with journal.db.errors():
        return int(journal.db.execute(query, (_window(before).since,)).fetchone()[0])


def drop_refusals(journal: Journal, before: str) -> int:
    """Delete the refusals of the days before another for good; returns how many."""
    query = f"""DELETE FROM refusals WHERE rowid IN
        (SELECT rowid FROM refusals WHERE at < ? LIMIT {_ROWS_PER_DELETE})"""
    return _delete_in_turns(journal, query, (_window(before).since,))


def _window(day: str) -> Window:
    return Window(*days.times_of_day(day))


def _with_corrections(journal: Journal, page: list[KeptRow]) -> list[KeptRow]:
    """The rows with the corrections of the database beside those of the file."""
    query = """SELECT prediction_id, outcome, at, replaced_at FROM corrections
        WHERE prediction_id >= ? AND prediction_id <= ? ORDER BY rowid"""
    new: dict[str, list[Correction]] = {}
    with journal.db.errors():
        for identifier, *correction in journal.db.execute(query, (page[0].id, page[-1].id)):
            new.setdefault(identifier, []).append(Correction(*correction))
    return [_corrected(row, new[row.id]) if row.id in new else row for row in page]


def _corrected(row: KeptRow, new: list[Correction]) -> KeptRow:
    known = in_order(read_corrections(row.corrections), new)
    return row._replace(corrections=json.dumps(known, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class _Part:
    """A table of what a day holds. key: its column with the prediction's id.  columns: what tells its rows apart, with
    the key first.  of_row: the values of these in a row of a file, once for each row of the table.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    of_row: Callable[[KeptRow], list[tuple[Any, ...]]]

    def given(self, db: Database, key: tuple[Any, ...]) -> tuple[Any, ...]:
        """Such values as the database takes them."""
        pairs = zip(self.columns, key, strict=True)
        return tuple(db.label(value) if name == "outcome" else value for name, value in pairs)


_PARTS = (
    # predictions first: one that is still in the database must keep its outcome there
    _Part("predictions", "id", ("id",), lambda row: [(row.id,)]),
    _Part(
        "outcomes",
        "prediction_id",
        ("prediction_id", "outcome", "at"),
        lambda row: [] if row.outcome_at is None else [(row.id, row.outcome, row.outcome_at)],
    ),
    _Part(
        "corrections",
        "prediction_id",
        ("prediction_id", "outcome", "at", "replaced_at"),
        lambda row: [(row.id, *correction) for correction in read_corrections(row.corrections)],
    ),
)


def _leave(journal: Journal, day: str, part: _Part) -> None:
    """Delete from a table what the file of the day holds, and nothing else: whatever came meanwhile stays."""
    page = f"""SELECT max({part.key}) FROM (SELECT DISTINCT {part.key} FROM {part.table}
        WHERE {part.key} > ? AND {part.key} < ? ORDER BY {part.key} LIMIT {_ROWS_PER_DELETE}) AS page"""
    query = f"SELECT {', '.join(part.columns)} FROM {part.table} WHERE {part.key} > ? AND {part.key} <= ?"
    delete = f"DELETE FROM {part.table} WHERE {' AND '.join(f'{name} = ?' for name in part.columns)}"
    first, end = days.ids_of_day(day)
    after = days.before(first)
    while True:
        with journal.db.errors():
            upto = journal.db.execute(page, (after, end)).fetchone()[0]
            if upto is None:
                return
            found = journal.db.execute(query, (after, upto)).fetchall()
        held = {key for row in _file_rows(journal, day, after, upto) for key in part.of_row(row)}
        with _taking_turns(), journal.db.errors(), journal.db.transaction():
            gone = [part.given(journal.db, key) for key in found if key in held]
            journal.db.executemany(delete, gone)
        after = upto


def _file_rows(journal: Journal, day: str, after: str, upto: str) -> list[KeptRow]:
    import polars as pl

    files = [file for file in day_files.list_files(journal.days) if file.day == day]
    with day_files.file_errors(files):
        table = day_files.scan(files)
        return from_frame(table.filter(pl.col("id") > after, pl.col("id") <= upto).collect())


def _delete_in_turns(journal: Journal, query: str, given: tuple[Any, ...]) -> int:
    total = 0
    while True:
        with _taking_turns(), journal.db.errors():
            n = journal.db.execute(query, given).rowcount
        total += n
        if n < _ROWS_PER_DELETE:
            return total


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Leave the database to others for as long as it was held: SQLite's lock has no queue."""
    started = time.perf_counter()
    yield
    time.sleep(time.perf_counter() - started)
