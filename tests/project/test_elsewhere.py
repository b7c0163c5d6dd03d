"""A project whose tables are in a database, an API and an object store, not in files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, check_agreement, create_project
from tenure.simulate.telecom import TelecomWorld
from tests.project.conftest import quick
from tests.servers import http_api

pytest.importorskip("sqlalchemy")


def into_sqlite(path: Path, **tables: pl.DataFrame) -> str:
    """Write tables into a SQLite file; gives its address."""
    with closing(sqlite3.connect(path)) as db, db:
        for name, frame in tables.items():
            db.execute(f"DROP TABLE IF EXISTS {name}")
            db.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            db.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * frame.width)})", frame.rows())
    return f"sqlite:///{path}"


@pytest.fixture
def customers(world: TelecomWorld) -> pl.DataFrame:
    return pl.read_csv(world.customers)


def test_init_and_prepare_from_a_database(customers: pl.DataFrame, tmp_path: Path) -> None:
    address = into_sqlite(tmp_path / "shop.db", customers=customers)
    arguments = ["--data", address, "--table", "customers", "--target", "churned", "--positive", "yes"]
    assert main(["init", str(tmp_path / "p"), *arguments, "--id", "customer_id"]) == 0
    text = (tmp_path / "p" / "tenure.yaml").read_text()
    assert '  table: "customers"' in text
    project = Project.open(str(tmp_path / "p"))
    prepared = project.prepare()
    assert sum(prepared.counts().values()) == customers.height
    assert project.prepare().id == prepared.id  # collected anew, the same bytes
    into_sqlite(tmp_path / "shop.db", customers=customers.head(100))
    assert any("last time there were 1500" in warning for warning in project.prepare().warnings)


def test_a_table_file_of_ten_times_the_rows_is_told(customers: pl.DataFrame, tmp_path: Path) -> None:
    customers.head(120).write_csv(tmp_path / "c.csv")
    create_project(Folder(tmp_path / "p"), Request(str(tmp_path / "c.csv"), "churned", "yes", "customer_id"))
    project = Project.open(str(tmp_path / "p"))
    assert not any("last time" in warning for warning in project.prepare().warnings)
    customers.write_csv(tmp_path / "c.csv")
    assert project.prepare().warnings[0] == "../c.csv holds 1500 rows; last time there were 120"


def test_a_command_line_with_a_secret_or_half_an_address_is_refused(tmp_path: Path) -> None:
    for source, said, message in (
        ("postgresql://u:abc123@h/db", {"table": "t"}, "password"),
        ("postgresql://u@h/db", {}, "either `query` or `table`"),
        ("a.csv", {"encoding": "latin-11"}, "no text encoding"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            create_project(Folder(tmp_path), Request(source, "y", **said))
        assert "abc123" not in str(error.value)


def test_another_table_than_the_projects_is_a_contradiction(customers: pl.DataFrame, tmp_path: Path) -> None:
    address = into_sqlite(tmp_path / "shop.db", customers=customers)
    folder = Folder(tmp_path / "p")
    create_project(folder, Request(address, "churned", "yes", "customer_id", table="customers"))
    check_agreement(folder, Request(address, "churned", table="customers"))
    with pytest.raises(ConfigError, match="table 'others', the project says 'customers'"):
        check_agreement(folder, Request(address, "churned", table="others"))


@pytest.mark.slow
def test_scores_and_outcomes_for_tables_elsewhere(
    world: TelecomWorld, customers: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, outcomes = pl.read_csv(world.live[0]), pl.read_csv(world.outcomes[0])
    address = into_sqlite(tmp_path / "shop.db", customers=customers, live=live, outcomes=outcomes)
    root = tmp_path / "telecom"
    create_project(Folder(root), Request(address, "churned", "yes", "customer_id", table="customers"))
    project = quick(root, "[logistic]")
    project.run()
    project.predict(str(world.live[0]), str(tmp_path / "file.csv"))
    project.predict(address, str(tmp_path / "sql.csv"), table="live")
    project.predict(address, str(tmp_path / "query.csv"), query="SELECT * FROM live")
    rows: list[dict[str, Any]] = live.to_dicts()
    monkeypatch.setenv("SECRET_KEY", "k-123")
    with http_api() as api:
        api.answer = lambda path, query, headers: (
            (200, {}, rows) if query["key"] == "k-123" else (403, {}, {})
        )
        project.predict(api.address + "/live?key=${SECRET_KEY}", str(tmp_path / "api.csv"))
    import fsspec

    fsspec.filesystem("memory").pipe("/live.csv", world.live[0].read_bytes())
    project.predict("memory://live.csv", str(tmp_path / "store.csv"))
    expected = pl.read_csv(tmp_path / "file.csv")
    assert expected.height == live.height
    for name in ("sql", "query", "api", "store"):
        assert pl.read_csv(tmp_path / f"{name}.csv").equals(expected), name
    assert b"k-123" not in b"".join(p.read_bytes() for p in root.rglob("*") if p.is_file())
    monkeypatch.chdir(tmp_path)
    taken = project.take_outcomes(address, table="outcomes")
    assert taken["recorded"] == outcomes.height
    assert project.take_outcomes(str(world.outcomes[0]))["already"] == outcomes.height
