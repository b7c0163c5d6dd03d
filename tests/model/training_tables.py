"""Small tables for training: two classes, three classes, a number."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe

LEVELS = ("monthly", "yearly", "two years")


def make_features(n: int, seed: int = 0) -> pl.DataFrame:
    """Clean columns of every kind, with missing values in three of them."""
    rng = np.random.default_rng(seed)
    months = rng.integers(0, 72, n).astype(float)
    charges = np.round(rng.normal(60, 20, n), 2)
    return pl.DataFrame(
        {
            "months": months,
            "charges": [None if m else float(v) for m, v in zip(rng.random(n) < 0.05, charges, strict=True)],
            "contract": [None if rng.random() < 0.03 else LEVELS[i] for i in rng.integers(0, 3, n)],
            "region": [f"region {i}" for i in rng.integers(0, 40, n)],
            "paperless": [
                None if m else bool(v) for m, v in zip(rng.random(n) < 0.05, rng.random(n) < 0.5, strict=True)
            ],
            "joined": rng.integers(1_500_000_000, 1_700_000_000, n) * 1_000_000,
            "note": [("late " * int(k)).strip() for k in rng.integers(0, 4, n)],
        }
    )


def make_recipe(task: str, n_classes: int) -> Recipe:
    """The recipe that make_features' columns would have."""
    classes = {"binary": ("no", "yes"), "regression": ()}.get(
        task, tuple(f"class {k}" for k in range(n_classes))
    )
    columns = (
        ColumnRecipe("months", "integer", bounds=(0.0, 72.0)),
        ColumnRecipe("charges", "number", nullable=True, bounds=(-100.0, 200.0)),
        ColumnRecipe("contract", "category", nullable=True, levels=LEVELS),
        ColumnRecipe("region", "category", levels=tuple(f"region {i}" for i in range(40))),
        ColumnRecipe("paperless", "boolean", nullable=True, labels=("no", "yes")),
        ColumnRecipe("joined", "date"),
        ColumnRecipe("note", "text"),
    )
    return Recipe(TargetRecipe("target", task, classes, classes[-1] if task == "binary" else None), columns)  # type: ignore[arg-type]


def make_table(task: str, n: int = 300, seed: int = 0) -> TrainingTable:
    """Rows whose target hangs on months, charges and contract."""
    features = make_features(n, seed)
    rng = np.random.default_rng(seed + 1)
    signal = (
        2.0 * (features["contract"].fill_null("yearly") == "monthly").to_numpy()
        - features["months"].to_numpy() / 18
        + features["charges"].fill_null(60.0).to_numpy() / 40
        + rng.normal(0, 0.7, n)
    )
    if task == "regression":
        return TrainingTable(features, signal)
    cuts = [np.median(signal)] if task == "binary" else np.quantile(signal, [0.33, 0.66])
    return TrainingTable(features, np.searchsorted(cuts, signal).astype(float))
