"""The tables of the journal and how a file comes to hold them.

The version of the schema is SQLite's `user_version`. Each step of MIGRATIONS leads from one version to
the next; a released step is never edited, only followed by another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.errors import JournalError

BUSY_SECONDS = 10.0

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE predictions (
            id TEXT PRIMARY KEY NOT NULL,
            row_id TEXT,
            at INTEGER NOT NULL,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            release TEXT NOT NULL,
            input TEXT NOT NULL,
            prediction ANY NOT NULL,
            probability REAL,
            margins TEXT NOT NULL,
            probabilities TEXT,
            seconds REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX predictions_by_row ON predictions (row_id, id) WHERE row_id IS NOT NULL",
        """CREATE TABLE outcomes (
            prediction_id TEXT PRIMARY KEY NOT NULL REFERENCES predictions (id),
            outcome ANY NOT NULL,
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE corrections (
            prediction_id TEXT NOT NULL REFERENCES predictions (id),
            outcome ANY NOT NULL,
            at INTEGER NOT NULL,
            replaced_at INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX corrections_by_prediction ON corrections (prediction_id, replaced_at)",
        """CREATE TABLE refusals (
            at INTEGER NOT NULL,
            status INTEGER NOT NULL,
            problems TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX refusals_by_time ON refusals (at)",
        """CREATE TABLE events (
            id TEXT PRIMARY KEY NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            body TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX events_by_kind ON events (kind, id)",
    ),
    # a prediction may have been moved into the file of its day before its outcome comes: no reference any more
    (
        """CREATE TABLE outcomes_of_any (
            prediction_id TEXT PRIMARY KEY NOT NULL,
            outcome ANY NOT NULL,
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "INSERT INTO outcomes_of_any SELECT prediction_id, outcome, at FROM outcomes",
        "DROP TABLE outcomes",
        "ALTER TABLE outcomes_of_any RENAME TO outcomes",
        """CREATE TABLE corrections_of_any (
            prediction_id TEXT NOT NULL,
            outcome ANY NOT NULL,
            at INTEGER NOT NULL,
            replaced_at INTEGER NOT NULL
        ) STRICT""",
        "INSERT INTO corrections_of_any SELECT prediction_id, outcome, at, replaced_at FROM corrections ORDER BY rowid",
        "DROP TABLE corrections",
        "ALTER TABLE corrections_of_any RENAME TO corrections",
        "CREATE INDEX corrections_by_prediction ON corrections (prediction_id, replaced_at)",
    ),
)


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal.

    db: in autocommit mode: a statement alone is a transaction; group several with `transaction`. It may be handed to
    another thread, but used by one at a time.  days: the folder of the days that were moved out of it; see days.py.
    """

    db: sqlite3.Connection
    days: Path

    def close(self) -> None:
        self.db.close()


def open_journal(path: Path, *, create: bool = True, busy_seconds: float = BUSY_SECONDS) -> Journal:
    """Open the journal at path, with its tables brought to the newest version.

    Every commit is on disk when it returns (write-ahead log, synchronous=FULL). The folder of path is made if
    create is true. Raises JournalError if the file is missing and create is false, is no journal, or cannot be written.
    """
    path = Path(path)
    if not create and not path.is_file():
        raise JournalError("there is no journal yet", where=str(path), todo="serve and predict first")
    with journal_errors(path):
        if create:
            _make_folder(path.parent)
        db = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return Journal(db, path.with_suffix(""))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"the folder of the journal cannot be made: {error.strerror}",
            where=str(folder),
            todo="make the folder writable, or name another place in store.journal",
        ) from error


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) == len(MIGRATIONS):
        return
    with transaction(db):
        # Read again under the lock: another process may have been first.
        version = _version(db)
        if version > len(MIGRATIONS):
            raise JournalError(
                f"the journal has schema version {version}; this tenure knows up to {len(MIGRATIONS)}",
                where=str(path),
                todo="use the newer tenure that wrote it",
            )
        if version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise JournalError(
                "the file is an SQLite database, but not a journal",
                where=str(path),
                todo="name another file for the journal",
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run the statements inside as one transaction: all of them are on disk afterwards, or none."""
    # IMMEDIATE: the write lock is waited for here, where busy_timeout applies, not half way through.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # A full disk ends the transaction by itself.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


_ADVICE = {
    "SQLITE_FULL": "free space on its disk",
    "SQLITE_IOERR": "look at the disk's space and health",
    "SQLITE_BUSY": "another process has held the journal too long: end it, then try again",
    "SQLITE_LOCKED": "another process has held the journal too long: end it, then try again",
    "SQLITE_READONLY": "make the file and its folder writable",
    "SQLITE_CANTOPEN": "make the file and its folder readable and writable",
    "SQLITE_PERM": "make the file and its folder writable",
    "SQLITE_CORRUPT": "move the file away, or put back a copy of it",
    "SQLITE_NOTADB": "name another file for the journal, or move this one away",
}


@contextmanager
def journal_errors(journal: Path | sqlite3.Connection) -> Iterator[None]:
    """Turn SQLite's errors inside into JournalError with the file and the next step."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_journal_error(error, journal if isinstance(journal, Path) else _file(journal)) from error


def _file(db: sqlite3.Connection) -> Path | None:
    try:
        return Path(db.execute("PRAGMA database_list").fetchone()[2])
    except sqlite3.Error:
        return None


def as_journal_error(error: sqlite3.Error, path: Path | None) -> JournalError:
    """Return the JournalError that says what to do about an error of SQLite.

    >>> as_journal_error(sqlite3.OperationalError("database is locked"), None).what
    'the journal cannot be used: database is locked'
    """
    name = getattr(error, "sqlite_errorname", None) or ""
    advice = next((todo for code, todo in _ADVICE.items() if name.startswith(code)), None)
    return JournalError(
        f"the journal cannot be used: {error}", where=str(path) if path else None, todo=advice
    )
