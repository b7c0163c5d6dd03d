"""What a release keeps for drift to be measured against: summaries of clean rows, and of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from tenure.monitor.samples import SCORE
from tenure.prepare.sketches import FrequentValues
from tenure.prepare.summary import summarise

if TYPE_CHECKING:
    from tenure.prepare.recipe import Recipe
    from tenure.release.scorer import TableScores


def reference_of(recipe: Recipe, features: pl.DataFrame, scored: TableScores | None) -> dict[str, Any]:
    """What drift is measured against: summaries of clean rows, and of the scores of rows unseen in training.

    scored: None where no row was kept unseen; the drift of scores is then not measured.
    Of texts it says how long they are, not what they are: a release holds no cell that is of one person alone.
    """
    rows = summarise([features])
    for column in recipe.features:
        if column.kind == "text":
            rows.columns[column.name].frequent = FrequentValues()
    reference = {"rows": rows.to_dict()}
    if scored is not None:
        scores = scored.values if scored.probabilities is None else scored.probabilities[:, -1]
        reference["scores"] = summarise([pl.DataFrame({SCORE: scores})]).to_dict()
    return reference
