"""A journal to write to: in a file, and in a PostgreSQL server of its own where one can be started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests import servers
from tests.journal.builders import schema_of_its_own

from tenure.journal.place import Place
from tenure.journal.tables import Journal, open_journal


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server, with its password."""
    pytest.importorskip("psycopg")
    with servers.postgresql() as address:
        yield servers.with_password(address)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a journal of this test's own can be."""
    if request.param == "sqlite":
        return tmp_path / "journal.db"
    return schema_of_its_own(request.getfixturevalue("postgresql"), tmp_path / "journal")


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with closing(open_journal(place)) as found:
        yield found


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[Journal]:
    with closing(open_journal(tmp_path / "journal.db")) as found:
        yield found
