from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.builders import make_prediction

from tenure.errors import JournalError
from tenure.journal.entries import NewRefusal
from tenure.journal.group_commit import GroupCommit
from tenure.journal.queries import count_predictions, predictions_between, refusals
from tenure.journal.tables import open_journal

# Writes for ever; prints an id when its commit has been acknowledged.
WRITER = """
import asyncio, sys
from pathlib import Path
from tenure.journal.group_commit import GroupCommit
from tests.journal.builders import make_prediction

async def client(journal):
    while True:
        row = make_prediction()
        await journal.add_predictions([row])
        sys.stdout.write(row.id + "\\n")
        sys.stdout.flush()

async def main():
    journal = GroupCommit(Path(sys.argv[1]))
    await asyncio.gather(*(client(journal) for _ in range(8)))

asyncio.run(main())
"""


def test_what_is_awaited_is_on_disk(tmp_path: Path):
    path = tmp_path / "journal.db"

    async def work() -> int:
        journal = GroupCommit(path)
        rows = [make_prediction() for _ in range(300)]
        await asyncio.gather(*(journal.add_predictions([row]) for row in rows))
        with closing(open_journal(path)) as other:
            seen = count_predictions(other)
        journal.add_refusal(NewRefusal(1, 400, "[]"))
        assert await journal.call(count_predictions) == 300
        await journal.close()
        return seen

    assert asyncio.run(work()) == 300
    with closing(open_journal(path)) as db:
        assert [r.status for r in refusals(db)] == [400]


def test_one_bad_row_does_not_take_its_group_down(tmp_path: Path):
    async def work() -> list[object]:
        journal = GroupCommit(tmp_path / "journal.db")
        rows = [make_prediction(), make_prediction(row_id="\ud800"), make_prediction()]
        results = await asyncio.gather(
            *(journal.add_predictions([row]) for row in rows), return_exceptions=True
        )
        await journal.close()
        return results

    first, second, third = asyncio.run(work())
    assert first is None
    assert isinstance(second, UnicodeEncodeError)
    assert third is None


def test_a_full_disk_fails_each_waiting_request_and_later_ones_work(tmp_path: Path):
    async def work() -> tuple[list[object], int]:
        journal = GroupCommit(tmp_path / "journal.db")
        await journal.call(lambda db: db.db.execute("PRAGMA max_page_count=12").fetchall())
        rows = [[make_prediction() for _ in range(100)] for _ in range(3)]
        results = await asyncio.gather(*map(journal.add_predictions, rows), return_exceptions=True)
        await journal.call(lambda db: db.db.execute("PRAGMA max_page_count=100000").fetchall())
        await journal.add_predictions(rows[0])
        count = await journal.call(count_predictions)
        await journal.close()
        return results, count

    results, count = asyncio.run(work())
    assert all(isinstance(result, JournalError) for result in results)
    assert count == 100


def test_a_request_that_went_away_harms_nobody(tmp_path: Path):
    async def work() -> int:
        journal = GroupCommit(tmp_path / "journal.db")
        gone = journal.add_predictions([make_prediction()])
        gone.cancel()
        await journal.add_predictions([make_prediction()])
        count = await journal.call(count_predictions)
        await journal.close()
        return count

    assert asyncio.run(work()) == 2


def test_refusals_do_not_pile_up(tmp_path: Path):
    async def work() -> int:
        journal = GroupCommit(tmp_path / "journal.db")
        for _ in range(5000):
            journal.add_refusal(NewRefusal(1, 400, json.dumps([])))
        await journal.close()
        with closing(open_journal(tmp_path / "journal.db")) as db:
            return len(refusals(db))

    assert asyncio.run(work()) == 1000


@pytest.mark.parametrize("n_acknowledged", [1, 500])
def test_killed_at_any_moment_no_acknowledged_prediction_is_lost(tmp_path: Path, n_acknowledged: int):
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(n_acknowledged)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in process.stdout if len(line) == 33]
    assert all(acknowledged)
    with closing(open_journal(path)) as db:
        ids = [p.id for page in predictions_between(db) for p in page]
    assert set(acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_journal_that_is_taken_away_is_made_anew_before_anything_is_acknowledged(tmp_path: Path):
    path = tmp_path / "journal.db"

    async def work() -> None:
        journal = GroupCommit(path)
        await journal.add_predictions([make_prediction()])
        for file in tmp_path.glob("journal.db*"):
            file.unlink()
        await journal.add_predictions([make_prediction(), make_prediction()])
        await journal.close()

    asyncio.run(work())
    with closing(open_journal(path)) as db:
        assert count_predictions(db) == 2


def test_where_it_cannot_be_made_anew_each_request_is_told_until_it_can(tmp_path: Path):
    folder = tmp_path / "disk"

    async def work() -> None:
        journal = GroupCommit(folder / "journal.db")
        shutil.rmtree(folder)
        folder.write_text("no folder")
        for _ in range(2):
            with pytest.raises(JournalError):
                await journal.add_predictions([make_prediction()])
        folder.unlink()
        await journal.add_predictions([make_prediction()])
        await journal.close()

    asyncio.run(work())
    with closing(open_journal(folder / "journal.db")) as db:
        assert count_predictions(db) == 1
