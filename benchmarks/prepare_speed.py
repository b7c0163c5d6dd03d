"""How fast, and in how much memory, a messy table is prepared, beside bare Polars and the script people write.

    python benchmarks/prepare_speed.py [--rows 1000000 10000000] [--peers polars pandas] [--folder DIR]

A table of 20 columns is made (ids, numbers as text with null tokens, money, percents, words in several spellings,
yes/no, dates, a target; 0.5 % of the rows twice). Each contender runs in a process of its own, on the same file:

    tenure   `tenure prepare`: every byte checked and hashed, kinds and formats inferred, typed, de-duplicated, split,
             the recipe and summaries learned, the version hashed and written as Parquet
    polars   bare Polars, lazy and streaming, with every type and format known: read, cast, fold, de-duplicate, write
    pandas   pandas, pyarrow and scikit-learn, as in most notebooks: read, fix, fold, drop_duplicates, split, write,
             fit imputers, scales and levels; in an environment of its own (see prepare_pandas.py)

Printed: wall and CPU seconds, rows a second, peak resident memory, and the ratio to bare Polars. Goals: 0.7 times the
rows a second of Polars at 10 million rows, under 4 GiB, at most 10.5 times the time for ten times the rows, 5 times
the rows a second of pandas.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from environments import python_with

HERE = Path(__file__).resolve().parent
PANDAS = (("pandas", "pyarrow", "scikit-learn"),)
_CHUNK = 500_000
_CITIES = [f"city {chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(50)]
NUMBERS = [f"n{i}" for i in range(7)]
WORDS = ["contract", "plan", "region", "payment", "city"]
FLAGS = ["autopay", "paperless"]
COLUMNS = ["customer", *NUMBERS, "charge", "usage", *WORDS, *FLAGS, "signup", "note", "churned"]


def make_table(path: Path, n_rows: int, seed: int = 0) -> None:
    """Write the messy table; the same bytes for the same seed."""
    with path.open("wb") as file:
        for start in range(0, n_rows, _CHUNK):
            chunk = _chunk(start, min(_CHUNK, n_rows - start), np.random.default_rng((seed, start)))
            chunk.write_csv(file, include_header=start == 0)


def _chunk(start: int, n: int, rng: np.random.Generator) -> pl.DataFrame:
    def words(levels: list[str], missing: list[str]) -> np.ndarray:
        forms = [
            *levels,
            *levels,
            *(w.upper() for w in levels),
            *(f" {w}" for w in levels),
            *(w.capitalize() for w in levels),
        ]
        chosen = np.array(forms, dtype=object)[rng.integers(0, len(forms), n)]
        gaps = rng.random(n) < 0.02
        chosen[gaps] = np.array(missing, dtype=object)[rng.integers(0, len(missing), int(gaps.sum()))]
        return chosen

    def texts(values: np.ndarray, digits: int) -> pl.Series:
        text = pl.Series(np.round(values, digits)).cast(pl.String)
        gaps = pl.Series(rng.random(n) < 0.02)
        tokens = pl.Series(np.array(["", "NA", "?", "n/a"], dtype=object)[rng.integers(0, 4, n)].tolist())
        return text.zip_with(~gaps, tokens)

    y = rng.random(n) < 0.25
    columns: dict[str, object] = {"customer": pl.Series(np.arange(start, start + n)).cast(pl.String)}
    for i, name in enumerate(NUMBERS):
        columns[name] = texts(rng.normal(10.0 * i, 5.0, n) + (3.0 * y if i == 0 else 0.0), 1 + i % 4)
    money = pl.Series(np.round(rng.gamma(2.0, 700.0, n), 2))
    whole = money.cast(pl.Int64)
    thousands = (
        pl.when(whole >= 1000)
        .then(pl.format("{},{}", whole // 1000, (whole % 1000).cast(pl.String).str.zfill(3)))
        .otherwise(whole.cast(pl.String))
    )
    cents = ((money - whole) * 100).round().cast(pl.Int64).clip(0, 99).cast(pl.String).str.zfill(2)
    columns["charge"] = pl.select(pl.format("${}.{}", thousands, cents)).to_series()
    columns["usage"] = (
        pl.Series(np.round(rng.random(n) * 100, 1))
        .cast(pl.String)
        .to_frame("u")
        .select(pl.format("{}%", "u"))
        .to_series()
    )
    columns["contract"] = words(["month-to-month", "one year", "two years"], ["", "N/A"])
    columns["plan"] = words(["basic", "plus", "premium", "family"], ["", "?"])
    columns["region"] = words(["north", "south", "east", "west"], ["unknown"])
    columns["payment"] = words(["electronic check", "mailed check", "bank transfer", "credit card"], [""])
    columns["city"] = words(_CITIES, ["", "NULL"])
    for name in FLAGS:
        columns[name] = words(["yes", "no"], [""])
    days = pl.Series(rng.integers(14_000, 20_000, n)).cast(pl.Int32).cast(pl.Date)
    columns["signup"] = days.cast(pl.String)
    columns["note"] = pl.Series(rng.integers(0, 100_000, n)).cast(pl.String)
    columns["churned"] = np.where(y, "Yes", "No").astype(object)
    table = pl.DataFrame({name: columns[name] for name in COLUMNS})
    twice = rng.integers(0, n, max(1, n // 200))
    order = np.sort(np.concatenate((np.arange(n - len(twice)), twice % (n - len(twice)))))
    return table[order]


def run_polars(source: Path, out: Path) -> None:
    text = pl.all().exclude("charge", "usage", "signup").str.strip_chars().str.to_lowercase()
    words = [*WORDS, *FLAGS]
    empty = ["", "na", "n/a", "?", "null", "unknown"]
    (
        pl.scan_csv(source, infer_schema=False)
        .with_columns(text)
        .with_columns(
            pl.col(*NUMBERS, "note").cast(pl.Float64, strict=False),
            pl.col("charge").str.replace_all(r"[$,]", "").cast(pl.Float64, strict=False),
            pl.col("usage").str.strip_suffix("%").cast(pl.Float64, strict=False) / 100,
            pl.col("signup").str.to_date("%Y-%m-%d", strict=False),
            *(pl.when(~pl.col(name).is_in(empty)).then(pl.col(name)).alias(name) for name in words),
        )
        .unique()
        .sink_parquet(out / "polars.parquet")
    )


def run_tenure(source: Path, out: Path) -> None:
    from tenure.project import Project
    from tenure.project.folder import Folder

    root = out / "project"
    root.mkdir()
    (root / "tenure.yaml").write_text(
        f"name: speed\ndata: {{source: {json.dumps(str(source))}, target: churned, id: customer}}\n"
    )
    prepared = Project(Folder(root)).prepare()
    print(prepared.counts(), file=sys.stderr)


def measure(contender: str, source: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak resident MiB of one contender in a process of its own."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        command = (
            [python_with(source.parent / "pandas", PANDAS), HERE / "prepare_pandas.py", source, out]
            if contender == "pandas"
            else [sys.executable, __file__, "--child", contender, "--file", source, "--out", out]
        )
        started = time.perf_counter()
        child = subprocess.Popen(command)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{contender} failed on {source}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


RUNS = {"tenure": run_tenure, "polars": run_polars}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[1_000_000])
    parser.add_argument("--peers", nargs="*", default=["polars", "pandas"], choices=["polars", "pandas"])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the tables are made and kept")
    parser.add_argument("--child", choices=list(RUNS))
    parser.add_argument("--file", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.child:
        RUNS[options.child](options.file, options.out)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        times: dict[int, float] = {}
        for n_rows in options.rows:
            source = folder / f"messy-{n_rows}.csv"
            if not source.exists():
                make_table(source, n_rows)
            print(f"{n_rows:,} rows, {source.stat().st_size / 2**20:,.0f} MiB")
            best: dict[str, float] = {}
            for _ in range(options.repeat):
                for contender in ("tenure", *options.peers):
                    seconds, cpu, peak = measure(contender, source)
                    best[contender] = min(seconds, best.get(contender, seconds))
                    print(
                        f"  {contender:7} {seconds:7.2f} s  {cpu:7.2f} s CPU  {n_rows / seconds:12,.0f} rows/s  "
                        f"peak {peak:7,.0f} MiB"
                    )
            times[n_rows] = best["tenure"]
            for peer in options.peers:
                print(f"  rows/s of tenure over {peer}: {best[peer] / best['tenure']:.2f}")
        sizes = sorted(times)
        for small, large in itertools.pairwise(sizes):
            print(f"{large / small:g} times the rows take {times[large] / times[small]:.2f} times the time")


if __name__ == "__main__":
    main()
