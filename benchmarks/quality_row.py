"""CPU microseconds from a raw dict to a probability, in process, by the runtime that serves.

    python quality_row.py RELEASE TEST.csv

The dicts are different rows of a table, as JSON has them: numbers as numbers, the rest as text. The best of five
rounds, because others may use the machine. Prints one number.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from tenure.errors import RowsRefused
from tenure.release.scorer import Scorer

ROWS, ROUNDS = 1000, 5


def main() -> None:
    scorer = Scorer.load(Path(sys.argv[1]))
    rows = pl.read_csv(sys.argv[2], infer_schema_length=None).head(ROWS).to_dicts()
    good = [row for row in rows if _is_good(scorer, row)]
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for row in good:
            scorer.score_row(row)
        best = min(best, time.process_time() - started)
    print(best / len(good) * 1e6)


def _is_good(scorer: Scorer, row: dict[str, object]) -> bool:
    try:
        scorer.score_row(row)
    except RowsRefused:
        return False
    return True


if __name__ == "__main__":
    main()
