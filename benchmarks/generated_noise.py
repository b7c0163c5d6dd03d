"""How often a generated feature is kept where there is nothing to be found.

    python benchmarks/generated_noise.py [--tables 100] [--rows 1000]

Every table has eight columns; the target of a third of them hangs on nothing (two classes), of a third on sums of
columns, which need no generated feature (two classes), of a third the same as a number. Printed: tables that kept
anything, beside the stated limit: half of the 5 % before the confirmation on validation rows.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from tenure.model.generate import propose
from tenure.model.judge import FALSE_RATE, judge
from tenure.model.workbench import TrainingTable
from tenure.prepare.columns import read, settle, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.sql.learn import with_features

KINDS = ("nothing, two classes", "sums, two classes", "sums, a number")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=100, help="of each kind")
    parser.add_argument("--rows", type=int, default=1000)
    args = parser.parse_args()
    for number, kind in enumerate(KINDS):
        kept = [_keeps(number, seed, args.rows) for seed in range(args.tables)]
        print(
            f"{kind:<22} {sum(kept)} of {len(kept)} tables kept anything; limit {FALSE_RATE / 2:.1%}",
            flush=True,
        )


def _keeps(kind: int, seed: int, n: int) -> bool:
    rng = np.random.default_rng(seed)
    columns = {f"amount {name}": np.round(rng.gamma(2.0, 10.0, n), 4) for name in "abcdefgh"}
    signal = (kind > 0) * sum(columns[f"amount {name}"] / 10 for name in "ab") + rng.normal(0, 1, n)
    outcome = signal if kind == 2 else np.where(signal > np.median(signal), "yes", "no")
    raw = pl.DataFrame({**columns, "target": outcome})
    target = learn_target(raw["target"])
    y, cut = target_values(target, raw["target"]), n * 3 // 4
    recipe = learn_recipe(raw[:cut], target)
    typed = [read(recipe, part.lazy()).collect() for part in (raw[:cut], raw[cut:])]
    proposals = propose(recipe, settle(recipe, typed[0].lazy()).collect(), y[:cut])
    wide = with_features(recipe, typed[0], proposals)
    tables = [
        TrainingTable(settle(wide, part.lazy()).collect(), part_y)
        for part, part_y in zip(typed, (y[:cut], y[cut:]), strict=True)
    ]
    return bool(judge(wide, *tables, proposals, seed=seed, threads=1, seconds=None).kept)


if __name__ == "__main__":
    main()
