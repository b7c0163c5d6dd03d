"""`tenure predict` on a long table, from the command to the written answers, beside the bare library on ready arrays.

    python benchmarks/predict_speed.py [--rows 1000000 3000000] [--release DIR] [--budget 60s]

Telco's rows are drawn with replacement to each length, with ids of their own, and written as CSV. The release is what
`tenure run` ships for telco, unless --release names another one of it. Measured in the same run, for each length:

    tenure predict    wall and CPU seconds, and the peak resident memory, of the whole command: the file checked, read,
                      cleaned, scored, each answer in the journal with its row, and the answers written
    bare library      LightGBM's own predict of the same trees, all cores, on a float32 array that is ready in memory:
                      what its 200,000 rows take, times the rows

Goal: half of the bare library's rows a second or more, and a peak that does not grow with the rows. On a machine with
other work the ratio of the CPU times is the steadier one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from serving import ROOT, TELCO, train_release

_PIECE = 100_000
_BARE_ROWS = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000])
    parser.add_argument("--release", type=Path)
    parser.add_argument("--budget", default="60s", help="of the training without --release")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as made:
        folder = Path(made)
        project = folder / "project"
        release = options.release or train_release(project, TELCO, "Churn", options.budget)
        if options.release is not None:
            make_project(project, release)
        bare, bare_cpu = bare_seconds(release)
        print(f"bare library: {1 / bare:,.0f} rows a second, CPU {bare_cpu * 1e6:.2f} us a row")
        for n_rows in options.rows:
            table = write_table(folder / "table.csv", n_rows)
            wall, cpu, peak = predict(table, folder / "answers.csv", project)
            print(
                f"{n_rows:>10,} rows, {table.stat().st_size / 1e6:,.0f} MB: {wall:6.1f} s, "
                f"{n_rows / wall:9,.0f} rows a second, CPU {cpu / n_rows * 1e6:5.2f} us a row, peak {peak:5,.0f} MiB, "
                f"{bare * n_rows / wall:.2f} of the bare library's speed (goal 0.5), "
                f"{bare_cpu * n_rows / cpu:.2f} by CPU",
                flush=True,
            )


def make_project(project: Path, release: Path) -> None:
    """A project that serves a release, without training."""
    (project / ".tenure").mkdir(parents=True)
    (project / "tenure.yaml").write_text(
        f"name: telco\ndata: {{source: {TELCO}, target: Churn, positive: 'Yes', id: customerID}}\n"
    )
    pointer = {"name": "telco", "version": "1", "release": str(release.absolute())}
    (project / ".tenure" / "champion.json").write_text(json.dumps(pointer))


def write_table(path: Path, n_rows: int) -> Path:
    """Telco's rows in no order, piece by piece, each with an id of its own in the place of its customer's."""
    rows = pl.read_csv(TELCO, infer_schema=False).drop("Churn", "customerID")
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, _PIECE):
            n = min(_PIECE, n_rows - start)
            drawn = rows[rng.integers(0, len(rows), n)]
            ids = pl.Series("customerID", [f"{number:016x}" for number in rng.integers(0, 2**63, n).tolist()])
            drawn.insert_column(0, ids).write_csv(file, include_header=start == 0)
    return path


def bare_seconds(release: Path) -> tuple[float, float]:
    """Wall and CPU seconds a row that LightGBM takes for the release's trees, on encoded rows; the best of three."""
    import lightgbm

    from tenure.release.encoding import encode_table
    from tenure.release.scorer import Scorer

    scorer = Scorer.load(release)
    rows = pl.read_csv(TELCO, infer_schema=False)
    X = encode_table(scorer.encoding, scorer.clean_table(rows))
    booster = lightgbm.Booster(model_file=str(release / "model.txt"))
    drawn = np.random.default_rng(0).integers(0, len(X), _BARE_ROWS)
    ready = np.ascontiguousarray(X[drawn, : booster.num_feature()])
    walls, cpus = [], []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        booster.predict(ready, raw_score=True)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls) / _BARE_ROWS, min(cpus) / _BARE_ROWS


def predict(table: Path, output: Path, project: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds, and the peak resident MiB, of the command; the journal is a new one."""
    for file in (project / ".tenure").glob("journal.db*"):
        file.unlink()
    shutil.rmtree(project / ".tenure" / "journal", ignore_errors=True)
    command = [sys.executable, "-m", "tenure", "predict", str(table), str(output), "--project", str(project)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    started = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/time", "-v", *command], env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    told = dict(re.findall(r"\t([^\n]+?): ([\d.]+)\n", done.stderr))
    cpu = float(told["User time (seconds)"]) + float(told["System time (seconds)"])
    return wall, cpu, float(told["Maximum resident set size (kbytes)"]) / 1024


if __name__ == "__main__":
    main()
