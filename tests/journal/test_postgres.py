"""What is PostgreSQL's own: a server that goes away and comes back, many at once, mistakes in the address."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests import servers
from tests.journal.builders import make_prediction, schema_of_its_own, to_text

from tenure.errors import JournalError
from tenure.journal.entries import NewRefusal
from tenure.journal.group_commit import GroupCommit
from tenure.journal.place import Address
from tenure.journal.postgres import MIGRATIONS
from tenure.journal.queries import count_predictions, find_prediction, predictions_between, refusals
from tenure.journal.tables import open_journal
from tenure.journal.writer import add_predictions, record_event

pytestmark = pytest.mark.slow
psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def address(postgresql: str, tmp_path: Path) -> Address:
    return schema_of_its_own(postgresql, tmp_path / "journal")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[servers.Stoppable]:
    with servers.stoppable_postgresql() as server:
        yield server


def test_many_may_make_its_tables_at_once(address: Address) -> None:
    with ThreadPoolExecutor(8) as pool:
        for journal in pool.map(lambda _: open_journal(address), range(8)):
            journal.close()
    with closing(open_journal(address)) as journal:
        assert journal.db.execute("SELECT version FROM tenure_journal").fetchall() == [(len(MIGRATIONS),)]


def test_tables_of_others_are_refused_and_kept(address: Address) -> None:
    with psycopg.connect(address.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE events (mine INTEGER)")
    with pytest.raises(JournalError, match="'events' that is no journal's"):
        open_journal(address)


def test_a_newer_journal_is_refused(address: Address) -> None:
    with closing(open_journal(address)) as journal:
        journal.db.execute("UPDATE tenure_journal SET version = 99")
    with pytest.raises(JournalError, match="schema version 99"):
        open_journal(address)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("tester:", "nobody:"), "mend the user or the password"),
        (("/postgres?", "/nothing?"), "make the database first"),
        (("search_path%3Dt", "search_path%3Dno_such_"), "make the schema first"),
        (("@127.0.0.1:", "@127.0.0.2:"), "see that the server runs"),
    ],
)
def test_a_mistake_in_the_address_is_named_without_the_password(
    address: Address, change: tuple[str, str], word: str
) -> None:
    wrong = Address(address.url.replace(*change), "shown", address.days)
    with pytest.raises(JournalError) as caught:
        open_journal(wrong)
    assert word in str(caught.value.todo)
    for spelling in (servers.PASSWORD, "s3cret"):
        assert spelling not in str(caught.value)
    assert spelling not in repr(address)


def test_an_address_that_cannot_be_read_does_not_repeat_its_password(tmp_path: Path) -> None:
    wrong = Address("postgresql://u:s3cret@[::1/x", "postgresql://u:${P}@[::1/x", tmp_path)
    with pytest.raises(JournalError, match="cannot be read") as caught:
        open_journal(wrong)
    assert "s3cret" not in str(caught.value)


def test_a_held_lock_is_named(address: Address) -> None:
    with closing(open_journal(address)) as first, closing(open_journal(address, busy_seconds=0.1)) as second:
        with (
            first.db.transaction(),
            pytest.raises(JournalError, match="lock") as caught,
            second.db.errors(),
            second.db.transaction(),
        ):
            pass
        assert "another process" in str(caught.value)
        record_event(second, "run", {})


def test_commits_wait_for_the_disk_even_where_the_server_would_not(postgresql: str, address: Address) -> None:
    lazy = Address(f"{address.url}%20-csynchronous_commit%3Doff", "", address.days)
    with closing(open_journal(lazy)) as journal:
        assert journal.db.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_one_bad_row_does_not_take_its_group_down(address: Address) -> None:
    async def work() -> list[object]:
        journal = GroupCommit(address)
        rows = [make_prediction(), make_prediction(row_id="a\x00b"), make_prediction()]
        results = await asyncio.gather(
            *(journal.add_predictions([row]) for row in rows), return_exceptions=True
        )
        await journal.close()
        return results

    first, second, third = asyncio.run(work())
    assert (first, third) == (None, None)
    assert isinstance(second, Exception)


def test_a_server_that_goes_away_and_comes_back_loses_nothing_acknowledged(
    own_server: servers.Stoppable, tmp_path: Path
) -> None:
    address = schema_of_its_own(own_server.address, tmp_path / "journal")
    acknowledged: list[str] = []

    async def work() -> int:
        journal = GroupCommit(address)
        failures = 0
        is_over = asyncio.Event()

        async def client() -> None:
            nonlocal failures
            while not is_over.is_set():
                row = make_prediction()
                try:
                    await journal.add_predictions([row])
                except JournalError:
                    failures += 1
                    await asyncio.sleep(0.05)
                else:
                    acknowledged.append(row.id)

        async def trouble() -> None:
            for how in (signal.SIGINT, signal.SIGQUIT):  # fast; at once, as if it crashed
                enough = len(acknowledged) + 200
                while len(acknowledged) < enough:
                    await asyncio.sleep(0.005)
                await asyncio.to_thread(own_server.stop, how)
                with pytest.raises(JournalError, match="cannot be used"):
                    await journal.add_predictions([make_prediction()])
                await asyncio.sleep(0.2)
                await asyncio.to_thread(own_server.start)
            enough = len(acknowledged) + 200
            while len(acknowledged) < enough:
                await asyncio.sleep(0.005)
            is_over.set()

        await asyncio.gather(trouble(), *(client() for _ in range(6)))
        journal.add_refusal(NewRefusal(1, 400, "[]"))
        await journal.close()
        return failures

    assert asyncio.run(work()) > 0
    with closing(open_journal(address)) as journal:
        ids = [p.id for page in predictions_between(journal) for p in page]
        assert len(refusals(journal)) == 1
    assert set(acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))


WRITER = """
import asyncio, sys
from tenure.journal.group_commit import GroupCommit
from tests.journal.builders import make_prediction, place_of

async def client(journal):
    while True:
        row = make_prediction()
        await journal.add_predictions([row])
        sys.stdout.write(row.id + "\\n")
        sys.stdout.flush()

async def main():
    journal = GroupCommit(place_of(sys.argv[1]))
    await asyncio.gather(*(client(journal) for _ in range(8)))

asyncio.run(main())
"""


def test_two_killed_writers_leave_every_acknowledged_prediction_once(address: Address) -> None:
    command = [sys.executable, "-c", WRITER, to_text(address)]
    acknowledged: list[str] = []
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(300)]
    for process in processes:
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if len(line) == 33]
        process.stdout.close()
        process.wait()
    with closing(open_journal(address)) as journal:
        ids = [p.id for page in predictions_between(journal) for p in page]
    assert set(acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_row_is_all_there_in_the_words_of_sql(address: Address) -> None:
    row = make_prediction("C-1", prediction=0.1 + 0.2, input=json.dumps({"nul": "\x00", "é": "ü"}))
    with closing(open_journal(address)) as journal:
        add_predictions(journal, [row])
        assert find_prediction(journal, row.id).row == {"nul": "\x00", "é": "ü"}
        assert count_predictions(journal) == 1
        found = journal.db.execute("SELECT CAST(prediction AS float8) FROM predictions").fetchone()
    assert found == (0.1 + 0.2,)
