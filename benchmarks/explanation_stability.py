"""How often check M502 calls explanations unstable, in worlds where one knows what it should say.

    python benchmarks/explanation_stability.py [--repetitions 10]

Eight columns, logistic regression and LightGBM with a few trials, as a run would train them. signal: three columns of
different strength; equal: four of the same strength, whose order is chance; twins: one strong column and its near copy;
noise: nothing to explain. Prints the median share of importance that moves to other columns in the folds' models, the
median agreement of the ranks, and the share of runs in which M502 speaks. In signal and equal it should fall silent
as rows grow; of noise it should speak.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import polars as pl

from tenure.model.explain.stability import compare_fits, doubts_of
from tenure.model.train import TrainingTable, TrainSettings, train
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.release.scorer import Scorer

NAMES = tuple(f"x{j}" for j in range(8))
RECIPE = Recipe(
    TargetRecipe("y", "binary", ("no", "yes"), "yes"), tuple(ColumnRecipe(name, "number") for name in NAMES)
)
WORLDS = ("signal", "equal", "twins", "noise")


def draw(world: str, n: int, rng: np.random.Generator) -> TrainingTable:
    """Rows of a world."""
    X = rng.normal(size=(n, len(NAMES)))
    logit = 1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.5 * X[:, 2]
    if world == "equal":
        logit = 0.7 * X[:, :4].sum(axis=1)
    elif world == "twins":
        X[:, 1] = X[:, 0] + 0.05 * rng.normal(size=n)
        logit = 1.5 * X[:, 0]
    elif world == "noise":
        logit = np.zeros(n)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return TrainingTable(pl.DataFrame(X, schema=list(NAMES)), y)


def stability(world: str, n: int, seed: int) -> dict:
    """What a run on n training rows would measure."""
    rng = np.random.default_rng([WORLDS.index(world), n, seed])
    table, validation = draw(world, n, rng), draw(world, 300, rng)
    settings = TrainSettings(
        candidates=("logistic", "lightgbm"), budget_seconds=None, max_trials=4, seed=seed
    )
    trained = train(RECIPE, table, validation, settings)
    models = [(trained.encoding, trained.document), *(trained.folds or ())]
    effects = [
        Scorer(RECIPE, encoding, document.predictor(), trained.calibration).explainer.effects(
            validation.features
        )
        for encoding, document in models
    ]
    return compare_fits(NAMES, effects[0], effects[1:])


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=10)
    repetitions = parser.parse_args().repetitions
    print(f"{'world':<8} {'rows':>5} {'moved':>7} {'ranks':>7} {'M502':>7}")
    for world in WORLDS:
        for n in (150, 500, 2000):
            runs = [stability(world, n, seed) for seed in range(repetitions)]
            moved = np.median([run["moved"]["median"] for run in runs])
            ranks = np.median([run["ranks"]["median"] for run in runs])
            spoke = np.mean([bool(doubts_of(run)) for run in runs])
            print(f"{world:<8} {n:>5} {moved:>7.2f} {ranks:>7.2f} {spoke:>7.0%}", flush=True)


if __name__ == "__main__":
    main()
