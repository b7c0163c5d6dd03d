"""What cleaning says of real tables that are as they should be, which planted copies it finds, and what it costs.

    python benchmarks/cleaning_alarms.py [FOLDER]      (default: $TENURE_DATA, else ../shared/data)

Goals: at most 1 % of the columns are said to hold two units, and no spelling is proposed. Fifty rows of each table
are copied, thirty of them with one number changed. Costs are on a million messy rows, each beside the Polars
expression that does the least of it: duplicate rows by all columns, and one cleaning pass.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from learn_speed import messy_table
from tenure.prepare.changes import count_changes
from tenure.prepare.columns import clean, read, target_values
from tenure.prepare.doubts import look_over
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.near_duplicates import find_near_duplicates
from tenure.prepare.spellings import propose_spellings

TABLES = {
    "telco.csv": "Churn",
    "telecom5000.csv": "churn",
    "telecom3333.csv": "churn",
    "bankchurners.csv": "Attrition_Flag",
    "credit_default.csv": "default.payment.next.month",
    "adult.csv.gz": "income",
    "hillstrom.csv.gz": "visit",
    "electricity.csv.gz": "Class",
}


def alarms(folder: Path, name: str, target: str) -> tuple[int, int]:
    """Print what is said of one table. Returns its feature columns, and those said to hold two units."""
    content = (folder / name).read_bytes()
    raw = pl.read_csv(
        io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content), infer_schema=False
    )
    learned = learn_target(raw[target])
    recipe = learn_recipe(raw, learned)
    y = target_values(learned, raw[target])
    proposals = [p for column in recipe.features for p in propose_spellings(column, raw[column.name], y)]
    typed = read(recipe, raw.lazy()).collect()
    whole = typed.with_columns(raw[target])
    doubts = look_over(recipe, typed, alike=find_near_duplicates(whole))
    numbers = [name for name, dtype in typed.schema.items() if dtype == pl.Float64]
    changed = (
        pl.when(pl.int_range(50) < 30).then(pl.col(numbers[-1]) * 1.01 + 1).otherwise(pl.col(numbers[-1]))
    )
    copies = whole.sample(50, seed=1).with_columns(changed)
    planted = find_near_duplicates(pl.concat([whole, copies])).cluster[whole.height :]
    alike = doubts.alike.n_rows / raw.height if doubts.alike else 0.0
    print(
        f"{name:<20} {len(recipe.features):>7} {len(proposals):>9} {len(doubts.scales):>9} {len(doubts.sentinels):>5} "
        f"{alike:>10.2%} {int((planted >= 0).sum()):>6} of 50",
        flush=True,
    )
    return len(recipe.features), len(doubts.scales)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TENURE_DATA", default))
    print(f"{'table':<20} columns proposals two units codes alike rows copies found")
    counts = [alarms(folder, name, target) for name, target in TABLES.items()]
    n_columns, n_scales = (sum(column) for column in zip(*counts, strict=True))
    print(
        f"said to hold two units: {n_scales} of {n_columns} columns ({n_scales / n_columns:.1%}; goal: at most 1 %)"
    )
    table = messy_table(1_000_000)
    recipe = learn_recipe(table, learn_target(table["target"]), id="id")
    typed = read(recipe, table.lazy()).collect()
    alike = seconds(lambda: find_near_duplicates(typed))
    equal = seconds(typed.is_duplicated)
    changes = seconds(lambda: count_changes(recipe, table.iter_slices(50_000)))
    once = seconds(lambda: clean(recipe, table.lazy()).collect())
    print(
        f"1,000,000 rows x {typed.width}: alike rows {alike:.1f} s CPU, {alike / equal:.1f} x is_duplicated"
    )
    print(
        f"1,000,000 rows x {typed.width}: changes {changes:.1f} s CPU, {changes / once:.1f} x one cleaning pass"
    )


if __name__ == "__main__":
    main()
