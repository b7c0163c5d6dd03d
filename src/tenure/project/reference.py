"""What drift is measured against: summaries of clean rows, and of the scores of rows unseen in training."""

from __future__ import annotations

from typing import Any

import polars as pl

from tenure.monitor.samples import SCORE
from tenure.prepare.recipe import Recipe
from tenure.prepare.sketches import FrequentValues
from tenure.prepare.summary import summarise


def reference_of(recipe: Recipe, features: pl.DataFrame, scored: Any) -> dict[str, Any]:
    """What drift is measured against: summaries of clean rows, and of the scores of rows unseen in training.

    Of texts it says how long they are, not what they are: a release holds no cell that is of one person alone.
    """
    rows = summarise([features])
    for column in recipe.features:
        if column.kind == "text":
            rows.columns[column.name].frequent = FrequentValues()
    scores = scored.values if scored.probabilities is None else scored.probabilities[:, -1]
    return {
        "rows": rows.to_dict(),
        "scores": summarise([pl.DataFrame({SCORE: scores})]).to_dict(),
    }
