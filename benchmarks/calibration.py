"""Is a model better calibrated after calibration than before? On real tables, by rows that no choice was made by.

    python benchmarks/calibration.py --data DIR [--sets telco ...] [--seeds 0 1 2] [--budget 20] [--rows 8000]

DIR: the folder with the tables of quality_tables.py. Each split is that of quality.py, of long tables the first ROWS
training rows. tenure.Classifier is fitted, and its model's margins on the test rows become probabilities twice: as
they are, and by the calibration that was learned on held-out training rows. Printed: expected calibration error and
log loss before and after, and the difference of log loss with its paired 95 % interval. "kept" says whether the
calibration was found worth its place; where it was not, both are the same.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import tenure
from quality_tables import TABLES, write_split
from tenure.model.calibrate import uncalibrated
from tenure.prepare.columns import clean
from tenure.release.encoding import encode_table
from tenure.release.metrics import calibration_error


def compare(data: Path, name: str, seed: int, budget: float, n_rows: int) -> tuple[float, ...]:
    """Calibration errors and log losses before and after, the difference's standard error, whether it was kept."""
    table = TABLES[name]
    with tempfile.TemporaryDirectory() as folder:
        split = write_split(data, table, seed, Path(folder))
        train = pl.read_csv(split.train, infer_schema=False).head(n_rows)
        test = pl.read_csv(split.test, infer_schema=False)
    model = tenure.Classifier(budget=budget, random_state=seed)
    model.fit(train.drop(table.target), train[table.target].str.strip_chars() == table.positive)
    found = model.model_
    features = clean(found.recipe, test.lazy()).collect()
    margins = found.document.predictor().margins(encode_table(found.encoding, features))
    after = found.calibration
    before = uncalibrated("binary", 2, after.output)
    y = split.y.astype(np.float64)
    p = [calibration.probabilities(margins)[:, 1] for calibration in (before, after)]
    losses = [-np.log(np.where(y == 1, each, 1 - each)) for each in p]
    errors = [calibration_error(y, np.column_stack((1 - each, each)), np.ones(len(y))).value for each in p]
    gain = losses[1] - losses[0]
    deviation = float(gain.std(ddof=1) / np.sqrt(len(y)))
    is_kept = replace(after, threshold=before.threshold) != before
    return (*errors, *(float(each.mean()) for each in losses), deviation, float(is_kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--rows", type=int, default=8000)
    options = parser.parse_args()
    print("| table | seed | kept | error before | after | log loss before | after | difference |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    worse, rows = 0, []
    for name in options.sets:
        for seed in options.seeds:
            found = compare(options.data, name, seed, options.budget, options.rows)
            e0, e1, l0, l1, deviation, is_kept = found
            half = 1.96 * deviation
            worse += l1 - l0 > half
            rows.append((e1 - e0, l1 - l0))
            print(
                f"| {name} | {seed} | {'yes' if is_kept else 'no'} | {e0:.4f} | {e1:.4f} | {l0:.4f} | {l1:.4f} | "
                f"{l1 - l0:+.4f} [{l1 - l0 - half:+.4f}, {l1 - l0 + half:+.4f}] |",
                flush=True,
            )
    error, loss = np.mean(rows, axis=0)
    print(
        f"mean change of the error {error:+.4f}, of log loss {loss:+.5f}; surely worse in {worse} of {len(rows)}"
    )


if __name__ == "__main__":
    main()
