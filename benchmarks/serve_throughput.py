"""Requests a second of POST /predict for one row: tenure against a FastAPI endpoint that answers a constant.

    python benchmarks/serve_throughput.py [--release DIR --rows FILE.csv] [--rounds 5] [--connections 1 8 32]

The constant's endpoint parses the same body into a pydantic model. All servers run on the same settings
(uvicorn, uvloop, httptools, one worker) and are loaded in turn. The journal lies in the current folder,
so that it is on a real disk. Goal: a ratio of at least 0.5 with the journal.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import uvloop

from serving import (
    cpu_seconds,
    free_port,
    make_project,
    no_op_command,
    our_command,
    parse_arguments,
    running,
)

WARM_UP = 0.3


class Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, sends the next."""

    def __init__(self, requests: list[bytes], start: int) -> None:
        self.answered = 0
        self.refused = 0
        self._requests = requests
        self._next = start
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(body) >= length:
            self.answered += 1
            self.refused += not head.startswith(b"HTTP/1.1 200")
            self._send()

    def _send(self) -> None:
        self._received = b""
        self._next = (self._next + 1) % len(self._requests)
        self._transport.write(self._requests[self._next])


async def load(port: int, requests: list[bytes], n_connections: int, seconds: float) -> float:
    """Return the requests answered a second."""
    loop = asyncio.get_running_loop()
    made = []
    for number in range(n_connections):
        start = number * len(requests) // n_connections
        made.append(
            await loop.create_connection(lambda at=start: Connection(requests, at), "127.0.0.1", port)
        )
    connections = [protocol for _, protocol in made]
    await asyncio.sleep(WARM_UP)
    before, started = sum(c.answered for c in connections), time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (sum(c.answered for c in connections) - before) / (time.perf_counter() - started)
    for transport, _ in made:
        transport.abort()
    if any(c.refused for c in connections):
        raise SystemExit("a request was refused: are these rows of this release?")
    return rate


def http_request(row: dict[str, object]) -> bytes:
    body = json.dumps(row).encode()
    lines = (
        "POST /predict HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def main() -> None:
    arguments = parse_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as folder, ExitStack() as stack:
        served = make_project(Path(folder), arguments.release, arguments.rows)
        requests = [http_request(row) for row in served.rows]
        ports = {name: free_port() for name in ("FastAPI, constant", "tenure, journal", "tenure, no journal")}
        commands = {
            "FastAPI, constant": no_op_command(served, ports["FastAPI, constant"]),
            "tenure, journal": our_command(served, ports["tenure, journal"], Path(folder) / "journal.db"),
            "tenure, no journal": our_command(served, ports["tenure, no journal"], None),
        }
        servers = {
            name: stack.enter_context(running(command, ports[name]))[0] for name, command in commands.items()
        }
        print(
            f"one row of {len(served.columns)} columns, {len(requests)} different rows; medians of the rounds"
        )
        for n_connections in arguments.connections:
            rates: dict[str, list[float]] = {name: [] for name in ports}
            micros: dict[str, list[float]] = {name: [] for name in ports}
            for _ in range(arguments.rounds):
                for name, port in ports.items():
                    before = cpu_seconds(servers[name])
                    rate = uvloop.run(load(port, requests, n_connections, arguments.seconds))
                    used = cpu_seconds(servers[name]) - before
                    rates[name].append(rate)
                    micros[name].append(used / (rate * (arguments.seconds + WARM_UP)) * 1e6)
            constant = rates["FastAPI, constant"]
            print(f"\n{n_connections} connection(s)      requests/s   ratio   CPU us/request")
            for name, values in rates.items():
                ratio = statistics.median(a / b for a, b in zip(values, constant, strict=True))
                cpu = statistics.median(micros[name])
                print(f"  {name:20} {statistics.median(values):10,.0f} {ratio:7.2f} {cpu:12.0f}")


if __name__ == "__main__":
    main()
