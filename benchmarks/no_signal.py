"""How often shuffled labels are called "no signal" (M601), by the real training, evaluation and check.

    python benchmarks/no_signal.py [--runs 300] [--rows 400]

Each run draws a table of six columns whose target hangs on none of them, trains one LightGBM trial on it, evaluates on
a test part and runs the numbered checks. By its interval the check should name 97.5 % of them. The share is printed
with its own 95 % interval; exits with 1 if that lies below.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import polars as pl

from tenure.model.candidates.base import Facts
from tenure.model.checks import Measured, check_model
from tenure.model.evaluate import evaluate
from tenure.model.train import TrainingTable, TrainSettings, train
from tenure.prepare.columns import clean
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.release.bounds import share_of

STATED = 0.975


def is_named(seed: int, rows: int) -> bool:
    """Whether one run on labels without signal ends in M601."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=2 * rows) for name in "abcdef"}
    raw = pl.DataFrame(columns | {"y": (rng.random(2 * rows) < 0.3).astype(int).astype(str)})
    recipe = learn_recipe(raw, learn_target(raw["y"], "1", None))
    table = TrainingTable(clean(recipe, raw.lazy()).collect(), raw["y"].cast(pl.Float64).to_numpy())
    parts = np.split(np.arange(2 * rows), [rows, rows + rows // 2])
    fitted, validation, test = (table.rows(part) for part in parts)
    settings = TrainSettings(
        candidates=("lightgbm",), budget_seconds=None, max_trials=1, threads=1, blend=False
    )
    trained = train(recipe, fitted, validation, settings)
    evaluation = evaluate(recipe, trained, fitted.joined(validation), test)
    facts = Facts("binary", 2, rows, len(recipe.features))
    findings, _ = check_model(Measured(evaluation, trained.plan, facts, {}), {})
    return any(finding.code == "M601" for finding in findings)


def main() -> int:
    """Print the share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rows", type=int, default=400)
    args = parser.parse_args()
    started = time.perf_counter()
    named = []
    for seed in range(args.runs):
        named.append(is_named(seed, args.rows))
        if sys.stderr.isatty() or (seed + 1) % 50 == 0:
            print(f"{sum(named)} of {len(named)}", file=sys.stderr, flush=True)
    share = share_of(np.array(named))
    kept = share.high >= STATED
    print(
        f"no signal named in {sum(named)} of {len(named)} runs: {share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"
    )
    print(f"stated {STATED:.1%}: {'yes' if kept else 'NO'}; {time.perf_counter() - started:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
