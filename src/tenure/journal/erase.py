"""Erase a person from the journal, down to the bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from tenure.errors import JournalError
from tenure.journal import days
from tenure.journal.days import Correction, KeptRow, read_corrections
from tenure.journal.entries import row_key
from tenure.journal.tables import Journal, journal_errors, transaction

_NAMED = """SELECT id FROM predictions p WHERE row_id = :key OR EXISTS (
    SELECT 1 FROM json_each(p.input) cell WHERE cell.key IN ({columns}) AND (
        trim(cell.atom) = :key OR (cell.type IN ('integer', 'real') AND cell.atom = :number)))"""
_REFUSED = "EXISTS (SELECT 1 FROM json_tree(problems) cell WHERE cell.atom IN (:key, :quoted))"


def count_person(journal: Journal, columns: Sequence[str], identifier: str) -> dict[str, int]:
    """Count what the journal holds of a person: predictions, outcomes (with corrected ones), refusals.

    columns: names of the cells of a raw row that may name a person; the row id is always looked at.
    """
    moved = [row for rows in _moved(journal, columns, identifier).values() for row in rows]
    with journal_errors(journal.db):
        _name_predictions(journal, columns, identifier, [row.id for row in moved])
        predictions = journal.db.execute("SELECT count(*) FROM named").fetchone()[0]
        query = "SELECT prediction_id FROM outcomes WHERE prediction_id IN named"
        outcomes = {identifier for (identifier,) in journal.db.execute(query)}
        query = "SELECT * FROM corrections WHERE prediction_id IN named"
        corrections = {(key, Correction(*rest)) for key, *rest in journal.db.execute(query)}
        query = f"SELECT count(*) FROM refusals WHERE {_REFUSED}"
        refusals = journal.db.execute(query, _spellings(identifier)).fetchone()[0]
    outcomes |= {row.id for row in moved if row.outcome_at is not None}
    corrections |= {(row.id, one) for row in moved for one in read_corrections(row.corrections)}
    return {
        "predictions": int(predictions),
        "outcomes": len(outcomes),
        "corrections": len(corrections),
        "refusals": int(refusals),
    }


def erase_person(journal: Journal, columns: Sequence[str], identifier: str) -> None:
    """Delete what count_person counts, overwrite it, and take it out of the write-ahead log and the files of days too.

    Raises JournalError when another process keeps the log in use; then nothing is left but copies in the log, and
    the next call takes them out.
    """
    moved = _moved(journal, columns, identifier)
    with journal_errors(journal.db):
        journal.db.execute("PRAGMA secure_delete=ON")
        _name_predictions(journal, columns, identifier, [row.id for rows in moved.values() for row in rows])
        for day, rows in moved.items():
            days.rewrite_without(journal.days, day, {row.id for row in rows})
        with transaction(journal.db):
            journal.db.execute("DELETE FROM corrections WHERE prediction_id IN named")
            journal.db.execute("DELETE FROM outcomes WHERE prediction_id IN named")
            journal.db.execute("DELETE FROM predictions WHERE id IN named")
            journal.db.execute(f"DELETE FROM refusals WHERE {_REFUSED}", _spellings(identifier))
        journal.db.execute("DROP TABLE named")
        journal.db.execute("VACUUM")
        busy = journal.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise JournalError(
            "the rows are deleted, but another process keeps the journal's log with their bytes in use",
            todo="run the command again; if it persists, stop the service for a moment",
        )


def _name_predictions(journal: Journal, columns: Sequence[str], identifier: str, moved: list[str]) -> None:
    """Fill the connection's own table `named` with the ids of the person's predictions; it is kept in memory."""
    journal.db.execute("PRAGMA temp_store=MEMORY")
    journal.db.execute("DROP TABLE IF EXISTS named")
    journal.db.execute("CREATE TEMP TABLE named (id TEXT PRIMARY KEY) WITHOUT ROWID")
    journal.db.execute(f"INSERT INTO named {_named(columns)}", _parameters(columns, identifier))
    journal.db.executemany("INSERT OR IGNORE INTO named VALUES (?)", [(key,) for key in moved])


def _moved(journal: Journal, columns: Sequence[str], identifier: str) -> dict[str, list[KeptRow]]:
    """Day -> rows of the person in its file. The question is the database's own, asked in memory, piece by piece."""
    import polars as pl

    found = {}
    for day in days.list_days(journal.days):
        table = days.scan_days(journal.days, [day])
        names: list[str] = []
        with days.file_errors(journal.days, day), closing(sqlite3.connect(":memory:")) as db:
            db.execute("CREATE TABLE predictions (id TEXT, row_id TEXT, input TEXT)")
            n_rows = table.select(pl.len()).collect().item()
            for start in range(0, n_rows, days.ROWS_PER_GROUP):
                piece = table.select("id", "row_id", "input").slice(start, days.ROWS_PER_GROUP).collect()
                db.execute("DELETE FROM predictions")
                db.executemany("INSERT INTO predictions VALUES (?, ?, ?)", piece.iter_rows())
                names += [key for (key,) in db.execute(_named(columns), _parameters(columns, identifier))]
            if names:
                found[day] = days.from_frame(table.filter(pl.col("id").is_in(names)).collect())
    return found


def _named(columns: Sequence[str]) -> str:
    places = ", ".join(f":column{number}" for number in range(len(columns)))
    return _NAMED.format(columns=places or "NULL")


def _parameters(columns: Sequence[str], identifier: str) -> dict[str, str | float | None]:
    names: dict[str, str | float | None] = {f"column{number}": name for number, name in enumerate(columns)}
    return names | _spellings(identifier)


def _spellings(identifier: str) -> dict[str, str | float | None]:
    try:
        number = float(identifier)
    except ValueError:
        number = None
    return {"key": row_key(identifier), "quoted": repr(identifier.strip()), "number": number}
