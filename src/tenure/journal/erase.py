"""Erase a person from the journal, down to the bytes."""

from __future__ import annotations

from collections.abc import Sequence

from tenure.errors import JournalError
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
    with journal_errors(journal.db):
        _name_predictions(journal, columns, identifier)
        counts = {
            "predictions": "SELECT count(*) FROM named",
            "outcomes": "SELECT count(*) FROM outcomes WHERE prediction_id IN named",
            "corrections": "SELECT count(*) FROM corrections WHERE prediction_id IN named",
        }
        found = {what: int(journal.db.execute(query).fetchone()[0]) for what, query in counts.items()}
        query = f"SELECT count(*) FROM refusals WHERE {_REFUSED}"
        found["refusals"] = int(journal.db.execute(query, _spellings(identifier)).fetchone()[0])
    return found


def erase_person(journal: Journal, columns: Sequence[str], identifier: str) -> None:
    """Delete what count_person counts, overwrite it, and take it out of the write-ahead log too.

    Raises JournalError when another process keeps the log in use; then nothing is left but copies in the log, and
    the next call takes them out.
    """
    with journal_errors(journal.db):
        journal.db.execute("PRAGMA secure_delete=ON")
        _name_predictions(journal, columns, identifier)
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


def _name_predictions(journal: Journal, columns: Sequence[str], identifier: str) -> None:
    """Fill the connection's own table `named` with the ids of the person's predictions; it is kept in memory."""
    journal.db.execute("PRAGMA temp_store=MEMORY")
    journal.db.execute("DROP TABLE IF EXISTS named")
    journal.db.execute("CREATE TEMP TABLE named (id TEXT PRIMARY KEY) WITHOUT ROWID")
    names = {f"column{number}": name for number, name in enumerate(columns)}
    query = _NAMED.format(columns=", ".join(f":{place}" for place in names) or "NULL")
    journal.db.execute(f"INSERT INTO named {query}", {**_spellings(identifier), **names})


def _spellings(identifier: str) -> dict[str, str | float | None]:
    try:
        number = float(identifier)
    except ValueError:
        number = None
    return {"key": row_key(identifier), "quoted": repr(identifier.strip()), "number": number}
