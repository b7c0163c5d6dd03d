"""Exploration, file to HTML, beside skrub's TableReport and ydata-profiling's minimal mode in the same run.

    python benchmarks/explore.py [--rows 1000000] [--folder DIR] [--rounds 3]

Goal: no slower than skrub and at least twice as fast as ydata-profiling; from a prepared dataset whose Summaries
are kept, under a second. Each tool runs in a process and an environment of its own, made under DIR (default: a
temporary folder; a named one is used again). The rounds take turns; the best of each is told, wall and CPU time,
imports included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import polars as pl

SKRUB = """
import sys, polars as pl
from skrub import TableReport
path = sys.argv[1]
table = pl.read_csv(path) if path.endswith("csv") else pl.read_parquet(path)
open(sys.argv[2], "w").write(TableReport(table, verbose=0).html())
"""
YDATA = """
import sys, pandas as pd
from ydata_profiling import ProfileReport
path = sys.argv[1]
table = pd.read_csv(path) if path.endswith("csv") else pd.read_parquet(path)
ProfileReport(table, minimal=True, progress_bar=False).to_file(sys.argv[2])
"""
PEERS = {
    "skrub": ["skrub", "polars", "pyarrow", "matplotlib"],
    "ydata": ["ydata-profiling", "pyarrow", "setuptools"],
}


def make_table(n: int, seed: int = 0) -> pl.DataFrame:
    """Twenty columns: an identifier, a date, nine measures, three counts, four categories, a flag, the target."""
    random = np.random.default_rng(seed)
    table: dict[str, object] = {
        "customer_id": [f"C{i:07d}" for i in random.permutation(n)],
        "signup": (np.datetime64("2020-01-01") + random.integers(0, 1500, n)).astype(str),
    }
    table |= {f"amount_{i}": np.round(random.lognormal(3, 1, n), 2) for i in range(6)}
    table |= {f"score_{i}": np.round(random.normal(size=n), 5) for i in range(3)}
    table |= {
        "age": random.integers(18, 90, n),
        "months": random.integers(0, 72, n),
        "calls": random.poisson(2, n),
    }
    for k in (3, 5, 12, 200):
        levels = np.array([f"level {j}" for j in range(k)])
        table[f"category_{k}"] = levels[np.minimum(random.geometric(min(0.5, 5 / k), n) - 1, k - 1)]
    table["flag"] = np.array(["No", "Yes"])[(random.random(n) < 0.3).astype(int)]
    chance = 1 / (1 + np.exp(-(np.asarray(table["score_0"]) + 0.02 * np.asarray(table["months"]) - 2.5)))
    table["churned"] = np.array(["no", "yes"])[(random.random(n) < chance).astype(int)]
    gaps = {"amount_1": 0.05, "category_12": 0.1}
    return pl.DataFrame(table).with_columns(
        pl.when(pl.Series(random.random(n) >= share)).then(pl.col(name)).alias(name)
        for name, share in gaps.items()
    )


def peer_python(folder: Path, name: str) -> str:
    """The interpreter of a peer's environment, made when it is not there."""
    place = folder / name
    python = str(place / "bin" / "python")
    if not Path(python).exists():
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[name]], check=True, capture_output=True)
    return python


def timed(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of a command."""
    # Our own peak would count as the child's if it were started from here.
    done = subprocess.run(
        ["/usr/bin/time", "-f", "%e %U %S %M", *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}:\n{done.stderr}")
    wall, user, system, kib = map(float, done.stderr.splitlines()[-1].split())
    return wall, user + system, kib / 1024


def commands(folder: Path, form: str, project: Path) -> dict[str, list[str]]:
    table, page = str(folder / f"table.{form}"), str(folder / "page.html")
    tenure = [sys.executable, "-m", "tenure", "explore"]
    return {
        "tenure": [*tenure, table, "--target", "churned", "--out", page],
        "skrub": [peer_python(folder, "skrub"), "-c", SKRUB, table, page],
        "ydata": [peer_python(folder, "ydata"), "-c", YDATA, table, page],
        "tenure, kept": [*tenure, "--project", str(project), "--out", page],
    }


def prepare(folder: Path) -> Path:
    """A project on the table, prepared, and explored once so that its Summaries are kept."""
    project = folder / "project"
    tenure = [sys.executable, "-m", "tenure"]
    if not project.exists():
        options = ["--data", str(folder / "table.csv"), "--target", "churned", "--id", "customer_id"]
        subprocess.run([*tenure, "init", str(project), *options], check=True, capture_output=True)
    subprocess.run([*tenure, "prepare", "--project", str(project)], check=True, capture_output=True)
    subprocess.run([*tenure, "explore", "--project", str(project)], check=True, capture_output=True)
    return project


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        table = make_table(args.rows)
        table.write_csv(folder / "table.csv")
        table.write_parquet(folder / "table.parquet")
        project = prepare(folder)
        for form in ("csv", "parquet"):
            jobs = commands(folder, form, project)
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in jobs}
            for _ in range(args.rounds):
                for name, command in jobs.items():
                    found[name].append(timed(command))
            best = {name: [min(runs) for runs in zip(*rounds, strict=True)] for name, rounds in found.items()}
            print(f"\n{args.rows:,} rows x {table.width} columns, {form} to HTML, best of {args.rounds}")
            print(f"{'':14}{'wall s':>8}{'CPU s':>8}{'MiB':>8}   wall and CPU against tenure")
            for name, (wall, cpu, peak) in best.items():
                ratios = f"{wall / best['tenure'][0]:.2f}x  {cpu / best['tenure'][1]:.2f}x"
                print(f"{name:14}{wall:>8.2f}{cpu:>8.2f}{peak:>8.0f}   {ratios}", flush=True)


if __name__ == "__main__":
    main()
