"""One row from a JSON dict to the model's input: the row executor beside a bare dict of as many floats.

    python benchmarks/row_speed.py TABLE.csv --target COLUMN [--id COLUMN] [--feature SQL]... [--rule SQL]...

Learns a recipe and the encoding of the boosted trees from the table, then takes 4,000 different rows of it, as
JSON has them, to the float32 array that the model reads. The limit it is compared with does nothing but put as many
floats of a dict into such an array. Goal: under 25 microseconds for a telco row. Printed: CPU microseconds a row,
the best of five rounds, and the ratio; with features or rules also what the recipe costs without them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tenure.config import written_source
from tenure.model.encode import learn_encoding
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Then
from tenure.prepare.rows import RowCleaner
from tenure.prepare.sources import open_table
from tenure.prepare.sql.learn import Written, with_expressions
from tenure.release.encoding import row_encoder

_ROWS, _ROUNDS = 4000, 5


def microseconds(step: Callable[[Any], object], rows: Sequence[Any]) -> float:
    """CPU microseconds a row, the best of the rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        for row in rows:
            step(row)
        best = min(best, time.process_time() - started)
    return best / len(rows) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--target", required=True)
    parser.add_argument("--id")
    parser.add_argument("--feature", action="append", default=[])
    parser.add_argument("--rule", action="append", default=[])
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as keep:
        table, _ = open_table(written_source(options.table, {}), Path.cwd(), Path(keep))
        raw = table.collect()
    recipe = learn_recipe(raw, learn_target(raw[options.target]), id=options.id)
    plain = RowCleaner(recipe)
    features = {f"feature {n}": Written(sql, "--feature") for n, sql in enumerate(options.feature)}
    rules: list[tuple[Written, Then]] = [(Written(sql, "--rule"), "leave_out") for sql in options.rule]
    recipe = with_expressions(recipe, raw, features, rules)
    y = target_values(recipe.target, raw[options.target])
    encoding = learn_encoding(recipe, "trees", clean(recipe, raw.lazy()).collect(), y).encoding
    names = [column.name for column in recipe.features]
    cleaner, encode = RowCleaner(recipe), row_encoder(encoding, names)

    inputs = [column.name for column in recipe.inputs]
    rows = raw.select(inputs).gather_every(max(1, raw.height // _ROWS)).head(_ROWS).to_dicts()
    floats = [{name: float(i + j) for j, name in enumerate(names)} for i in range(len(rows))]

    bare = microseconds(lambda row: np.array([row[name] for name in names], dtype=np.float32), floats)
    rows = [row for row in rows if not cleaner.problems(row)]
    cleaning = microseconds(cleaner.clean, rows)
    whole = microseconds(lambda row: encode(cleaner.clean(row)), rows)
    print(f"{len(names)} columns, {len(rows)} different rows; CPU microseconds a row")
    print(f"bare dict of floats to an array  {bare:6.2f}")
    print(f"recipe: raw dict to clean values {cleaning:6.2f}   {cleaning / bare:5.1f} x")
    if options.feature or options.rule:
        without = microseconds(plain.clean, rows)
        print(f"the same without expressions     {without:6.2f}   {cleaning / without:5.1f} x cheaper")
    print(f"raw dict to model input          {whole:6.2f}   {whole / bare:5.1f} x (goal: under 25)")


if __name__ == "__main__":
    main()
