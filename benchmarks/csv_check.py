"""What the check of a CSV file costs beside reading it. Goal: less than Polars takes to read the same file.

    python benchmarks/csv_check.py [ROWS]      (default: 500000)

Two tables of 20 columns: plain ASCII without quotes, and quoted cells with delimiters in them beyond ASCII. Seconds
are of CPU, all threads together, the best of three, so that a busy machine does not matter much.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tenure.prepare.sources import Source, check_source


def plain(n_rows: int) -> pl.DataFrame:
    """Numbers and short words; nothing needs a quote."""
    rng = np.random.default_rng(0)
    numbers = {f"amount_{i}": rng.lognormal(5, 1.5, n_rows).round(2) for i in range(12)}
    words = np.array(["Month-to-month", "One year", "Two year", "Yes", "No"])
    return pl.DataFrame({**numbers, **{f"word_{i}": words[rng.integers(0, 5, n_rows)] for i in range(8)}})


def quoted(n_rows: int) -> pl.DataFrame:
    """The same with thousands separators in two columns, and notes and places in three."""
    rng = np.random.default_rng(1)
    notes = np.array(["asked, politely", 'said "no"', "Zürich, ZH", "São Paulo", "moved house"])
    table = plain(n_rows)
    amounts = [pl.concat_str(pl.lit("1,"), pl.col(f"amount_{i}")).alias(f"amount_{i}") for i in range(2)]
    places = {f"word_{i}": pl.Series(notes[rng.integers(0, 5, n_rows)]) for i in range(3)}
    return table.with_columns(*amounts, **places)


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of three runs."""
    found = []
    for _ in range(3):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def main() -> None:
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    print(
        f"{'table':>8}  {'MB':>5}  {'check MB/s':>10}  {'Polars reads MB/s':>17}  {'SHA-256 MB/s':>12}  check / read"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("plain", plain), ("quoted", quoted)):
            path = Path(folder) / f"{name}.csv"
            make(n_rows).write_csv(path)
            size = path.stat().st_size / 1e6
            source = Source(name, (path,), "csv")
            check = cpu_seconds(lambda source=source: check_source(source))
            read = cpu_seconds(lambda path=path: pl.read_csv(path, infer_schema=False))
            content = path.read_bytes()
            digest = cpu_seconds(lambda content=content: hashlib.sha256(content))
            print(
                f"{name:>8}  {size:>5.0f}  {size / check:>10.0f}  {size / read:>17.0f}  {size / digest:>12.0f}"
                f"  {check / read:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
