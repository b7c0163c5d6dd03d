"""How long a prediction waits for its journal, in an SQLite file and in PostgreSQL.

    python benchmarks/journal_stores.py ADDRESS [SECONDS]

ADDRESS: postgresql://user:password@host/database, an empty database or schema.  For 1, 8 and 32 clients that write a
row at a time by group commit, SECONDS (3) each, the two by turns in one run: rows a second, milliseconds waited (median
and 99th percentile), and CPU microseconds a row of this process.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from archive import make_row
from tenure.journal.group_commit import GroupCommit
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.place import Address, Place


async def write(place: Place, clients: int, seconds: float) -> list[float]:
    journal = GroupCommit(place)
    choose = random.Random(0)
    rows = [make_row(choose, number, 0) for number in range(100)]
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < end:
            identifier, at = new_id_and_time()
            row = choose.choice(rows)._replace(id=identifier, at=at)
            started = time.perf_counter()
            await journal.add_predictions([row])
            waits.append(time.perf_counter() - started)

    await asyncio.gather(*(client() for _ in range(clients)))
    await journal.close()
    return sorted(waits)


def main() -> None:
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    with tempfile.TemporaryDirectory() as name:
        places: dict[str, Place] = {
            "SQLite": Path(name) / "journal.db",
            "PostgreSQL": Address(sys.argv[1], "postgresql://…", Path(name) / "days"),
        }
        for clients in (1, 8, 32):
            for store, place in [*places.items()] * 2:
                cpu = time.process_time()
                waits = asyncio.run(write(place, clients, seconds))
                each = (time.process_time() - cpu) / len(waits) * 1e6
                median, last = waits[len(waits) // 2], waits[int(0.99 * len(waits))]
                print(
                    f"{clients:>2} clients, {store:<10}: {len(waits) / seconds:>6,.0f} rows a second, "
                    f"waited {median * 1000:.2f} ms, p99 {last * 1000:.1f} ms, {each:.0f} us of CPU a row"
                )


if __name__ == "__main__":
    main()
