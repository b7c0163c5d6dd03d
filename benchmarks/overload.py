"""What becomes of requests when three times as many come as can be answered.

    python benchmarks/overload.py [--release DIR --rows FILE.csv] [--seconds 5]

A service with a durable journal answers `POST /explain` (every effect of one row: enough work that one client process
can send three times as much). Its capacity is measured first, by 8 connections that always wait for an answer. Then
requests are sent at fixed times, whatever the service does, over 400 connections: at 80 % of the capacity, then at 300.
Printed: answered and refused a second, the percentiles of the latency of both, and how many could not be sent because
every connection waited; the first half second, in which overload is still a burst, on a line of its own.  Goal: at
300 % the 99th percentile of the answered is at most twice that at 80 %, after the first half second.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import uvloop

from serve import http_request, load
from serving import OURS, free_port, make_project, parse_arguments, running, train_release

CONNECTIONS = 400
SETTLING = 0.5
MAX_DELAY = 0.01
"""serve.max_delay of the service, seconds: about what a request takes when there is much to do."""


@dataclass
class Tally:
    """Seconds that each request took, by what became of it."""

    unsent: int = 0
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


class Line(asyncio.Protocol):
    """One connection, which is back in the pool when its answer is there."""

    def __init__(self, pool: deque[Line], keep: Callable[[bytes], object]) -> None:
        self._pool, self._keep = pool, keep
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._pool.append(self)

    def send(self, request: bytes, tally: Tally) -> None:
        self._sent, self._received, self._tally = time.perf_counter(), b"", tally
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
            took = time.perf_counter() - self._sent
            if head.startswith(b"HTTP/1.1 200"):
                self._tally.answered.append(took)
                self._keep(body)
            else:
                self._tally.refused.append(took)
            self._pool.append(self)


async def send_at(
    rate: float,
    port: int,
    requests: list[bytes],
    seconds: float,
    keep: Callable[[bytes], object] = len,
    settling: float = 0.0,
) -> tuple[Tally, Tally]:
    """Send so many requests a second, each at its time; those of the first `settling` seconds are counted apart.

    keep: is given the body of what is answered.
    """
    loop, settled, pool = asyncio.get_running_loop(), Tally(), deque[Line]()
    early = Tally()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Line(pool, keep), "127.0.0.1", port)
    started, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - started) < settling + seconds:
        tally = early if now < settling else settled
        while sent < now * rate:
            if pool:
                pool.popleft().send(requests[sent % len(requests)], tally)
            else:
                tally.unsent += 1
            sent += 1
        await asyncio.sleep(0.0005)
    await asyncio.sleep(0.5)
    for line in pool:
        line.transport.abort()
    return early, settled


def tell(name: str, tally: Tally, seconds: float) -> float:
    parts = [f"{name:8}"]
    for word, took in (("answered", tally.answered), ("refused", tally.refused)):
        found = np.percentile(took, [50, 99]) * 1e3 if took else [float("nan")] * 2
        parts.append(f"{word} {len(took) / seconds:7,.0f}/s, p50 {found[0]:6.1f} ms, p99 {found[1]:6.1f} ms")
    print("   ".join([*parts, f"unsent {tally.unsent / seconds:,.0f}/s"]))
    return float(np.percentile(tally.answered, 99))


def main() -> None:
    options = parse_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as made:
        folder, port = Path(made), free_port()
        release = options.release or train_release(
            folder / "trained", options.table, options.target, options.budget
        )
        served = make_project(folder, release, options.rows or options.table)
        requests = [http_request(row, "/explain") for row in served.rows]
        service = OURS.replace("journal=journal)", f"journal=journal, max_delay={MAX_DELAY})")
        command = [sys.executable, "-c", service, str(port), str(served.pointer), str(folder / "journal.db")]
        with running(command, port):
            capacity = uvloop.run(load(port, requests, 8, options.seconds)).rate
            print(f"capacity {capacity:,.0f} requests a second")
            found = {}
            for share in (0.8, 3.0):
                early, settled = uvloop.run(
                    send_at(share * capacity, port, requests, options.seconds, settling=SETTLING)
                )
                tell("at first", early, SETTLING)
                found[share] = tell(f"{share:.0%}", settled, options.seconds)
            print(f"p99 of the answered: {found[3.0] / found[0.8]:.2f} of that at 80 % (goal: at most 2)")


if __name__ == "__main__":
    main()
