"""A service whose journal is in PostgreSQL: it goes away and comes back, workers share it, a kill loses nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from tests import servers
from tests.journal.builders import schema_of_its_own
from tests.serve.project import ServedProject
from tests.serve.test_server import (
    check_kept,
    ids_in_journal,
    kill_under_load,
    post_until_it_breaks,
    server,
)

pytestmark = pytest.mark.slow
pytest.importorskip("psycopg")

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def database() -> Iterator[servers.Stoppable]:
    with servers.stoppable_postgresql() as found:
        yield found


@pytest.fixture
def on_postgres(project: ServedProject, database: servers.Stoppable) -> ServedProject:
    return replace(project, database=schema_of_its_own(database.address, project.root / "journal"))


def test_while_the_database_is_away_nothing_is_answered_that_is_not_kept(
    on_postgres: ServedProject, database: servers.Stoppable, rows: Rows
) -> None:
    answered: list[str] = []
    refused: list[int] = []
    is_over = threading.Event()

    def ask(address: str, row: dict[str, Any]) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not is_over.is_set():
                answer = client.post("/predict", json=row)
                if answer.status_code == 200:
                    answered.append(answer.json()["predictions"][0]["id"])
                else:
                    refused.append(answer.status_code)
                    time.sleep(0.02)

    with server(on_postgres) as (address, _):
        clients = [threading.Thread(target=ask, args=(address, row)) for row in rows[:4]]
        for client in clients:
            client.start()
        for how in (signal.SIGINT, signal.SIGQUIT):
            wait_for_more(answered, 200)
            database.stop(how)
            wait_for_more(refused, 20)
            n_answered = len(answered)
            assert httpx.get(f"{address}/livez").status_code == 200
            assert httpx.post(f"{address}/outcomes", json={"id": "x", "outcome": "Yes"}).status_code == 503
            assert len(answered) == n_answered
            database.start()
        wait_for_more(answered, 200)
        is_over.set()
        for client in clients:
            client.join()
    assert set(refused) == {503}
    check_kept(on_postgres, answered)


def wait_for_more(told: list[Any], n: int) -> None:
    enough = len(told) + n
    deadline = time.monotonic() + 30
    while len(told) < enough:
        assert time.monotonic() < deadline, "it did not come to that in 30 s"
        time.sleep(0.01)


def test_killed_under_load_every_answered_id_is_there_once(on_postgres: ServedProject, rows: Rows) -> None:
    answered: list[str] = []
    for _ in range(3):
        kill_under_load(on_postgres, rows, answered, lambda: wait_for_more(answered, 200))
    check_kept(on_postgres, answered)


def test_two_workers_and_another_service_share_it(on_postgres: ServedProject, rows: Rows) -> None:
    answered: list[str] = []
    with server(on_postgres, workers=2) as (one, first), server(on_postgres) as (other, second):
        clients = [
            threading.Thread(target=post_until_it_breaks, args=(address, rows, answered, seed))
            for seed, address in enumerate([one, one, other])
        ]
        for client in clients:
            client.start()
        wait_for_more(answered, 500)
        for process in (first, second):
            process.terminate()
        for client in clients:
            client.join()
    assert sorted(answered) == sorted(ids_in_journal(on_postgres.journal))
