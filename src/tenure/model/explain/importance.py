"""Which raw columns move the score, over all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from tenure.release.scorer import Scorer


def global_importance(scorer: Scorer, clean: pl.DataFrame) -> dict[str, float]:
    """Mean absolute effect of each raw column on the score, the largest first.

    clean: rows that the scorer's recipe has cleaned.  The unit is the score's: a chance for classes,
    the target's unit for regression.
    """
    effects = np.abs(scorer.explainer.effects(clean)).mean(axis=0)
    order = np.argsort(-effects, kind="stable")
    return {scorer.feature_names[index]: float(effects[index]) for index in order}
