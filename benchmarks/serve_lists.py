"""POST /predict for lists of rows: how many rows a second, and what a list does to those who ask for one row meanwhile.

    python benchmarks/serve_lists.py [--release DIR --rows FILE.csv] [--rounds 3] [--seconds 3]

The release is what `tenure run --budget 60s` ships for telco, unless --release names another one. One worker, loopback,
the client beside it on the same machine. Printed:

    lists of 1, 10, 100 and 1,000 rows on one connection, without a journal and with one (each row on disk before its
    answer): rows a second, and CPU microseconds a row (median of the rounds, the servers in turn)
    the limit in the same run: what LightGBM alone takes for these rows' trees in one thread, on an array that is ready
    where a row's time goes, part by part
    single rows on 8 connections: 50th and 99th percentile of the latency, alone and beside a client of 1,000-row lists
    resident memory of the services after all

Goal: 200,000 rows a second in requests of 1,000 rows. The journal lies in the current folder: a real disk.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import uvloop

from serve import WARM_UP, Load, http_request, load, resident
from serving import (
    Served,
    cpu_seconds,
    free_port,
    make_project,
    our_command,
    parse_arguments,
    running,
    train_release,
)

LENGTHS = (1, 10, 100, 1000)
N_SINGLE = 8


def main() -> None:
    options = parse_arguments(__doc__)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as made, ExitStack() as stack:
        folder = Path(made)
        release = options.release
        if release is None:
            release = train_release(folder / "trained", options.table, options.target, options.budget)
        served = make_project(folder, release, options.rows or options.table)
        servers = {}
        for name, journal in (("no journal", None), ("journal", folder / "journal.db")):
            port = free_port()
            process, _ = stack.enter_context(running(our_command(served, port, journal), port))
            servers[name] = (port, process)
        tell_lists(served, servers, options)
        tell_limit(served, release)
        tell_parts(served, release)
        tell_single(served, servers["no journal"][0], options)
        for name, (_, process) in servers.items():
            print(f"resident after all, {name}: {resident(process.pid):.0f} MiB")


def rows_of(served: Served, n: int) -> list[dict[str, Any]]:
    return (served.rows * (n // len(served.rows) + 1))[:n]


def tell_lists(served: Served, servers: dict[str, Any], options: Any) -> None:
    """The first round is not counted: in it the service loads what makes lists quick."""
    for n_rows in LENGTHS:
        requests = [http_request(rows_of(served, n_rows))]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for round_number in range(options.rounds + 1):
            for name, (port, process) in servers.items():
                before = cpu_seconds(process)
                got = uvloop.run(load(port, requests, 1, options.seconds if round_number else 1.0))
                used = cpu_seconds(process) - before
                if round_number:
                    micros = used / (got.rate * (options.seconds + WARM_UP)) / n_rows * 1e6
                    found[name].append((got.rate * n_rows, micros))
        for name, rounds in found.items():
            rate, micros = (statistics.median(values) for values in zip(*rounds, strict=True))
            print(
                f"lists of {n_rows:5,} rows, {name:10}: {rate:9,.0f} rows a second, CPU {micros:6.1f} us a row"
            )


def tell_limit(served: Served, release: Path) -> None:
    import lightgbm

    from tenure.release.scorer import Scorer

    if not (release / "model.txt").is_file():
        return
    scorer = Scorer.load(release)
    X = np.array([scorer._encode(scorer._judge(row)[0]) for row in rows_of(served, 1000)])
    booster = lightgbm.Booster(model_file=str(release / "model.txt"))
    ready = np.ascontiguousarray(X[:, : booster.num_feature()])
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        booster.predict(ready, raw_score=True, num_threads=1)
        best = min(best, time.perf_counter() - started)
    print(f"LightGBM alone, one thread, a ready array of 1,000 rows: {1000 / best:,.0f} rows a second")


def tell_parts(served: Served, release: Path) -> None:
    """Where a row's time goes, in this process and in pieces as the service takes them: each part, the best of 50."""
    from tenure.release.encoding_table import ListColumn
    from tenure.release.scorer import Scorer
    from tenure.serve import scoring
    from tenure.serve.champion import ServedModel
    from tenure.serve.limits import decode_json

    scorer = Scorer.load(release)
    scorer.predictor.warm_up()
    n = scoring._ROWS_AT_A_TIME
    rows = rows_of(served, n)
    body = msgspec.json.encode(rows)
    columns, _ = scorer._cleaner.clean_columns(rows)
    named = {name: ListColumn(values) for name, values in zip(scorer.feature_names, columns, strict=True)}
    X = scorer._encode_columns(named, n)
    model = ServedModel("benchmark", "1", "0", release, scorer)
    parts = {
        "JSON read": lambda: decode_json(body),
        "cleaned and checked": lambda: scorer._marked_rows(scorer._cleaner.clean_columns(rows)[0], n),
        "encoded": lambda: scorer._encode_columns(named, n),
        "model": lambda: scorer.predictor.margins(X),
        "scored, with the parts above but the first": lambda: scorer.score_rows(rows),
        "with ids, answers and the journal's entries": lambda: asyncio.run(
            scoring.predict_rows(model, rows, 0, time.perf_counter())
        ),
    }
    for name, part in parts.items():
        best = float("inf")
        for _ in range(50):
            started = time.perf_counter()
            part()
            best = min(best, time.perf_counter() - started)
        print(f"  {name:45} {best / n * 1e6:6.2f} us a row")


def tell_single(served: Served, port: int, options: Any) -> None:
    single = [http_request(row) for row in served.rows]
    lists = [http_request(rows_of(served, 1000))]

    async def beside() -> Load:
        both = await asyncio.gather(
            load(port, single, N_SINGLE, options.seconds, may_refuse=True),
            load(port, lists, 1, options.seconds, may_refuse=True),
        )
        return both[0]

    rounds: dict[str, list[Load]] = {"alone": [], "beside 1,000-row lists": []}
    for _ in range(options.rounds):
        rounds["alone"].append(uvloop.run(load(port, single, N_SINGLE, options.seconds)))
        rounds["beside 1,000-row lists"].append(uvloop.run(beside()))
    for name, found in rounds.items():
        latencies = [seconds for one in found for seconds in one.latencies]
        p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
        print(
            f"single rows, {N_SINGLE} connections, {name}: {len(latencies):,} answers, p50 {p50:.2f} ms, "
            f"p99 {p99:.2f} ms, {sum(one.refused for one in found)} refused (503)"
        )


if __name__ == "__main__":
    main()
