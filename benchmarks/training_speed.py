"""Training on a long table beside the bare library, at equal parameters: wall time, CPU time and memory.

    python benchmarks/training_speed.py [--rows 1000000] [--rounds 200] [--repeats 2]

A generated table of 20 columns, 15 numbers and 5 categories, two classes. LightGBM gets the encoded matrix, ready in
memory, and fits it. tenure gets the clean columns: it encodes them, fits the same settings, writes the trees as a
document and proves on the rows that the document answers alike. Each reads the table from a Parquet file, in a process
of its own, in turn. Goals: at
most 1.3 times the library's time, and memory, data included, under 4 times the data (8 bytes a cell). CPU time is
shown because others may use the machine: what both pay to them cancels in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

THREADS = 2
NUMBERS, CATEGORIES, LEVELS = 15, 5, 12
PARAMS = {"learning_rate": 0.1, "num_leaves": 63, "min_data_in_leaf": 50, "feature_fraction": 0.8}
GOAL_TIME, GOAL_MEMORY = 1.3, 4.0


def make_table(n_rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{i}": rng.normal(size=n_rows) for i in range(NUMBERS)}
    score = columns["x0"] * columns["x1"] + np.sin(3 * columns["x2"]) + 0.5 * columns["x3"]
    words = np.array([f"level {k}" for k in range(LEVELS)])
    for i in range(CATEGORIES):
        codes = rng.integers(0, LEVELS, n_rows)
        score = score + 0.1 * (codes % 3)
        columns[f"c{i}"] = pl.Series(words[codes], dtype=pl.String)
    columns["y"] = (score + rng.normal(size=n_rows) > 0.5).astype(float)
    return pl.DataFrame(columns)


def memory() -> float:
    """Bytes that this process has used at its peak so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def tenure(path: str, rounds: int) -> dict[str, float]:
    """Fit by tenure's own training, along a plan: no search."""
    from tenure.model.candidates import candidate_named
    from tenure.model.settings import Member, Plan
    from tenure.model.train import TrainingTable, TrainSettings, train
    from tenure.prepare.learn import learn_recipe, learn_target

    candidate_named("lightgbm")
    base = memory()
    frame = pl.read_parquet(path)
    part = frame.head(20_000).with_columns(pl.all().cast(pl.String))
    recipe = learn_recipe(part, learn_target(part["y"]))
    table = TrainingTable(frame.drop("y"), frame["y"].to_numpy())
    del frame
    plan = Plan((Member("lightgbm", PARAMS, rounds, 0),))
    settings = TrainSettings(candidates=("lightgbm",), threads=THREADS, budget_seconds=None)
    started, cpu = time.perf_counter(), time.process_time()
    trained = train(recipe, table, table.rows(np.empty(0, dtype=np.int64)), settings, plan=plan)
    found = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    return {**found, "bytes": memory() - base, "trees": float(trained.document.n_trees)}


def library(path: str, rounds: int) -> dict[str, float]:
    """Fit by LightGBM alone, on the matrix that tenure would give it."""
    import lightgbm

    from tenure.model.encode import learn_encoding
    from tenure.prepare.learn import learn_recipe, learn_target

    base = memory()
    frame = pl.read_parquet(path)
    part = frame.head(20_000).with_columns(pl.all().cast(pl.String))
    recipe = learn_recipe(part, learn_target(part["y"]))
    y = frame["y"].to_numpy()
    X = learn_encoding(recipe, "trees", frame.drop("y"), y).part.X
    del frame
    params = {**PARAMS, "objective": "binary", "num_threads": THREADS, "verbosity": -1}
    started, cpu = time.perf_counter(), time.process_time()
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=rounds)
    found = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    return {**found, "bytes": memory() - base, "trees": float(booster.num_trees())}


def in_a_process(name: str, path: str, rounds: int) -> dict[str, float]:
    call = [sys.executable, __file__, "--only", name, "--table", path, "--rounds", str(rounds)]
    found = subprocess.run(call, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", choices=["tenure", "library"], help=argparse.SUPPRESS)
    parser.add_argument("--table", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        run = {"tenure": tenure, "library": library}[options.only]
        print(json.dumps(run(options.table, options.rounds)))
        return
    runs: dict[str, list[dict[str, float]]] = {"library": [], "tenure": []}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.parquet")
        make_table(options.rows).write_parquet(path)
        for _ in range(options.repeats):
            for name, found in runs.items():
                found.append(in_a_process(name, path, options.rounds))
    report(options, runs)


def report(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    best = {
        name: {key: min(one[key] for one in found) for key in ("seconds", "cpu", "bytes")}
        for name, found in runs.items()
    }
    data = options.rows * (NUMBERS + CATEGORIES) * 8.0
    print(
        f"{options.rows:,} rows x {NUMBERS + CATEGORIES} columns, {options.rounds} trees, {THREADS} threads"
    )
    for name, found in best.items():
        print(
            f"{name:8} {found['seconds']:7.1f} s  CPU {found['cpu']:7.1f} s  peak {found['bytes'] / 2**20:6.0f} MiB, "
            f"{found['bytes'] / data:.1f} x the data ({data / 2**20:.0f} MiB)"
        )
    for key, name in (("seconds", "wall time"), ("cpu", "CPU time")):
        ratio = best["tenure"][key] / best["library"][key]
        print(f"{name}: {ratio:.2f} x the library's (goal: at most {GOAL_TIME})")
    print(f"memory: {best['tenure']['bytes'] / data:.1f} x the data (goal: under {GOAL_MEMORY:g})")


if __name__ == "__main__":
    main()
