"""Models whose formula is known, as the release's own runtime, and rows for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tenure.prepare.recipe import ColumnRecipe, Derived, Recipe, TargetRecipe
from tenure.prepare.sql.expression import read_expression
from tenure.records import Task
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding, Feature
from tenure.release.linear import LinearPredictor
from tenure.release.scorer import Scorer

NAMES = ("a", "b", "c")


def number_rows(n: int, seed: int = 0) -> pl.DataFrame:
    """Three independent columns of numbers."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({name: rng.normal(size=n) for name in NAMES})


def linear_scorer(
    coefficients: Sequence[float], task: Task = "regression", product: str | None = None
) -> Scorer:
    """A linear model of a, b, c, and of a derived feature `product` where its SQL is given."""
    target = TargetRecipe(
        "y", task, ("no", "yes") if task == "binary" else (), "yes" if task == "binary" else None
    )
    columns = tuple(ColumnRecipe(name, "number", bounds=(-9.0, 9.0)) for name in NAMES)
    derived: tuple[Derived, ...] = ()
    if product is not None:
        value = read_expression(product, dict.fromkeys(NAMES, "number"), where="test", want="number")
        derived = (Derived(ColumnRecipe("product", "number", bounds=(-99.0, 99.0)), value),)
    recipe = Recipe(target, columns, derived=derived, helpers=columns if derived else ())
    names = [column.name for column in recipe.features]
    encoding = Encoding(tuple(Feature(name, name, "value", fill=0.0) for name in names))
    predictor = LinearPredictor([list(coefficients)], [0.0], [0.0] * len(names))
    return Scorer(recipe, encoding, predictor, Calibration(task, 2 if task == "binary" else 0))
