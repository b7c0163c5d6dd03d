"""How often the 95 % intervals of permutation importance hold the importance on fresh rows, in a simulated world.

    python benchmarks/permutation_coverage.py [--repetitions 300]

Three boosted models are fitted once, as the folds of a run would be. Their importance on 200,000 fresh rows is the
truth. Then validation parts are drawn again and again, and it is counted how often each column's interval holds the
truth: with rows alone, and with rows in groups of five that are alike. Beside it, what scikit-learn's
permutation_importance offers: the mean of the repeats +- 1.96 of its standard error over the repeats, which knows
nothing of other rows. 95 % is wanted.
"""

from __future__ import annotations

import argparse

import lightgbm as lgb
import numpy as np
import polars as pl

from tenure.model.document import tree_document
from tenure.model.explain.permutation import draw_orders, permutation_importance
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding, Feature, encode_table
from tenure.release.scorer import Scorer, load_predictor

NAMES = ("strong", "tied", "curved", "level", "noise")
RECIPE = Recipe(
    TargetRecipe("y", "binary", ("no", "yes"), "yes"),
    tuple(ColumnRecipe(name, "number", bounds=(-99.0, 99.0)) for name in NAMES),
)
ENCODING = Encoding(tuple(Feature(name, name, "value") for name in NAMES))
N_MODELS, FITTED_ROWS, TRUE_ROWS = 3, 1_500, 200_000


def draw(n: int, rng: np.random.Generator, size: int = 1) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Rows, outcomes and groups; the rows of a group of `size` are nearly alike in their columns and their luck."""
    groups = np.arange(n) // size
    base = rng.normal(size=(n // size + 1, 4))[groups] + (0.1 if size > 1 else 0.0) * rng.normal(size=(n, 4))
    strong = base[:, 0]
    tied, curved = 0.8 * strong + 0.6 * base[:, 1], base[:, 2]
    level = (base[:, 3] > 0).astype(float)
    logit = 1.2 * strong + 0.5 * tied + np.maximum(curved, 0.0) * (1 + level) - 0.6
    luck = rng.random(n // size + 1)[groups]
    y = (luck < 1 / (1 + np.exp(-logit))).astype(float)
    return pl.DataFrame([strong, tied, curved, level, rng.normal(size=n)], schema=list(NAMES)), y, groups


def fit(seed: int) -> Scorer:
    """One boosted model as a release would hold it."""
    rows, y, _ = draw(FITTED_ROWS, np.random.default_rng(1000 + seed))
    X = encode_table(ENCODING, rows)
    settings = {"objective": "binary", "num_leaves": 15, "learning_rate": 0.05, "verbosity": -1, "seed": seed}
    document = tree_document(lgb.train(settings, lgb.Dataset(X, y), 100), X, 100)
    return Scorer(
        RECIPE, ENCODING, load_predictor({"model.txt": document.text.encode()}), Calibration("binary", 2)
    )


def repeats_only(
    rows: pl.DataFrame, y: np.ndarray, models: list[Scorer], orders: list, name: str
) -> tuple[float, float]:
    """Mean of the repeats, and 1.96 standard errors over the repeats."""
    values = [
        permutation_importance(RECIPE, rows, y, [models[m % len(models)]], [order], [name])[name].value
        for m, order in enumerate(orders)
    ]
    return float(np.mean(values)), float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=300)
    repetitions = parser.parse_args().repetitions
    models = [fit(seed) for seed in range(N_MODELS)]
    rows, y, _ = draw(TRUE_ROWS, np.random.default_rng(0))
    truth = permutation_importance(RECIPE, rows, y, models, draw_orders(TRUE_ROWS, N_MODELS, 0), NAMES)
    print(f"{'':<34} " + " ".join(f"{name:>8}" for name in NAMES))
    print(
        f"{'importance on 200,000 fresh rows':<34} " + " ".join(f"{truth[name].value:8.4f}" for name in NAMES)
    )
    for n, size, passes in ((200, 1, 3), (600, 1, 3), (600, 1, 6), (2000, 1, 3), (600, 5, 3)):
        held = {how: np.zeros(len(NAMES)) for how in ("tenure", "tenure, groups unknown", "repeats only")}
        width = np.zeros(len(NAMES))
        for repetition in range(repetitions):
            rows, y, groups = draw(n, np.random.default_rng([n, size, passes, repetition]), size)
            orders = draw_orders(n, passes, repetition)
            known = groups if size > 1 else None
            found = permutation_importance(RECIPE, rows, y, models, orders, NAMES, group=known)
            free = permutation_importance(RECIPE, rows, y, models, orders, NAMES) if size > 1 else found
            for j, name in enumerate(NAMES):
                true = truth[name].value
                held["tenure"][j] += found[name].low <= true <= found[name].high
                held["tenure, groups unknown"][j] += free[name].low <= true <= free[name].high
                width[j] += found[name].high - found[name].low
                mean, half = repeats_only(rows, y, models, orders, name)
                held["repeats only"][j] += abs(mean - true) <= half
        title = f"{n} rows{f' in groups of {size}' if size > 1 else ''}, {passes} permutations"
        print(f"{title}\n{'  mean width':<34} " + " ".join(f"{w / repetitions:8.4f}" for w in width))
        for how, counts in held.items():
            if size > 1 or how != "tenure, groups unknown":
                print(f"{f'  held, {how}':<34} " + " ".join(f"{c / repetitions:8.3f}" for c in counts))


if __name__ == "__main__":
    main()
