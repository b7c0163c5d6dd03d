"""Tables out of real databases: SQLite, PostgreSQL, MariaDB."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests import servers

from tenure.config import SourceConfig
from tenure.errors import ConfigError, SourceError
from tenure.prepare.sources import check_source, databases, open_source, scan

sqlalchemy = pytest.importorskip("sqlalchemy")

SECRETS = {"PGPASSWORD": servers.PASSWORD, "MYSQL_PWD": servers.PASSWORD}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Addresses of databases, each started when it is first asked for."""
    found = {"sqlite": f"sqlite:///{tmp_path_factory.mktemp('db') / 'shop.sqlite'}"}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        starts = {"postgresql": servers.postgresql, "mariadb": servers.mariadb}

        def address_of(name: str) -> str:
            if name not in found:
                found[name] = stack.enter_context(starts[name]())
            return found[name]

        yield address_of


SERVERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("postgresql", "mariadb")]


@pytest.fixture(params=["sqlite", *SERVERS])
def address(request: pytest.FixtureRequest, addresses: Callable[[str], str]) -> str:
    return addresses(request.param)


def engine(address: str) -> Any:
    url = sqlalchemy.make_url(address)
    driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}.get(
        url.drivername, url.drivername
    )
    secret = servers.PASSWORD if url.password else None
    return sqlalchemy.create_engine(
        url.set(drivername=driver, password=secret), poolclass=sqlalchemy.NullPool
    )


def fill(address: str, name: str, n: int, *, key: bool = True) -> None:
    """A table of n customers with values of many types."""
    db = engine(address)
    meta = sqlalchemy.MetaData()
    column, types = sqlalchemy.Column, sqlalchemy.types
    table = sqlalchemy.Table(
        name,
        meta,
        column("id", types.Integer, primary_key=key, autoincrement=False),
        column("plan", types.String(20)),
        column("charge", types.Numeric(10, 2)),
        column("share", types.Double),
        column("autopay", types.Boolean),
        column("joined", types.Date),
        column("seen", types.DateTime),
    )
    meta.drop_all(db)
    meta.create_all(db)
    rows = [
        {
            "id": i,
            "plan": None if i % 7 == 3 else ["Basic", "Plus", "Zürich, 'X'"][i % 3],
            "charge": None if i % 11 == 5 else Decimal(i % 500) / 4,
            "share": i / 7,
            "autopay": i % 2 == 0,
            "joined": datetime.date(2024, 1, 1) + datetime.timedelta(days=i % 400),
            "seen": datetime.datetime(2024, 5, 1, 12) + datetime.timedelta(seconds=i),
        }
        for i in range(n)
    ]
    with db.begin() as connection:
        connection.execute(table.insert(), rows)


def read(config: SourceConfig, folder: Path) -> pl.DataFrame:
    source = open_source(config, folder, folder)
    rows = scan(source).collect()
    assert check_source(source).n_rows == rows.height
    return rows


def test_a_table_keeps_its_types(address: str, tmp_path: Path) -> None:
    fill(address, "customers", 1000)
    rows = read(SourceConfig(source=address, table="customers"), tmp_path)
    assert rows["id"].to_list() == list(range(1000))
    assert rows["plan"].to_list()[:4] == ["Basic", "Plus", "Zürich, 'X'", None]
    assert rows.schema["charge"] == pl.Float64
    assert rows["charge"].to_list()[:6] == [0.0, 0.25, 0.5, 0.75, 1.0, None]
    assert rows["share"].to_list() == [i / 7 for i in range(1000)]
    if "sqlite" in address:  # has no dates: they are text there
        assert rows["joined"][1] == "2024-01-02"
    else:
        assert rows["joined"][1] == datetime.date(2024, 1, 2)
        assert rows["seen"][1] == datetime.datetime(2024, 5, 1, 12, 0, 1)


def test_the_database_filters_and_a_percent_or_colon_is_no_parameter(address: str, tmp_path: Path) -> None:
    fill(address, "customers", 100)
    query = "SELECT id, plan AS \"plan\" FROM customers WHERE plan LIKE 'B%' AND plan <> 'a:b' ORDER BY id;"
    if address.startswith("mysql"):
        query = query.replace('"', "`")
    rows = read(SourceConfig(source=address, query=query), tmp_path)
    assert set(rows["plan"]) == {"Basic"}
    rows = read(
        SourceConfig(source=address, query=f"WITH c AS ({query.rstrip(';')}) SELECT * FROM c"), tmp_path
    )
    assert rows.columns == ["id", "plan"]


@pytest.mark.parametrize("name", SERVERS)
def test_the_password_is_never_shown(
    addresses: Callable[[str], str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SourceConfig(source=addresses(name), table="t")
    wrong = "wr0ng/p@ss"
    monkeypatch.setenv("PGPASSWORD", wrong)
    monkeypatch.setenv("MYSQL_PWD", wrong)
    with pytest.raises(SourceError, match="the database says") as error:
        open_source(config, tmp_path, tmp_path)
    shown = "".join(traceback.format_exception(error.value))
    assert wrong not in shown
    assert "wr0ng%2Fp%40ss" not in shown
    assert "${" in str(error.value)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or wrong.encode() not in path.read_bytes()


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    config = SourceConfig(source="postgresql://u:${NO_SUCH}@127.0.0.1/db", table="t")
    with pytest.raises(ConfigError, match="NO_SUCH, which is not set"):
        open_source(config, tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "nothing"}, "no table nothing"),
        ({"query": "SELEC 1"}, "the database says"),
        ({"query": "SELECT id, id FROM customers"}, "'id' more than once"),
        ({"query": "SELECT * FROM customers WHERE id < 0"}, "delivers no rows"),
        ({"query": "DELETE FROM customers"}, "returns no rows|readonly|read-only|syntax error"),
    ],
)
def test_faults_of_a_query(address: str, tmp_path: Path, settings: dict[str, str], message: str) -> None:
    fill(address, "customers", 10)
    with pytest.raises(SourceError, match=message):
        open_source(SourceConfig(source=address, **settings), tmp_path, tmp_path)
    assert read(SourceConfig(source=address, table="customers"), tmp_path).height == 10


def test_a_sqlite_file_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such SQLite file"):
        open_source(SourceConfig(source="sqlite:///gone.db", table="t"), tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="pg8000") as error:
        open_source(SourceConfig(source="postgresql+pg8000://u@127.0.0.1/db", table="t"), tmp_path, tmp_path)
    assert error.value.exit_code == 2  # type: ignore[attr-defined]


class Cut(Exception):
    pass


def cut_after(monkeypatch: pytest.MonkeyPatch, n_fetches: int) -> None:
    """Make the stream break off after some fetches, as a lost connection does."""
    real = databases._partitions

    def broken(result: Any, limit: int | None) -> Iterator[list[Any]]:
        for number, rows in enumerate(real(result, limit)):
            if number == n_fetches:
                raise sqlalchemy.exc.OperationalError("SELECT", {}, Cut("server closed the connection"))
            yield rows

    monkeypatch.setattr(databases, "_partitions", broken)


def test_an_interrupted_table_goes_on_behind_its_last_key(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(address, "customers", 1000)
    monkeypatch.setattr(databases, "FETCH_ROWS", 100)
    monkeypatch.setattr(databases, "PART_ROWS", 200)
    config = SourceConfig(source=address, table="customers")
    with monkeypatch.context() as patch:
        cut_after(patch, 5)
        with pytest.raises(SourceError, match="closed the connection"):
            open_source(config, tmp_path, tmp_path)
    fetched: list[int] = []
    real = databases._frame
    monkeypatch.setattr(databases, "_frame", lambda n, rows, w: fetched.append(len(rows)) or real(n, rows, w))
    source = open_source(config, tmp_path, tmp_path)
    assert sum(fetched) == 600  # two parts of 200 were whole
    assert "in two goes" in source.warnings[0]
    assert scan(source).collect()["id"].to_list() == list(range(1000))


def test_an_interrupted_query_starts_again_and_says_so(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    fill(address, "customers", 1000, key=False)
    monkeypatch.setattr(databases, "FETCH_ROWS", 100)
    monkeypatch.setattr(databases, "PART_ROWS", 200)
    for config in (
        SourceConfig(source=address, query="SELECT * FROM customers ORDER BY id"),
        SourceConfig(source=address, table="customers"),
    ):
        with monkeypatch.context() as patch:
            cut_after(patch, 5)
            with pytest.raises(SourceError, match="closed the connection"):
                open_source(config, tmp_path, tmp_path)
        told.clear()
        assert read(config, tmp_path).height == 1000
        assert "starts again" in told.text


def test_ten_times_the_rows_and_another_column_are_told(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'a.db'}"
    config = SourceConfig(source=address, table="customers")
    fill(address, "customers", 20)
    assert open_source(config, tmp_path, tmp_path).warnings == ()
    fill(address, "customers", 200)
    with engine(address).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE customers ADD COLUMN extra INTEGER")
    found = open_source(config, tmp_path, tmp_path).warnings
    assert "holds 200 rows; last time there were 20" in found[0]
    assert "new ['extra']" in found[1]


def test_mixed_kinds_in_a_sqlite_column_become_text_and_are_told(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'a.db'}"
    with engine(address).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a, b)")
        connection.exec_driver_sql(
            "INSERT INTO t VALUES (1, 1), ('x', 2.5), (2.0, NULL), (9223372036854775807, 7)"
        )
    source = open_source(SourceConfig(source=address, table="t"), tmp_path, tmp_path)
    rows = scan(source).collect()
    assert rows["a"].to_list() == ["1", "x", "2", "9223372036854775807"]
    assert rows["b"].to_list() == [1.0, 2.5, None, 7.0]


@pytest.mark.parametrize("name", SERVERS)
def test_rows_stream_in_bounded_memory(addresses: Callable[[str], str], name: str, tmp_path: Path) -> None:
    address = addresses(name)
    series = {
        "postgresql": "SELECT g AS id, repeat('x', 400) AS pad FROM generate_series(1, {n}) g",
        "mariadb": "SELECT seq AS id, repeat('x', 400) AS pad FROM seq_1_to_{n}",
    }[name]
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from tenure.config import SourceConfig; from tenure.prepare.sources import open_source\n"
        "open_source(SourceConfig(source=sys.argv[1], query=sys.argv[2]), Path('.'), Path(sys.argv[3]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    peaks = [
        float(
            subprocess.run(
                [sys.executable, "-c", script, address, series.format(n=n), str(tmp_path / str(n))],
                capture_output=True, text=True, check=True, env={**os.environ, **SECRETS},
            ).stdout
        )
        for n in (100_000, 400_000)
    ]  # fmt: skip
    assert peaks[1] < peaks[0] * 1.25, peaks  # 120 MB more rows
