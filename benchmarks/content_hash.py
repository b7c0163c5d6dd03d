"""What the content hash costs beside what is done to the same rows anyway: writing them as Parquet.

    python benchmarks/content_hash.py [ROWS]

20 columns: ten numbers, seven categories, two booleans, one id. Printed: seconds of each, and their ratio.
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

from tenure.prepare.versions import hash_table


def table(n: int) -> pl.DataFrame:
    random = np.random.default_rng(0)
    levels = pl.Series([f"level number {i}" for i in range(12)])
    columns: dict[str, object] = {f"number {i}": random.normal(size=n) for i in range(10)}
    columns |= {f"level {i}": levels.gather(random.integers(0, 12, n)) for i in range(7)}
    columns |= {f"flag {i}": random.random(n) < 0.5 for i in range(2)}
    return pl.DataFrame({**columns, "id": pl.int_range(n, eager=True).cast(pl.String)})


def best_of_three(job: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds, of the run with the least CPU: other work on the machine disturbs that less."""
    times = []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        job()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = min(times)
    return wall, cpu


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = table(n)
    block = bytes(100_000_000)
    speed = 0.1 / best_of_three(lambda: hashlib.sha256(block).digest())[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        written = best_of_three(lambda: rows.write_parquet(path, compression="zstd", compression_level=1))
    hashed = best_of_three(lambda: hash_table(rows))
    print(f"{n:,} rows x {rows.width} columns, {rows.estimated_size() / 1e9:.2f} GB in memory")
    print(f"plain SHA-256 of one core        {speed:6.2f} GB/s")
    print(f"writing them as Parquet (zstd 1) {written[0]:6.2f} s, CPU {written[1]:6.2f} s")
    print(f"content hash                     {hashed[0]:6.2f} s, CPU {hashed[1]:6.2f} s")
    print(f"the hash takes {hashed[1] / written[1]:.2f} of the CPU of the writing")


if __name__ == "__main__":
    main()
