"""What asking schema.json of a row costs the service, beside the row's score without it, in the same run.

    python benchmarks/row_schema.py [DATA_FOLDER]      (default: $TENURE_DATA, or ../shared/data)

Trains a small model on telco.csv, then scores rows that break nothing, and rows of which each has an unseen level and a
value out of range. Goal: a good row gets no slower than the noise of a request.
"""

from __future__ import annotations

import os
import sys
import tempfile
import timeit
from pathlib import Path
from typing import Any

import polars as pl

from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.release.scorer import Scorer

ROWS, REPEATS = 500, 15


def microseconds(work: Any) -> float:
    """The fastest of several timings, a row."""
    return min(timeit.repeat(work, number=4, repeat=REPEATS)) / (4 * ROWS) * 1e6


def main() -> None:
    default = os.environ.get("TENURE_DATA", str(Path(__file__).parents[2] / "shared" / "data"))
    table = Path(sys.argv[1] if len(sys.argv) > 1 else default) / "telco.csv"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "telco"
        create_project(Folder(root), Request(str(table), "Churn", "Yes", "customerID"))
        Project.open(str(root)).run(budget=5)
        scorer = Scorer.load(next((root / "releases").iterdir()))
        good = pl.read_csv(table).drop("Churn").head(ROWS).to_dicts()
        odd = [row | {"tenure": 500, "Contract": "Weekly"} for row in good]
        # What score_row does but for the question of the schema.
        bare = microseconds(lambda: [scorer._margin_row(scorer._encode(scorer._clean(row))) for row in good])
        whole = microseconds(lambda: [scorer.score_row(row) for row in good])
        cleaned = [(row, scorer._clean(row)) for row in good]
        asked = microseconds(lambda: [scorer._guard.check(row, values) for row, values in cleaned])
        broken = microseconds(lambda: [scorer.score_row(row) for row in odd])
    print(f"margin of a telco row, no schema   {bare:6.2f} us")
    print(f"its score, schema asked            {whole:6.2f} us")
    print(f"of this, asking                    {asked:6.2f} us   ({asked / whole:.1%})")
    print(f"score of a row with two warnings   {broken:6.2f} us   ({broken / whole:.2f} x)")


if __name__ == "__main__":
    main()
