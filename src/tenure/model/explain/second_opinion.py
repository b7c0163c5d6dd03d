"""LIME as a second opinion on one row: another method's weights beside the Shapley effects, and how well they agree.

Source: Ribeiro, Singh and Guestrin (2016), "Why should I trust you?", KDD; computed by their library, `lime`. It draws
rows around the one that is explained, scores them with the release's runtime, and fits a weighted linear model to the
answers. A cell is either as it is in the row, or drawn from another quarter, level or gap of the training rows; the
weight of a column is what the first brings. Everything is handed to the library as categories, because it cannot hold
a missing value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.errors import ExtraMissing
from tenure.prepare.recipe import ColumnRecipe
from tenure.release.scorer import Scorer

Float64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

SAMPLES = 5_000
MOST_TRAINING_ROWS = 2_000
STRONGEST = 5
"""Columns, by the size of their Shapley effect, whose signs are compared."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """columns: (name, Shapley effect, LIME's weight), the largest effects first.

    ranks: Spearman's correlation of the two over the columns with an effect; None for fewer than three.
    same_sign: the share of the strongest five (or of all, if fewer) for which both have the same sign.
    fit: R^2 of LIME's linear model on its own weighted samples: where it is low, its weights say little.
    """

    columns: tuple[tuple[str, float, float], ...]
    ranks: float | None
    same_sign: float
    fit: float
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "columns": [{"column": n, "effect": e, "lime": w} for n, e, w in self.columns],
            "ranks": self.ranks,
            "same_sign": self.same_sign,
            "fit": self.fit,
            "samples": self.samples,
        }


def second_opinion(scorer: Scorer, training: pl.DataFrame, row: pl.DataFrame, seed: int) -> Opinion:
    """Ask LIME of one row. training, row: clean rows, shape (n, d) and (1, d). Raises ExtraMissing without `lime`."""
    try:
        from lime.lime_tabular import LimeTabularExplainer
    except ImportError:
        raise ExtraMissing("lime", "lime") from None
    training = training.head(MOST_TRAINING_ROWS)
    places = [_Places.of(c, training[c.name], row[c.name]) for c in scorer.recipe.features]
    rng = np.random.default_rng(seed)

    def scores(codes: Float64) -> Float64:
        drawn = [place.drawn(codes[:, j].astype(np.int64), rng) for j, place in enumerate(places)]
        found = scorer.score_clean(pl.DataFrame(drawn))
        return found.margins[:, 0] if found.probabilities is None else found.probabilities

    is_number = scorer.task == "regression"
    explainer = LimeTabularExplainer(
        np.column_stack([place.codes for place in places]).astype(np.float64),
        mode="regression" if is_number else "classification",
        feature_names=list(scorer.feature_names),
        categorical_features=list(range(len(places))),
        feature_selection="none",
        discretize_continuous=False,
        random_state=seed,
    )
    outcome = 1 if scorer.task != "multiclass" else _predicted(scorer, row)
    found = explainer.explain_instance(
        np.array([place.own for place in places], dtype=np.float64),
        scores,
        labels=(outcome,),
        num_features=len(places),
        num_samples=SAMPLES,
    )
    weights = np.zeros(len(places))
    for j, weight in found.local_exp[outcome]:
        weights[j] = weight
    fit = found.score[outcome] if isinstance(found.score, dict) else found.score
    return _compare(scorer.feature_names, scorer.explainer.effects(row)[0], weights, float(fit))


def _predicted(scorer: Scorer, row: pl.DataFrame) -> int:
    probabilities = scorer.score_clean(row).probabilities
    return 0 if probabilities is None else int(probabilities[0].argmax())


def _compare(names: Sequence[str], effects: Float64, weights: Float64, fit: float) -> Opinion:
    from scipy.stats import spearmanr

    order = [int(j) for j in np.argsort(-np.abs(effects), kind="stable")]
    told = [j for j in order if effects[j] != 0.0]
    ranks = None
    if len(told) >= 3 and np.ptp(weights[told]) > 0.0 and np.ptp(effects[told]) > 0.0:
        ranks = float(spearmanr(effects[told], weights[told]).statistic)
    strongest = told[:STRONGEST]
    same = [np.sign(effects[j]) == np.sign(weights[j]) for j in strongest]
    return Opinion(
        tuple((names[j], float(effects[j]), float(weights[j])) for j in order),
        ranks,
        float(np.mean(same)) if same else 1.0,
        fit,
        SAMPLES,
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the cells of a column lie: one code a level, quarter or gap. own: that of the row's cell."""

    cells: pl.Series
    codes: Int
    own: int
    cell: Any

    @classmethod
    def of(cls, column: ColumnRecipe, cells: pl.Series, cell: pl.Series) -> _Places:
        both = pl.concat([cells, cell.cast(cells.dtype)])
        if column.kind in ("category", "boolean"):
            codes = both.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)
        else:
            codes = _quarters(both.str.len_chars() if column.kind == "text" else both, len(cells))
        return cls(cells, codes[:-1], int(codes[-1]), cell[0])

    def drawn(self, codes: Int, rng: np.random.Generator) -> pl.Series:
        """A cell for each code: the row's own where it is the row's, else one of the training rows'."""
        at = np.zeros(len(codes), dtype=np.int64)
        for code in np.unique(codes).tolist():
            mine, known = np.flatnonzero(codes == code), np.flatnonzero(self.codes == code)
            if code != self.own:  # the library draws only codes that it was shown
                at[mine] = rng.choice(known, len(mine))
        own = pl.Series(self.cells.name, [self.cell], dtype=self.cells.dtype)
        return self.cells.gather(at).zip_with(
            pl.Series(codes != self.own), own.gather(np.zeros(len(codes), dtype=int))
        )


def _quarters(values: pl.Series, n_training: int) -> Int:
    """0 for a missing cell, else 1 to 4."""
    numbers = values.cast(pl.Float64)
    known = numbers.head(n_training).drop_nulls().to_numpy()
    cuts = np.unique(np.quantile(known, [0.25, 0.5, 0.75])) if len(known) else np.empty(0)
    codes = 1 + np.searchsorted(cuts, numbers.fill_null(0.0).to_numpy(), side="left")
    return np.where(numbers.is_null().to_numpy(), 0, codes).astype(np.int64)
