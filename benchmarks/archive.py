"""What moving a day out of the journal costs, and what services that write meanwhile feel of it.

    python benchmarks/archive.py [ROWS]

Fills a journal with a day of ROWS predictions (200,000) of 20 columns, half of them with outcomes; lets eight clients
write single rows by group commit, alone and then while another process moves the day (A and B in one run); then
looks for 1,000 rows in 30 such days. Prints one line a figure.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tenure.journal import day_files, days
from tenure.journal.entries import GivenOutcome, NewPrediction
from tenure.journal.group_commit import GroupCommit
from tenure.journal.identifiers import first_id_at, new_id_and_time
from tenure.journal.queries import health
from tenure.journal.tables import open_journal
from tenure.journal.writer import add_outcomes, add_predictions

DAY = "2026-03-01"
MOVE = """
import resource, sys, time
from contextlib import closing
from pathlib import Path
from tenure.journal.move import move_day
from tenure.journal.tables import open_journal
with closing(open_journal(Path(sys.argv[1]))) as journal:
    started = time.perf_counter()
    move_day(journal, sys.argv[2])
    print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def make_row(choose: random.Random, number: int, at: int) -> NewPrediction:
    cells = {f"column_{i}": choose.choice(["yes", "no", 17, 70.35, "month-to-month"]) for i in range(20)}
    return NewPrediction(
        id=first_id_at(at)[:-16] + f"8{number:015x}",
        row_id=f"C-{number:07}",
        at=at,
        model="churn",
        version="1",
        release="0123456789ab",
        input=json.dumps({"customer": f"C-{number:07}", **cells}),
        prediction="yes",
        probability=choose.random(),
        margins=json.dumps([choose.gauss(0, 1)]),
        probabilities=None,
        seconds=choose.random() / 1000,
    )


def fill(path: Path, n_rows: int) -> None:
    choose = random.Random(0)
    start, end = days.times_of_day(DAY)
    with closing(open_journal(path)) as journal:
        for first in range(0, n_rows, 20_000):
            numbers = range(first, min(first + 20_000, n_rows))
            rows = [make_row(choose, n, start + (end - start) * n // n_rows) for n in numbers]
            add_predictions(journal, rows)
            add_outcomes(journal, [GivenOutcome(row.id, None, "yes") for row in rows[::2]])
        journal.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def write(path: Path, is_over: asyncio.Event) -> list[float]:
    """Eight clients, one row at a time; how long each waited for the disk, in seconds."""
    journal = GroupCommit(path)
    choose, waits = random.Random(1), []

    async def client() -> None:
        while not is_over.is_set():
            identifier, at = new_id_and_time()
            row = make_row(choose, 0, at)._replace(id=identifier)
            started = time.perf_counter()
            await journal.add_predictions([row])
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.004)

    await asyncio.gather(*(client() for _ in range(8)))
    await journal.close()
    return sorted(waits)


async def alone(path: Path) -> list[float]:
    is_over = asyncio.Event()
    asyncio.get_running_loop().call_later(5, is_over.set)
    return await write(path, is_over)


async def beside_a_move(path: Path) -> tuple[list[float], float, float]:
    is_over = asyncio.Event()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MOVE, str(path), DAY, stdout=subprocess.PIPE
    )

    async def wait() -> bytes:
        output, _ = await process.communicate()
        is_over.set()
        return output

    waits, output = await asyncio.gather(write(path, is_over), wait())
    seconds, megabytes = map(float, output.split())
    return waits, seconds, megabytes


def told(name: str, waits: list[float]) -> str:
    at = {q: waits[min(int(q * len(waits)), len(waits) - 1)] * 1000 for q in (0.5, 0.99, 0.999)}
    quantiles = ", ".join(f"p{100 * q:g} {ms:.1f}" for q, ms in at.items())
    return f"{name}: {len(waits)} rows written, waited ms {quantiles}, max {waits[-1] * 1000:.0f}"


def main() -> None:
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.db"
        fill(path, n_rows)
        before = path.stat().st_size
        print(told("writing alone", asyncio.run(alone(path))))
        waits, seconds, megabytes = asyncio.run(beside_a_move(path))
        print(told("while a day is moved", waits))
        size = day_files.path_of(path.with_suffix(""), DAY).stat().st_size
        print(
            f"moved {n_rows:,} rows in {seconds:.1f} s ({n_rows / seconds:,.0f} a second), at most {megabytes:.0f} MB"
        )
        print(f"{before / n_rows:.0f} bytes a row in the database, {size / n_rows:.0f} in the file")
        folder = path.with_suffix("")
        for number in range(2, 31):
            shutil.copy(day_files.path_of(folder, DAY), day_files.path_of(folder, f"2026-03-{number:02}"))
        with closing(open_journal(path)) as journal:
            for count in (1, 1000):
                choose = random.Random(2)
                given = [GivenOutcome(None, f"C-{choose.randrange(n_rows):07}", "no") for _ in range(count)]
                started = time.perf_counter()
                add_outcomes(journal, given)
                took = time.perf_counter() - started
                print(f"{count} outcome(s) by row id among 30 moved days: {took:.2f} s")
            started = time.perf_counter()
            print(f"health of {health(journal).predictions:,} rows: {time.perf_counter() - started:.1f} s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak of this process {peak:.0f} MB; processors: {os.cpu_count()}")


if __name__ == "__main__":
    main()
