"""Nearly equal rows in a long table: what looking for them costs, and how many of those planted are found.

    python benchmarks/near_duplicates.py [DATA] [--rows 1000000]

DATA is the folder of the real tables ($TENURE_DATA); into each 200 copies with one cell changed are planted, and the
search by halves, of long tables, is beside the search of whole ones. Times are CPU seconds of the sifting of a table
of 20 columns, with the search and without it, in the same run.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import polars as pl

from explore import make_table
from tenure.prepare import sift as sifting
from tenure.prepare.alike_halves import find_among, rows_that_share_a_half
from tenure.prepare.duplicates import HALVES, halve
from tenure.prepare.near_duplicates import find_near_duplicates
from tenure.prepare.row_hashes import RowHashes

TABLES = {
    "adult.csv.gz": None,
    "bankchurners.csv": "CLIENTNUM",
    "credit_default.csv": "ID",
    "electricity.csv.gz": None,
    "hillstrom.csv.gz": None,
    "telco.csv": "customerID",
    "telecom5000.csv": None,
}
PLANTED = 200


def with_copies(table: pl.DataFrame, n: int, *, within: int | None = None) -> pl.DataFrame:
    """The table, and its first n rows once more with one cell taken from another row, or made anew."""
    random = np.random.default_rng(0)
    rows = table.head(n).to_dicts()
    others = table.tail(n).to_dicts()
    for row, other in zip(rows, others, strict=True):
        name = table.columns[random.integers(within or table.width)]
        row[name] = other[name] if other[name] != row[name] else "another"
    return pl.concat([table, pl.DataFrame(rows, schema=table.schema)])


def found(cluster: np.ndarray) -> int:
    copies = cluster[-PLANTED:]
    return int(((copies >= 0) & (copies == cluster[:PLANTED])).sum())


def compare(path: Path, id: str | None) -> None:
    table = pl.read_csv(path, infer_schema=False).drop([id] if id else []).unique(maintain_order=True)
    table = with_copies(table, PLANTED)
    halves = halve(table)
    with RowHashes(HALVES) as hashes:
        hashes.add(halves.hashes(table))
        rows = rows_that_share_a_half(hashes, np.ones(table.height, dtype=bool))
        by_halves = find_among(table[rows], rows, hashes, halves, table)
    whole = find_near_duplicates(table)
    print(f"{path.name:22}{table.height:>8}{found(by_halves.cluster):>10}{found(whole.cluster):>8}")


def cost(rows: int) -> None:
    with TemporaryDirectory() as folder:
        table = make_table(rows).cast(pl.String)
        table.write_csv(f"{folder}/plain.csv")
        with_copies(table, 2000, within=19).write_csv(f"{folder}/copies.csv")
        n = {"plain": rows, "copies": rows + 2000}
        del table
        for name, height in n.items():
            raw = pl.scan_csv(f"{folder}/{name}.csv", infer_schema=False).drop("customer_id")
            times = {"with": np.inf, "without": np.inf}
            for _ in range(3):
                for how in ("with", "without"):
                    nothing = patch.object(sifting, "_alike_in_long", lambda *_: (None, ""))
                    start = time.process_time()
                    if how == "with":
                        sifting.sift(raw, height, target="churned")
                    else:
                        with nothing:
                            sifting.sift(raw, height, target="churned")
                    times[how] = min(times[how], time.process_time() - start)
            more = times["with"] - times["without"]
            print(
                f"{name:8}{times['without']:>9.2f}{times['with']:>7.2f}   {1e6 * more / rows:.2f} s a million rows"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("TENURE_DATA", "../shared/data"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    args = parser.parse_args()
    print(f"{'of 200 found':22}{'rows':>8}{'halves':>10}{'whole':>8}")
    for name, id in TABLES.items():
        compare(Path(args.data) / name, id)
    print(f"\n{'CPU s':8}{'without':>9}{'with':>7}")
    cost(args.rows)


if __name__ == "__main__":
    main()
