"""The journal in an SQLite file: its tables, and how a file comes to hold them.

The version of the schema is SQLite's `user_version`. Each step of MIGRATIONS leads from one version to
the next; a released step is never edited, only followed by another.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tenure.errors import JournalError
from tenure.journal.entries import NewPrediction

_CACHE_KIB = 16_000
_PAGES_BEFORE_CHECKPOINT = 4000
_PAUSE = 0.01

# A run is 65,536 predictions, one written after the other: their row ids fill some 2 MB of the index.
RUN_BITS = 16
_RUN = f"place >> {RUN_BITS}"
_RUNS = f"""WITH RECURSIVE runs (run) AS (
    SELECT (SELECT min(place) FROM predictions) >> {RUN_BITS}
    UNION ALL SELECT run + 1 FROM runs WHERE run < (SELECT max(place) FROM predictions) >> {RUN_BITS}
) SELECT run FROM runs"""

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
    (
        """CREATE TABLE shadows (
            prediction_id TEXT NOT NULL,
            version TEXT NOT NULL,
            release TEXT NOT NULL,
            prediction ANY NOT NULL,
            probability REAL,
            margins TEXT NOT NULL,
            probabilities TEXT,
            seconds REAL NOT NULL,
            PRIMARY KEY (prediction_id, version)
        ) STRICT, WITHOUT ROWID""",
    ),
    # the ids beside the row ids doubled what a prediction costs here, for rows that have a handful of predictions
    (
        "DROP INDEX predictions_by_row",
        "CREATE INDEX predictions_by_row ON predictions (row_id) WHERE row_id IS NOT NULL",
    ),
    # row ids come in no order: in an index of all of them each would change a page of its own, so they are in runs
    (
        """CREATE TABLE predictions_in_turn (
            place INTEGER PRIMARY KEY,
            id TEXT UNIQUE NOT NULL,
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
        """INSERT INTO predictions_in_turn (id, row_id, at, model, version, release, input, prediction, probability,
            margins, probabilities, seconds) SELECT * FROM predictions ORDER BY id""",
        "DROP TABLE predictions",
        "ALTER TABLE predictions_in_turn RENAME TO predictions",
        f"CREATE INDEX predictions_by_row ON predictions ({_RUN}, row_id) WHERE row_id IS NOT NULL",
    ),
)


class Sqlite(sqlite3.Connection):
    """A connection that is a Database; see there. It may be handed to another thread."""

    path: Path
    stamp: tuple[int, int] | None
    is_a_file = True
    of_row = f"{_RUN} IN ({_RUNS}) AND row_id = :row_id"

    def label(self, value: Any) -> Any:
        return value

    def entries(self, predictions: Sequence[NewPrediction]) -> Sequence[NewPrediction]:
        return predictions

    def errors(self) -> AbstractContextManager[None]:
        return _errors(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        # IMMEDIATE: the write lock is waited for here, where busy_timeout applies, not half way through.
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself.
            if self.in_transaction:
                self.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    @contextmanager
    def erasing(self) -> Iterator[None]:
        self.execute("PRAGMA secure_delete=ON")
        yield
        self.execute("VACUUM")
        busy = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise JournalError(
                "the rows are deleted, but another process keeps the journal's log with their bytes in use",
                todo="run the command again; if it persists, stop the service for a moment",
            )

    def is_replaced(self) -> bool:
        return _stamp_of(self.path) != self.stamp


def open_file(path: Path, *, create: bool, busy_seconds: float) -> Sqlite:
    """Open the file with its tables brought to the newest version; see `open_journal`."""
    if not create and not path.is_file():
        raise JournalError("there is no journal yet", where=str(path), todo="serve and predict first")
    with _errors(path):
        if create:
            _make_folder(path.parent)
        db = sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, factory=Sqlite
        )
        try:
            db.path = path
            _log_ahead(db, busy_seconds)
            db.execute("PRAGMA synchronous=FULL")
            # Row ids come in no order: their index is written page by page over and over, unless pages wait in memory.
            db.execute(f"PRAGMA cache_size={-_CACHE_KIB}")
            db.execute(f"PRAGMA wal_autocheckpoint={_PAGES_BEFORE_CHECKPOINT}")
            _migrate(db)
            db.stamp = _stamp_of(path)
        except BaseException:
            db.close()
            raise
    return db


def _log_ahead(db: Sqlite, busy_seconds: float) -> None:
    """Set write-ahead mode. Of several who do so in a new file at once, SQLite sends all but one away unheard."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _stamp_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one in its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"the folder of the journal cannot be made: {error.strerror}",
            where=str(folder),
            todo="make the folder writable, or name another place in store.journal",
        ) from error


def _migrate(db: Sqlite) -> None:
    if _version(db) == len(MIGRATIONS):
        return
    with db.transaction():
        # Read again under the lock: another process may have been first.
        version = _version(db)
        if version > len(MIGRATIONS):
            raise JournalError(
                f"the journal has schema version {version}; this tenure knows up to {len(MIGRATIONS)}",
                where=str(db.path),
                todo="use the newer tenure that wrote it",
            )
        if version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise JournalError(
                "the file is an SQLite database, but not a journal",
                where=str(db.path),
                todo="name another file for the journal",
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


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
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise as_journal_error(error, path) from error


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
