"""What the index of row ids adds to a prediction's write, as they are found in runs and in one index of all.

    python benchmarks/row_id_index.py [--rows 1200000]

Predictions with random row ids go into a new journal in the current folder (a real disk), 20,000 in a transaction,
three times: with the journal's own index, with one of the row ids alone, and without any. Printed: CPU and wall
microseconds a row over the last tenth, and what looking up the latest prediction of a row takes.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tenure.journal.entries import NewPrediction
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.late import latest_here
from tenure.journal.tables import Journal, open_journal
from tenure.journal.writer import add_predictions

BATCH = 20_000
INPUT = json.dumps({f"column_{number}": "a value" for number in range(20)})
INDEXES = {
    "in runs": None,
    "one index": "CREATE INDEX all_by_row ON predictions (row_id)",
    "no index": "DROP INDEX predictions_by_row",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_200_000)
    options = parser.parse_args()
    for name, statement in INDEXES.items():
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as folder:
            with closing(open_journal(Path(folder) / "journal.db")) as journal:
                if statement is not None:
                    journal.db.execute("DROP INDEX IF EXISTS predictions_by_row")
                    journal.db.execute(statement.replace("DROP INDEX", "DROP INDEX IF EXISTS"))
                cpu, wall, last = write(journal, options.rows // BATCH)
                found = f", {lookup(journal, last):6.1f} us to find a row" if name == "in runs" else ""
            print(f"{name:10} CPU {cpu:5.1f} us a row, {wall:5.1f} by the clock{found}", flush=True)


def write(journal: Journal, n_batches: int) -> tuple[float, float, list[NewPrediction]]:
    """CPU and wall microseconds a row of the last tenth of the batches, and the last batch."""
    spent = []
    for _ in range(n_batches):
        rows = [prediction() for _ in range(BATCH)]
        wall, cpu = time.perf_counter(), time.process_time()
        add_predictions(journal, rows)
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    last = spent[-max(n_batches // 10, 1) :]
    cpu, wall = (sum(part) / len(last) / BATCH * 1e6 for part in zip(*last, strict=True))
    return cpu, wall, rows


def prediction() -> NewPrediction:
    identifier, at = new_id_and_time()
    return NewPrediction(
        identifier, secrets.token_hex(8), at, "m", "1", "r", INPUT, "no", 0.5, "[0.0]", None, 1e-5
    )


def lookup(journal: Journal, rows: list[NewPrediction]) -> float:
    """Microseconds to find the latest prediction of a row, of rows that are there."""
    asked = random.sample(rows, 2000)
    started = time.perf_counter()
    for row in asked:
        if latest_here(journal, str(row.row_id)) != row.id:
            raise SystemExit("the wrong prediction was found")
    return (time.perf_counter() - started) / len(asked) * 1e6


if __name__ == "__main__":
    main()
