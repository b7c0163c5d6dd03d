"""POST /predict for one row: tenure against the usual ways to serve, in turn on the same machine.

    python benchmarks/serve.py [--release DIR --rows FILE.csv] [--rounds 5] [--connections 1 8 32]

The release is what `tenure run --budget 60s` ships for telco, unless --release names another one. Contenders, all on
uvicorn, uvloop and httptools with one worker:

    constant    FastAPI parses the same body into a pydantic model and answers a constant
    tenure      without a journal, with one (each prediction on disk before its answer), and with ?explain=3
    usual       FastAPI, pandas, a scikit-learn pipeline with LightGBM (300 trees, depth 6), fitted on the same table
    MLflow      MLflow's scoring server with that pipeline

Printed: requests and CPU microseconds a request, each also as the ratio to the constant of the same round; the 50th
and 99th percentile of the latency; CPU of three effects beside LightGBM's own pred_contrib of one row; resident memory.
The journal lies in the current folder, so that it is on a real disk.

Goals: CPU at most 0.6 of the constant's without journal, 1.0 with it, p99 at most 1.5 of its p99; usual and MLflow at
least 100 times the CPU; under 200 MB. Lists of rows: serve_lists.py.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import uvloop

from serving import (
    Served,
    cpu_seconds,
    free_port,
    make_project,
    no_op_command,
    our_command,
    parse_arguments,
    running,
    train_release,
)

WARM_UP = 0.3
PEERS = Path(__file__).with_name("serving_peers.py")
JOURNAL, BARE, CONSTANT = "tenure, journal", "tenure, no journal", "FastAPI, constant"
EXPLAIN, USUAL, MLFLOW = "tenure, explain=3", "usual", "MLflow"


class Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, sends the next."""

    def __init__(self, requests: list[bytes], start: int) -> None:
        self.seconds: list[float] = []
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
            self.seconds.append(time.perf_counter() - self._sent)
            self.refused += not head.startswith(b"HTTP/1.1 200")
            self._send()

    def _send(self) -> None:
        self._received = b""
        self._next = (self._next + 1) % len(self._requests)
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._next])


@dataclass
class Load:
    """One round. rate: requests a second.  latencies: of each, seconds.  refused: how many were."""

    rate: float
    latencies: list[float]
    refused: int


async def load(
    port: int, requests: list[bytes], n_connections: int, seconds: float, may_refuse: bool = False
) -> Load:
    """Keep so many connections busy for so long."""
    loop = asyncio.get_running_loop()
    made = []
    for number in range(n_connections):
        start = number * len(requests) // n_connections
        made.append(
            await loop.create_connection(lambda at=start: Connection(requests, at), "127.0.0.1", port)
        )
    connections = [protocol for _, protocol in made]
    await asyncio.sleep(WARM_UP)
    before, started = [len(c.seconds) for c in connections], time.perf_counter()
    await asyncio.sleep(seconds)
    latencies = [s for c, n in zip(connections, before, strict=True) for s in c.seconds[n:]]
    rate = len(latencies) / (time.perf_counter() - started)
    for transport, _ in made:
        transport.abort()
    refused = sum(c.refused for c in connections)
    if refused and not may_refuse:
        raise SystemExit("a request was refused: are these rows of this release?")
    return Load(rate, latencies, refused)


def http_request(body: Any, path: str = "/predict") -> bytes:
    content = json.dumps(body).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass
class Contender:
    """A server, and what was measured of it. rounds: (requests a second, CPU us a request, latencies)."""

    command: list[str]
    port: int
    requests: list[bytes]
    rounds: dict[int, list[tuple[float, float, list[float]]]] = field(default_factory=dict)


def contenders(served: Served, folder: Path, table: Path, target: str) -> dict[str, Contender]:
    import serving_peers

    serving_peers.save(serving_peers.fit_pipeline(table, target), folder)
    rows = [http_request(row) for row in served.rows]
    found = {
        CONSTANT: Contender([], free_port(), rows),
        JOURNAL: Contender([], free_port(), rows),
        BARE: Contender([], free_port(), rows),
        EXPLAIN: Contender([], free_port(), [http_request(row, "/predict?explain=3") for row in served.rows]),
        USUAL: Contender([], free_port(), rows),
        MLFLOW: Contender(
            [],
            free_port(),
            [http_request({"dataframe_records": [row]}, "/invocations") for row in served.rows],
        ),
    }
    found[CONSTANT].command = no_op_command(served, found[CONSTANT].port)
    found[JOURNAL].command = our_command(served, found[JOURNAL].port, folder / "journal.db")
    for name in (BARE, EXPLAIN):
        found[name].command = our_command(served, found[name].port, None)
    for name, kind in ((USUAL, "usual"), (MLFLOW, "mlflow")):
        found[name].command = [sys.executable, str(PEERS), kind, str(found[name].port), str(folder)]
    return found


def measure(found: dict[str, Contender], servers: dict[str, Any], options: Any) -> None:
    for n_connections in options.connections:
        for _ in range(options.rounds):
            for name, contender in found.items():
                seconds = options.seconds if name not in (USUAL, MLFLOW) else min(options.seconds, 2.0)
                before = cpu_seconds(servers[name])
                got = uvloop.run(load(contender.port, contender.requests, n_connections, seconds))
                micros = (cpu_seconds(servers[name]) - before) / (got.rate * (seconds + WARM_UP)) * 1e6
                contender.rounds.setdefault(n_connections, []).append((got.rate, micros, got.latencies))


def tell(found: dict[str, Contender], connections: list[int]) -> None:
    for n_connections in connections:
        constant = found[CONSTANT].rounds[n_connections]
        print(
            f"\n{n_connections} connection(s)    requests/s  ratio   CPU us  ratio   p50 ms   p99 ms  ratio"
        )
        p99 = np.percentile([s for r in constant for s in r[2]], 99)
        for name, contender in found.items():
            rounds = contender.rounds[n_connections]
            latencies = [s for r in rounds for s in r[2]]
            rate = statistics.median(r[0] / c[0] for r, c in zip(rounds, constant, strict=True))
            cpu = statistics.median(r[1] / c[1] for r, c in zip(rounds, constant, strict=True))
            print(
                f"  {name:18} {statistics.median(r[0] for r in rounds):9,.0f} {rate:6.2f} "
                f"{statistics.median(r[1] for r in rounds):8.0f} {cpu:6.2f} "
                f"{np.percentile(latencies, 50) * 1e3:8.2f} {np.percentile(latencies, 99) * 1e3:8.2f} "
                f"{np.percentile(latencies, 99) / p99:6.2f}"
            )


def tell_effects(served: Served, found: dict[str, Contender], release: Path) -> None:
    """The CPU of three effects beside what LightGBM's own pred_contrib takes for one row."""
    import lightgbm

    if not (release / "model.txt").is_file():
        return
    booster = lightgbm.Booster(model_file=str(release / "model.txt"))
    X = np.random.default_rng(0).normal(size=(200, booster.num_feature()))
    started = time.process_time()
    for row in X:
        booster.predict(row[None], pred_contrib=True, num_threads=1)
    native = (time.process_time() - started) / len(X) * 1e6
    first = min(found[EXPLAIN].rounds)
    explained = statistics.median(r[1] for r in found[EXPLAIN].rounds[first])
    scored = statistics.median(r[1] for r in found[BARE].rounds[first])
    print(
        f"three effects: {explained:.0f} us of CPU; scoring {scored:.0f} us + LightGBM's pred_contrib "
        f"{native:.0f} us = {scored + native:.0f} us"
    )


def resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def main() -> None:
    options = parse_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as made, ExitStack() as stack:
        folder = Path(made)
        release = options.release
        if release is None:
            release = train_release(folder / "trained", options.table, options.target, options.budget)
        served = make_project(folder, release, options.rows or options.table)
        found = contenders(served, folder, options.table, options.target)
        servers = {
            name: stack.enter_context(running(contender.command, contender.port, MLFLOW in name))[0]
            for name, contender in found.items()
        }
        print(
            f"one row of {len(served.columns)} columns, {len(served.rows)} different rows; medians of the rounds"
        )
        measure(found, servers, options)
        tell(found, options.connections)
        tell_effects(served, found, release)
        for name in (CONSTANT, JOURNAL, USUAL, MLFLOW):
            print(f"resident after all: {name:18} {resident(servers[name].pid):6.0f} MiB")


if __name__ == "__main__":
    main()
