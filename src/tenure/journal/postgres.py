"""The journal in a PostgreSQL database: its tables, and a connection that comes back when the server does.

Ids are compared byte by byte (COLLATE "C"), as everywhere else. A label or a number, which SQLite keeps in one
column, is JSON here. `rowid` is a column, so that queries are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tenure.errors import ExtraMissing, JournalError
from tenure.journal.database import TABLES, Found
from tenure.journal.entries import NewPrediction
from tenure.journal.place import Address

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 5
_LOCK = 7_236_837  # any number that is ours: names the lock under which tables are made and transactions run

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE predictions (
            id TEXT COLLATE "C" PRIMARY KEY,
            row_id TEXT COLLATE "C",
            at BIGINT NOT NULL,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            release TEXT NOT NULL,
            input TEXT NOT NULL,
            prediction JSONB NOT NULL,
            probability DOUBLE PRECISION,
            margins TEXT NOT NULL,
            probabilities TEXT,
            seconds DOUBLE PRECISION NOT NULL
        )""",
        "CREATE INDEX predictions_by_row ON predictions (row_id, id) WHERE row_id IS NOT NULL",
        """CREATE TABLE outcomes (
            prediction_id TEXT COLLATE "C" PRIMARY KEY,
            outcome JSONB NOT NULL,
            at BIGINT NOT NULL
        )""",
        """CREATE TABLE corrections (
            prediction_id TEXT COLLATE "C" NOT NULL,
            outcome JSONB NOT NULL,
            at BIGINT NOT NULL,
            replaced_at BIGINT NOT NULL,
            rowid BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY
        )""",
        "CREATE INDEX corrections_by_prediction ON corrections (prediction_id, replaced_at)",
        """CREATE TABLE shadows (
            prediction_id TEXT COLLATE "C" NOT NULL,
            version TEXT NOT NULL,
            release TEXT NOT NULL,
            prediction JSONB NOT NULL,
            probability DOUBLE PRECISION,
            margins TEXT NOT NULL,
            probabilities TEXT,
            seconds DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (prediction_id, version)
        )""",
        """CREATE TABLE refusals (
            at BIGINT NOT NULL,
            status INTEGER NOT NULL,
            problems TEXT NOT NULL,
            rowid BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY
        )""",
        "CREATE INDEX refusals_by_time ON refusals (at)",
        """CREATE TABLE events (
            id TEXT COLLATE "C" PRIMARY KEY,
            at BIGINT NOT NULL,
            kind TEXT NOT NULL,
            body TEXT NOT NULL
        )""",
        "CREATE INDEX events_by_kind ON events (kind, id)",
    ),
)


class Postgres:
    """A connection that is a Database; see there. Lost, it is made anew by the next statement outside a transaction."""

    is_a_file = False
    of_row = "row_id = :row_id"

    def __init__(self, address: Address, busy_seconds: float) -> None:
        try:
            import psycopg
        except ModuleNotFoundError as error:
            raise ExtraMissing("psycopg", "sql") from error
        self._address = address
        self._busy_seconds = busy_seconds
        self._errors: type[Exception] = psycopg.Error
        self._bad_value: type[Exception] = psycopg.DataError
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._in_transaction = False
        with self.errors():
            self._connected()

    def execute(self, query: str, given: Sequence[Any] | Mapping[str, Any] = (), /) -> Found:
        return self._connected().execute(translated(query), given or None)

    def executemany(self, query: str, given: Iterable[Sequence[Any]], /) -> Found:
        cursor = self._connected().cursor()
        cursor.executemany(translated(query), given)
        return cursor

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def label(self, value: Any) -> Any:
        return json.dumps(value, ensure_ascii=False)

    def entries(self, predictions: Sequence[NewPrediction]) -> Sequence[NewPrediction]:
        return [row._replace(prediction=self.label(row.prediction)) for row in predictions]

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except self._bad_value:
            raise  # of one row alone: no fault of the journal
        except self._errors as error:
            raise self._explained(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._begun("BEGIN", "COMMIT"):
            # one at a time, as in SQLite: what a transaction has read must not change before it writes
            self.execute("SELECT pg_advisory_xact_lock(?, hashtext(current_schema()))", (_LOCK,))
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK"):
            yield

    @contextmanager
    def _begun(self, begin: str, end: str) -> Iterator[None]:
        self.execute(begin)
        self._in_transaction = True
        try:
            yield
            self.execute(end)
        except BaseException:
            connection = self._connection
            if connection is not None and not connection.closed:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._in_transaction = False

    @contextmanager
    def erasing(self) -> Iterator[None]:
        yield
        # FULL: the tables are written anew, without the bytes of what was deleted
        self.execute(f"VACUUM (FULL) {', '.join(TABLES[:-1])}")

    def is_replaced(self) -> bool:
        return False

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = self._connection
        if connection is None or (connection.closed and not self._in_transaction):
            self._connection = connection = self._connect()
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        import psycopg

        usual: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "tenure",
            # a server that went away without a word is noticed
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        }
        try:
            asked = psycopg.conninfo.conninfo_to_dict(self._address.url)
        except psycopg.ProgrammingError:  # its words would repeat the address with the password
            raise JournalError(
                "the journal's address cannot be read",
                where=str(self._address),
                todo="write store.journal as postgresql://user:${NAME}@host:5432/database",
            ) from None
        return psycopg.connect(autocommit=True, **(usual | asked))

    def _set_up(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        connection.execute(f"SET lock_timeout = {int(self._busy_seconds * 1000)}")
        if connection.execute("SHOW synchronous_commit").fetchone() == ("off",):
            connection.execute("SET synchronous_commit = on")
        if _version(connection) == len(MIGRATIONS):
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (_LOCK,))
            # Read again under the lock: another process may have been first.
            version = _version(connection)
            if version > len(MIGRATIONS):
                raise JournalError(
                    f"the journal has schema version {version}; this tenure knows up to {len(MIGRATIONS)}",
                    where=str(self._address),
                    todo="use the newer tenure that wrote it",
                )
            if version == 0:
                self._refuse_foreign(connection)
                connection.execute("CREATE TABLE tenure_journal (version INTEGER NOT NULL)")
                connection.execute("INSERT INTO tenure_journal VALUES (0)")
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute("UPDATE tenure_journal SET version = %s", (len(MIGRATIONS),))

    def _refuse_foreign(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        found = _among_tables(connection, list(TABLES))
        if found:
            raise JournalError(
                f"the database has a table {found[0]!r} that is no journal's",
                where=str(self._address),
                todo="give the journal a database, or a schema (?options=-csearch_path%3DNAME), of its own",
            )

    def _explained(self, error: Exception) -> JournalError:
        import psycopg

        code = getattr(error, "sqlstate", None) or ""
        text = " ".join(str(error).split())
        password = psycopg.conninfo.conninfo_to_dict(self._address.url).get("password")
        if password:
            text = text.replace(str(password), "…")
        advice = next((todo for start, todo in _ADVICE.items() if code.startswith(start)), None)
        if advice is None:  # a connection that fails has no code
            advice = next((todo for words, todo in _ADVICE_OF_WORDS.items() if words in text), None)
        if advice is None and isinstance(error, psycopg.OperationalError):
            advice = "see that the server runs and can be reached; it is tried again with each request"
        return JournalError(f"the journal cannot be used: {text}", where=str(self._address), todo=advice)


_MEND_USER = "mend the user or the password in store.journal"
_ADVICE = {
    "53100": "free space on the server's disk",
    "25006": "connect to a server that can be written to",
    "55P03": "another process has held the journal too long: end it, then try again",
    "42501": "let the user make tables in the schema, and read and write them",
    "3F000": "make the schema first",
    "3D000": "make the database first",
    "28": _MEND_USER,
}
_ADVICE_OF_WORDS = {
    "authentication failed": _MEND_USER,
    "no password supplied": _MEND_USER,
    'database "': "make the database first",
}


def _version(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    """The version of the journal's tables; 0 without any."""
    # not to_regclass: what that has once not found it may not find again in a connection
    if not _among_tables(connection, ["tenure_journal"]):
        return 0
    row = connection.execute("SELECT version FROM tenure_journal").fetchone()
    return int(row[0]) if row else 0


def _among_tables(connection: psycopg.Connection[tuple[Any, ...]], names: list[str]) -> list[str]:
    """Those of names that are tables of the current schema."""
    query = """SELECT table_name FROM information_schema.tables
        WHERE table_schema = current_schema() AND table_name = ANY(%s) ORDER BY table_name"""
    return [name for (name,) in connection.execute(query, (names,))]


@lru_cache(maxsize=256)
def translated(query: str) -> str:
    """A query with parameters as the driver writes them.

    >>> translated("SELECT 1 FROM p WHERE id = ? LIMIT :n")
    'SELECT 1 FROM p WHERE id = %s LIMIT %(n)s'
    """
    return re.sub(r"\?|:([a-z_]\w*)", lambda match: f"%({match[1]})s" if match[1] else "%s", query)
