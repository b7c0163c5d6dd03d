"""Whether a run keeps its budget, and how soon there is a model that can be used.

    python benchmarks/budget.py DATA [--budgets 1 10 30 60] [--sets telco adult wide] [--json]

DATA: the folder with telco.csv and adult.csv.gz. `wide` is 2,000 rows by 5,000 columns, `long` 200,000 rows by 50,
`classes` 5,000 rows of 500 classes; they are drawn. Each line is one `tenure run` in a process of its own, a fresh
project each. What it used of the budget is its own `seconds.generate + seconds.train - seconds.loading`; beside it
stands the wall time of the whole command, which holds reading, preparing, loading libraries, evaluating and
registering as well. The first usable model is that of a budget of one second: the wall time until it is registered
and could be served. `load` is that of the machine before the run: above the number of cores, times are worse than
they need be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

KEPT = 1.1


def draw(name: str, path: Path) -> None:
    """A table whose target depends on six of its columns."""
    rows, columns = {"wide": (2000, 5000), "long": (200_000, 50), "classes": (5000, 6)}[name]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).round(4)
    if name == "classes":
        which = np.clip(X[:, 0] * 80 + X[:, 1] * 80 + 250 + rng.normal(size=rows) * 10, 0, 499).astype(int)
        y = [f"k{c}" for c in which]
    else:
        y = (rng.random(rows) < 1 / (1 + np.exp(-X[:, :5].sum(axis=1) - X[:, 4] * X[:, 5]))).astype(int)
    pl.DataFrame({f"c{i}": X[:, i] for i in range(columns)} | {"y": y}).write_csv(path)


def measure(source: Path, target: str, budget: float) -> dict:
    """One run: seconds of the command, and what it says of itself."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["run", str(source), "--target", target, "--project", f"{folder}/p", "--json"]
        load = os.getloadavg()[0]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "tenure", *command, "--budget", f"{budget:g}s"],
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.perf_counter() - started
    if done.returncode:
        return {"wall": wall, "error": done.stderr.strip().splitlines()[-1]}
    body = json.loads(done.stdout)
    seconds = body["seconds"]
    return {
        "wall": wall,
        "used": seconds["generate"] + seconds["train"] - seconds["loading"],
        "loading": seconds["loading"],
        "prepare": seconds["prepare"],
        "evaluate": seconds["evaluate"],
        "load": load,
        "winner": body["model"].get("winner", ""),
        "score": body["test"][body["metric"]]["value"],
        "left_out": [w for w in body["warnings"] if "left no time" in w or "budget" in w],
    }


def main() -> int:
    """Print a line a run; exits with 1 where a budget was not kept and the run did not say why."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--budgets", type=float, nargs="+", default=[1.0, 10.0, 30.0, 60.0])
    parser.add_argument("--sets", nargs="+", default=["telco", "adult", "wide"])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found, kept = [], True
    with tempfile.TemporaryDirectory() as drawn:
        for name in args.sets:
            if name in ("telco", "adult"):
                source, target = (
                    next(args.data.glob(f"{name}.csv*")),
                    {"telco": "Churn", "adult": "income"}[name],
                )
            else:
                source, target = Path(drawn) / f"{name}.csv", "y"
                draw(name, source)
            for budget in args.budgets:
                one = {"set": name, "asked": budget, **measure(source, target, budget)}
                found.append(one)
                kept &= "used" in one and one["used"] <= KEPT * budget
                if not args.json:
                    print(line(one), flush=True)
    if args.json:
        print(json.dumps({"kept": kept, "runs": found}))
    return 0 if kept else 1


def line(one: dict) -> str:
    """A run in words."""
    head = f"{one['set']:<8} asked {one['asked']:>5.0f} s"
    if "error" in one:
        return f"{head}  FAILED after {one['wall']:.1f} s: {one['error']}"
    return (
        f"{head}  used {one['used']:6.2f} s ({one['used'] / one['asked']:4.0%})  whole command {one['wall']:6.1f} s "
        f"(preparing {one['prepare']:.1f}, loading {one['loading']:.1f}, evaluating {one['evaluate']:.1f})  "
        f"score {one['score']:.4f}  load {one['load']:.1f}  {'; '.join(one['left_out'])}"
    )


if __name__ == "__main__":
    sys.exit(main())
