"""Coverage of a run's intervals: of the model's true metric on fresh draws, and "no signal" with shuffled labels.

    python benchmarks/run_coverage.py [RUNS]

Each run draws a world, trains a small model on it as `tenure run` does (search, calibration, refit), evaluates it on
600 test rows and asks whether each interval holds the metric of the same model on 50,000 fresh rows. A second model is
trained on shuffled labels; the share of runs whose claim says "no signal" should be 97.5 %. Wanted of each metric: 93
to 97 %. Of so many runs a share has a standard error of sqrt(0.95 * 0.05 / RUNS): 1.3 points of 300.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import numpy as np
import polars as pl

from tenure.model.claim import claim_of
from tenure.model.evaluate import evaluate
from tenure.model.train import TrainSettings, train
from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.release.metrics import metrics_for

TRAIN, VALIDATION, TEST, FRESH = 500, 200, 600, 50_000
WANTED = (0.93, 0.97)
RECIPE = Recipe(
    TargetRecipe("left", "binary", ("no", "yes"), "yes"),
    tuple(ColumnRecipe(name, "number", bounds=(-9.0, 9.0)) for name in "abcd"),
)
SETTINGS = TrainSettings(candidates=("logistic",), budget_seconds=None, max_trials=2, threads=1)


def draw(rng: np.random.Generator, n: int) -> TrainingTable:
    """Rows of the world: three columns that matter, bent and crossed, and one that does not."""
    X = rng.normal(size=(n, 4))
    margin = X[:, 0] - 0.7 * X[:, 1] + 0.5 * X[:, 0] * X[:, 2] - 1.0
    y = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
    return TrainingTable(pl.DataFrame(np.clip(X, -9, 9), schema=list("abcd")), y)


def shuffled(rng: np.random.Generator, table: TrainingTable) -> TrainingTable:
    """The same rows, with labels that have nothing to do with them."""
    return TrainingTable(table.features, rng.permutation(table.y))


def main(runs: int) -> int:
    """Print the shares; returns 1 where one is outside of what is wanted."""
    covered, counted, silent = Counter[str](), Counter[str](), 0
    started = time.perf_counter()
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        parts = [draw(rng, n) for n in (TRAIN, VALIDATION, TEST)]
        trained = train(RECIPE, parts[0], parts[1], SETTINGS)
        found = evaluate(RECIPE, trained, parts[0].joined(parts[1]), parts[2])
        fresh = draw(rng, FRESH)
        truth = metrics_for("binary", fresh.y, trained.scores(fresh), trained.calibration.threshold)
        for metric, estimate in found.metrics.items():
            counted[metric] += 1
            covered[metric] += estimate.low <= truth[metric].value <= estimate.high
        noise = [shuffled(rng, part) for part in parts]
        fooled = train(RECIPE, noise[0], noise[1], SETTINGS)
        claim = claim_of(evaluate(RECIPE, fooled, noise[0].joined(noise[1]), noise[2]), [])
        silent += "no signal" in claim
    print(f"{runs} runs in {time.perf_counter() - started:.0f} s; wanted {WANTED[0]:.0%} to {WANTED[1]:.0%}")
    outside = 0
    for metric, n in counted.items():
        share = covered[metric] / n
        outside += metric != "calibration_error" and not WANTED[0] <= share <= WANTED[1]
        print(f"  {metric:<18} {share:.1%}")
    print(f"shuffled labels: {silent / runs:.1%} of runs say that there is no signal; stated 97.5 %")
    print("calibration_error: its bounds hold whatever the true error is, so that they cover more than 95 %")
    return int(outside > 0)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
