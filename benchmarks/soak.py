"""Whether a service stays what it was: memory, latency and its journal over many requests.

    python benchmarks/soak.py [--release DIR --rows FILE.csv] --seconds 360

A service with a durable journal answers `POST /predict`. Its capacity is measured first, by connections that always
wait for an answer; then requests are sent at fixed times at 80 % of it, whatever the service does, in ten parts of so
many seconds (ten times 360 are an hour). A line for each: answered or not, percentiles of the latency, resident memory.
At the end the ids that were answered are compared with those of the journal: each must be there, once.

Goals: the last tenth's memory and 99th percentile within 10 % of the second's; no id lost or doubled.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvloop

from overload import Tally, send_at
from serve import http_request, load
from serving import free_port, make_project, our_command, parse_arguments, running, train_release

PARTS = 10
_MARK = b'"id":"'


@dataclass(frozen=True)
class Part:
    """What one part came to. p99: seconds.  mebibytes: resident at its end."""

    answered: int
    not_answered: int
    p99: float
    mebibytes: float


def resident(pid: int) -> float:
    """MiB that a process holds (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def id_of(body: bytes) -> bytes:
    """The identifier in an answer, 16 bytes."""
    start = body.index(_MARK) + len(_MARK)
    return bytes.fromhex(body[start : start + 32].decode())


def told(number: int, tally: Tally, mebibytes: float) -> Part:
    lost = len(tally.refused) + tally.unsent
    p50, p99 = np.percentile(tally.answered, [50, 99])
    print(
        f"{number + 1:4}   answered {len(tally.answered):9,}   not {lost:6,}   "
        f"p50 {p50 * 1e3:6.2f} ms   p99 {p99 * 1e3:6.2f} ms   {mebibytes:6.1f} MiB",
        flush=True,
    )
    return Part(len(tally.answered), lost, float(p99), mebibytes)


def compare(answered: Path, journal: Path) -> str:
    """How the ids that were answered and those of the journal differ."""
    given = np.sort(np.fromfile(answered, dtype="S16"))
    with closing(sqlite3.connect(journal)) as database:
        rows = database.execute("SELECT id FROM predictions ORDER BY id")
        written = np.fromiter((bytes.fromhex(row[0]) for row in rows), dtype="S16")
    lost = np.setdiff1d(given, written, assume_unique=True)
    doubled = len(given) - len(np.unique(given)) + len(written) - len(np.unique(written))
    return (
        f"{len(given):,} ids answered, {len(written):,} in the journal: {len(lost)} lost, {doubled} doubled"
    )


def main() -> None:
    options = parse_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as made:
        folder, port = Path(made), free_port()
        release = options.release or train_release(
            folder / "trained", options.table, options.target, options.budget
        )
        served = make_project(folder, release, options.rows or options.table)
        requests = [http_request(row) for row in served.rows]
        journal, answered = folder / "journal.db", folder / "answered"
        parts = []
        with running(our_command(served, port, journal), port) as (process, _):
            capacity = uvloop.run(load(port, requests, 8, 10.0)).rate
            print(f"capacity {capacity:,.0f} requests a second, {resident(process.pid):.1f} MiB", flush=True)
            with answered.open("wb") as ids:
                for number in range(PARTS):
                    _, tally = uvloop.run(
                        send_at(
                            0.8 * capacity,
                            port,
                            requests,
                            options.seconds,
                            lambda body: ids.write(id_of(body)),
                        )
                    )
                    parts.append(told(number, tally, resident(process.pid)))
        second, last = parts[1], parts[-1]
        print(f"memory of the last part: {last.mebibytes / second.mebibytes:.3f} of the second's (goal 1.1)")
        print(f"p99 of the last part: {last.p99 / second.p99:.2f} of the second's (goal 1.1)")
        print(compare(answered, journal))


if __name__ == "__main__":
    main()
