"""Seconds from the command to a released model that can be served, on a table as it comes.

    python benchmarks/first_model.py TABLE.csv --target COLUMN [--goal 5]

`tenure run` with a budget of one second, in an empty folder, in a process of its own, timed from outside: start,
imports, checks, preparation, search, evaluation and release. Beside it, in the same run, what a bare process needs
that only imports the training libraries and reads the table: the least that any tool on them can take. CPU seconds are
shown because others may use the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = "import sys, sklearn.linear_model, lightgbm, xgboost, catboost, optuna, polars; polars.read_csv(sys.argv[1])"


def seconds(command: list[str], folder: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command and its children."""
    started, cpu = time.perf_counter(), _cpu()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started, _cpu() - cpu


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--goal", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    table, load = str(options.table.resolve()), os.getloadavg()[0]
    run = [sys.executable, "-m", "tenure", "run", table, "--target", options.target, "--budget", "1s"]
    ours, bare = [], []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            bare.append(seconds([sys.executable, "-c", BARE, table], folder))
            ours.append(seconds(run, folder))
    for name, found in (("bare imports and reading", bare), ("tenure run, released", ours)):
        wall, cpu = min(found)
        print(f"{name:26} {wall:5.1f} s, CPU {cpu:5.1f} s")
    print(f"goal: {options.goal:g} s; load at start {load:.1f}")


if __name__ == "__main__":
    main()
