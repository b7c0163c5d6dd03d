"""Rows of a table or a query in an SQL database, streamed through SQLAlchemy: SQLite, PostgreSQL, MySQL, MariaDB."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.config import Secrets, SourceConfig
from tenure.errors import ExtraMissing, SourceError
from tenure.prepare.sources.collected import Batch, Stream
from tenure.prepare.sources.values import frame_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Table

FETCH_ROWS = 5_000
PART_ROWS = 100_000
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_LIBRARIES = {"psycopg": "psycopg", "pymysql": "pymysql", "MySQLdb": "pymysql", "psycopg2": "psycopg"}


def stream_of(config: SourceConfig, base: Path, secrets: Secrets, limit: int | None = None) -> Stream:
    """The rows of the query or table, in batches; limit: no more than so many.

    base: what the path of a SQLite file is relative to.
    A table with a primary key comes in its order, so that a collection can go on behind the last key.
    Raises SourceError, without the secrets, for whatever the database refuses.
    """
    try:
        import sqlalchemy
    except ModuleNotFoundError as error:
        raise ExtraMissing("sqlalchemy", "sql") from error
    url = _url(config, base, secrets)
    where = secrets.scrub(config.source)

    def stream(after: Any) -> Generator[Batch]:
        with _explained(where, secrets):
            engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
            with engine.connect() as connection:
                if config.table is None:
                    yield from _query(connection, config.query or "", where, limit)
                else:
                    yield from _table(engine, connection, config.table, where, after, limit)

    return stream


def _url(config: SourceConfig, base: Path, secrets: Secrets) -> URL:
    """The address with the secrets in it, and a driver that is installed with tenure[sql]."""
    from sqlalchemy import make_url

    scheme, _, rest = config.source.partition("://")
    url = make_url(f"{_DRIVERS.get(scheme, scheme)}://{rest}")

    def open_up(text: str | None) -> str | None:
        return None if text is None else secrets.expand(text, "data.source")

    url = url.set(
        username=open_up(url.username),
        password=open_up(None if url.password is None else str(url.password)),
        host=open_up(url.host),
        database=open_up(url.database),
    )
    if scheme.startswith("sqlite"):
        path = base / Path(url.database or "").expanduser()
        if not path.is_file():
            raise SourceError(
                "there is no such SQLite file",
                where=str(path),
                todo=f"check the path; it is taken relative to {base}, after sqlite:///",
            )
        # Never made, never written to: only read.
        url = url.set(database=f"file:{path}").update_query_dict({"mode": "ro", "uri": "true"})
    return url


@contextmanager
def _explained(where: str, secrets: Secrets) -> Iterator[None]:
    """Say what a database or driver complains of without the secrets that it may repeat."""
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

    try:
        yield
    except ModuleNotFoundError as error:
        raise ExtraMissing(_LIBRARIES.get(error.name or "", error.name or "the driver"), "sql") from None
    except NoSuchModuleError as error:
        raise SourceError(
            f"the driver is not known: {error}", where=where, todo="use postgresql://, mysql:// or sqlite:///"
        ) from None
    except NoSuchTableError as error:
        raise SourceError(
            f"the database has no table {error}", where=where, todo="name another in data.table"
        ) from None
    except DBAPIError as error:
        what = secrets.scrub(" ".join(str(error.orig).split()))
        raise SourceError(
            f"the database says: {what}", where=where, todo="mend data.source, data.query or data.table"
        ) from None
    except SQLAlchemyError as error:
        raise SourceError(f"the database cannot be read: {secrets.scrub(str(error))}", where=where) from None


def _query(connection: Connection, query: str, where: str, limit: int | None) -> Iterator[Batch]:
    streaming = connection.execution_options(
        stream_results=True, max_row_buffer=FETCH_ROWS, no_parameters=True
    )
    with streaming.exec_driver_sql(query.rstrip().rstrip(";")) as result:
        if not result.returns_rows:  # what it did is rolled back with the connection
            raise SourceError("data.query returns no rows", where=where, todo="write a SELECT")
        names = _differing(list(result.keys()), where)
        for rows in _partitions(result, limit):
            yield Batch(_frame(names, rows, where))


def _table(
    engine: Engine, connection: Connection, name: str, where: str, after: Any, limit: int | None
) -> Iterator[Batch]:
    """All columns of a table, by its primary key if it has one."""
    from sqlalchemy import MetaData, Table, literal_column, select, tuple_

    schema, _, bare = name.rpartition(".")
    table: Table = Table(bare, MetaData(), schema=schema or None, autoload_with=engine)
    keys = list(table.primary_key.columns)
    # The driver's own types, the same as a query's: none of SQLAlchemy's conversions.
    quote = engine.dialect.identifier_preparer.quote
    chosen: Any = select(*(literal_column(quote(column.name)) for column in table.columns)).select_from(table)
    if keys:
        chosen = chosen.order_by(*keys)
        if after is not None:
            chosen = chosen.where(tuple_(*keys) > tuple_(*after) if len(keys) > 1 else keys[0] > after[0])
    streaming = connection.execution_options(stream_results=True, max_row_buffer=FETCH_ROWS)
    names = [column.name for column in table.columns]
    places = [names.index(key.name) for key in keys]
    with streaming.execute(chosen) as result:
        for rows in _partitions(result, limit):
            yield Batch(_frame(names, rows, where), _key(rows[-1], places))


def _key(row: Sequence[Any], places: list[int]) -> list[Any] | None:
    """The key of a row, if JSON holds it as it is."""
    key = [row[place] for place in places]
    return key if key and all(type(value) in (int, str) for value in key) else None


def _partitions(result: Any, limit: int | None) -> Iterator[list[Any]]:
    left = limit
    while rows := result.fetchmany(FETCH_ROWS if left is None else min(left, FETCH_ROWS)):
        yield rows
        left = None if left is None else left - len(rows)
        if left == 0:
            return


def _frame(names: list[str], rows: Sequence[Any], where: str) -> Any:
    return frame_of(dict(zip(names, zip(*rows, strict=True), strict=True)), where)


def _differing(names: list[str], where: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"column names must differ, but the query gives {', '.join(map(repr, twice))} more than once",
            where=where,
            todo="name them apart in data.query with AS",
        )
    return names
