"""Erase a person from the journal, down to the bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tenure.journal import day_files
from tenure.journal.day_files import DayFile
from tenure.journal.entries import row_key
from tenure.journal.rows import Correction, KeptRow, from_frame, read_corrections
from tenure.journal.tables import Journal

_PAGE = 10_000
_NAMED = """SELECT key FROM asked p WHERE row_id = :key OR EXISTS (
    SELECT 1 FROM json_each(p.body) cell WHERE cell.key IN ({columns}) AND (
        trim(cell.atom) = :key OR (cell.type IN ('integer', 'real') AND cell.atom = :number)))"""
_REFUSED = """SELECT key FROM asked p WHERE EXISTS (
    SELECT 1 FROM json_tree(p.body) cell WHERE cell.atom IN (:key, :quoted))"""


@dataclass(frozen=True, slots=True)
class _Person:
    """What the journal holds of a person. ids: of predictions in the database.  moved: file -> rows in it.
    refusals: their row ids.
    """

    ids: list[str]
    moved: dict[DayFile, list[KeptRow]]
    refusals: list[int]

    def all_ids(self) -> set[str]:
        return {*self.ids, *(row.id for rows in self.moved.values() for row in rows)}


def count_person(journal: Journal, columns: Sequence[str], identifier: str) -> dict[str, int]:
    """Count what the journal holds of a person: predictions, outcomes (with corrected ones), refusals.

    columns: names of the cells of a raw row that may name a person; the row id is always looked at.
    """
    person = _find(journal, columns, identifier)
    outcomes: set[str] = set()
    corrections: set[tuple[str, Correction]] = set()
    with journal.db.errors():
        for key in person.all_ids():
            query = "SELECT 1 FROM outcomes WHERE prediction_id = ?"
            outcomes |= {key for _ in journal.db.execute(query, (key,))}
            query = "SELECT outcome, at, replaced_at FROM corrections WHERE prediction_id = ?"
            corrections |= {(key, Correction(*row)) for row in journal.db.execute(query, (key,))}
    moved = [row for rows in person.moved.values() for row in rows]
    outcomes |= {row.id for row in moved if row.outcome_at is not None}
    corrections |= {(row.id, one) for row in moved for one in read_corrections(row.corrections)}
    return {
        "predictions": len(person.all_ids()),
        "outcomes": len(outcomes),
        "corrections": len(corrections),
        "refusals": len(person.refusals),
    }


def erase_person(journal: Journal, columns: Sequence[str], identifier: str) -> None:
    """Delete what count_person counts, overwrite it, and take it out of the write-ahead log and the files of days too.

    Raises JournalError when another process keeps the log in use; then nothing is left but copies in the log, and
    the next call takes them out.
    """
    day_files.remove_taken_in(journal.days)
    person = _find(journal, columns, identifier)
    for file, rows in person.moved.items():
        day_files.rewrite_without(file, {row.id for row in rows})
    ids = [(key,) for key in sorted(person.all_ids())]
    with journal.db.errors(), journal.db.erasing(), journal.db.transaction():
        journal.db.executemany("DELETE FROM corrections WHERE prediction_id = ?", ids)
        journal.db.executemany("DELETE FROM outcomes WHERE prediction_id = ?", ids)
        journal.db.executemany("DELETE FROM shadows WHERE prediction_id = ?", ids)
        journal.db.executemany("DELETE FROM predictions WHERE id = ?", ids)
        journal.db.executemany("DELETE FROM refusals WHERE rowid = ?", [(key,) for key in person.refusals])


def _find(journal: Journal, columns: Sequence[str], identifier: str) -> _Person:
    """One question for rows of the database and of files: it is asked in memory, piece by piece."""
    places = ", ".join(f":column{number}" for number in range(len(columns)))
    named = _NAMED.format(columns=places or "NULL")
    given = {f"column{number}": name for number, name in enumerate(columns)} | _spellings(identifier)
    ids = list(_ask(_pages(journal, "id", "predictions", "row_id, input", ""), named, given))
    refusals = list(_ask(_pages(journal, "rowid", "refusals", "NULL, problems", 0), _REFUSED, given))
    moved = {}
    for file in day_files.list_files(journal.days):
        keys = list(_ask(_pieces(file), named, given))
        if keys:
            moved[file] = _rows(file, keys)
    return _Person(ids, moved, refusals)


def _ask(pieces: Iterable[list[Any]], query: str, given: dict[str, Any]) -> Iterator[Any]:
    """pieces: rows of a key, a row id, and a JSON text."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE TABLE asked (key, row_id, body)")
        for piece in pieces:
            memory.executemany("INSERT INTO asked VALUES (?, ?, ?)", piece)
            yield from (key for (key,) in memory.execute(query, given).fetchall())
            memory.execute("DELETE FROM asked")


def _pages(journal: Journal, key: str, table: str, columns: str, after: Any) -> Iterator[list[Any]]:
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {_PAGE}"
    while True:
        with journal.db.errors():
            page = journal.db.execute(query, (after,)).fetchall()
        if not page:
            return
        yield page
        after = page[-1][0]


def _pieces(file: DayFile) -> Iterator[list[Any]]:
    import polars as pl

    table = day_files.scan([file])
    with day_files.file_errors([file]):
        for start in range(0, table.select(pl.len()).collect().item(), day_files.ROWS_PER_GROUP):
            piece = table.select("id", "row_id", "input").slice(start, day_files.ROWS_PER_GROUP)
            yield piece.collect().rows()


def _rows(file: DayFile, ids: list[str]) -> list[KeptRow]:
    import polars as pl

    with day_files.file_errors([file]):
        return from_frame(day_files.scan([file]).filter(pl.col("id").is_in(ids)).collect())


def _spellings(identifier: str) -> dict[str, str | float | None]:
    try:
        number = float(identifier)
    except ValueError:
        number = None
    return {"key": row_key(identifier), "quoted": repr(identifier.strip()), "number": number}
