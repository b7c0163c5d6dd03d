"""What a panel loses to its split, and whether its test figure comes true: cdnow.txt, 2 and 4 cutoffs.

    python benchmarks/panel_split.py cdnow.txt

Trains on cutoffs up to 1998-01-01 under `split.panel: strict` and `keep`. Then every customer is scored as of
1998-03-31 by `tenure panel` and `tenure predict`, and the scores are held against the purchases of the 90 days
after: what the test part promised beside what came to be.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from tenure.project import Project
from tenure.release.metrics import classification_metrics

CUTOFFS = {2: "[1997-10-01, 1998-01-01]", 4: "[1997-04-01, 1997-07-01, 1997-10-01, 1998-01-01]"}
CONFIG = """\
name: cdnow
data:
  target: churned
  id: customer_id
  cutoffs: {cutoffs}
  label: {{table: purchases, when: none, within: 90d}}
  tables:
    purchases:
      source: {source}
      delimiter: whitespace
      key: customer_id
      time: date
      windows: [30d, 90d, all]
      aggregates:
        dollar_value: [sum, mean, max, trend]
        number_of_cds: [sum]
        "*": [count, days_since_last]
split: {{panel: {panel}, seed: {seed}}}
model: {{candidates: [logistic, lightgbm], trials: 4, generate_features: false}}
"""
NOW, UNTIL = "1998-03-31", "1998-06-29"


def came_to_be(source: Path) -> pl.Series:
    """The customers who bought in the 90 days after NOW."""
    lines = [line.split()[:2] for line in source.read_text().splitlines()[1:]]
    events = pl.DataFrame(lines, schema=["customer_id", "date"], orient="row")
    first, last = NOW.replace("-", ""), UNTIL.replace("-", "")
    return events.filter((pl.col("date") > first) & (pl.col("date") <= last))["customer_id"].unique()


def measure(source: Path, bought: pl.Series, n_cutoffs: int, panel: str, seed: int) -> str:
    with tempfile.TemporaryDirectory() as root:
        text = CONFIG.format(cutoffs=CUTOFFS[n_cutoffs], source=source, panel=panel, seed=seed)
        (Path(root) / "tenure.yaml").write_text(text)
        project = Project.open(root)
        report = project.run()
        project.panel(f"{root}/now.parquet", at=NOW)
        project.predict(f"{root}/now.parquet", f"{root}/scores.parquet")
        scores = pl.read_parquet(f"{root}/scores.parquet")
    y = (~scores["customer_id"].is_in(bought.implode())).to_numpy().astype(np.float64)
    p = scores["probability"].to_numpy()
    came = classification_metrics(y, np.column_stack([1 - p, p]))
    told = [
        f"{name} {report.test[name]} told, {came[name].value:.4f} came to be"
        for name in ("roc_auc", "log_loss")
    ]
    aside = next(warning for warning in report.warnings if "rows (" in warning and "left out" in warning)
    return (
        f"{n_cutoffs} cutoffs, {panel}, seed {seed}: {aside.split(':')[0]}; {report.rows}; {'; '.join(told)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="cdnow.txt")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    source = args.source.resolve()
    bought = came_to_be(source)
    for n_cutoffs in CUTOFFS:
        for panel in ("strict", "keep"):
            for seed in range(args.seeds):
                print(measure(source, bought, n_cutoffs, panel, seed), flush=True)


if __name__ == "__main__":
    main()
