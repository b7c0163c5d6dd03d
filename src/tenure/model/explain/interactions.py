"""Interactions: which two raw columns act together, by Friedman's H, and what that looks like.

Source: Friedman and Popescu (2008), "Predictive learning via rule ensembles", Annals of Applied Statistics 2(3),
section 8.1. With F the centred partial dependence at the rows' own values,

    H^2 = sum (F_jk - F_j - F_k)^2 / sum F_jk^2

is the share of what the two do together that neither does alone. H alone ranks pairs that do next to nothing high, so
that pairs are ranked by the numerator's root mean square, in the unit of the scale (the unnormalised H of Inglis,
Parnell and Hurley 2022, "Visualizing variable importance and variable interaction effects in machine learning models").

The scale is log-odds (log-probabilities for several classes, the number itself for regression): on it an additive model
has no interactions, while on probabilities any model would. Partial dependence puts together values that may never
meet in one row: with columns that are strongly tied, read H with care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.model.explain.dependence import range_label
from tenure.model.substitute import substitute
from tenure.prepare.recipe import ColumnRecipe
from tenure.release.scorer import Scorer

Float64 = npt.NDArray[np.float64]

MOST_COLUMNS = 6
MOST_PAIRS = 5
MOST_ROWS, FEWEST_ROWS = 50, 20
SHOWN = 3
"""Pairs that are told with the scores at two values of each."""
NOTHING = 1e-9
"""Of the scale: below this a joint effect is what rounding left."""


def interactions(
    scorer: Scorer, rows: pl.DataFrame, columns: Sequence[str], values: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    """Pairs of raw columns, the strongest first, as JSON data.

    rows: as they are read, shape (n, ...); n squared rows are scored for each column and each pair.
    columns: those to look at.  values: column -> two of its values, as read, for the scores that are shown with the
    strongest pairs; a column without two is not shown so.
    """
    alone = {name: _centred(_partial(scorer, rows, [name])) for name in columns}
    found: list[dict[str, Any]] = []
    for pair in combinations(columns, 2):
        joint = _centred(_partial(scorer, rows, pair))
        rest = joint - alone[pair[0]] - alone[pair[1]]
        total = float(np.sum(joint**2))
        share = float(np.sum(rest**2)) / total if total > NOTHING**2 else 0.0
        strength = float(np.sqrt(np.sum(rest**2) / len(rest)))
        found.append({"columns": list(pair), "h2": min(share, 1.0), "strength": strength})
    found.sort(key=lambda one: -one["strength"])
    told = [one for one in found if one["strength"] > NOTHING][:MOST_PAIRS]
    recipes = {column.name: column for column in scorer.recipe.inputs}
    for one in told[:SHOWN]:
        first, second = one["columns"]
        if first in values and second in values:
            one["corners"] = _corners(scorer, rows, recipes[first], recipes[second], values)
    return told


def two_values(column: ColumnRecipe, cells: pl.Series) -> tuple[Any, Any] | None:
    """Two usual values of a column: the quartiles of a number or date, the two most frequent of words."""
    known = cells.drop_nulls()
    if column.kind == "text" or known.n_unique() < 2:
        return None
    if column.kind in ("number", "integer", "date"):
        low, high = np.quantile(known.to_numpy(), [0.25, 0.75], method="inverted_cdf").tolist()
        return (low, high) if low != high else (known.min(), known.max())
    if column.kind == "boolean":
        return (False, True)
    # by the recipe's order of levels, so that no word of a single row is told
    present = [level for level in column.levels if bool((known == level).any())]
    return (present[0], present[1]) if len(present) > 1 else None


def _partial(scorer: Scorer, rows: pl.DataFrame, names: Sequence[str]) -> Float64:
    """Partial dependence at each row's own values of these columns, shape (n, n_outputs)."""
    n = rows.height
    at, behind = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    table = rows[behind]
    clean = substitute(scorer.recipe, table, {name: rows[name][at] for name in names})
    scores = on_scale(scorer, clean)
    return np.asarray(scores.reshape(n, n, -1).mean(axis=1))


def on_scale(scorer: Scorer, clean: pl.DataFrame) -> Float64:
    """Log-odds, log-probabilities or numbers, shape (n, k)."""
    scores = scorer.score_clean(clean)
    if scores.probabilities is None:
        return scores.margins
    p = np.clip(scores.probabilities, 1e-9, 1.0)
    if scorer.task == "binary":
        return np.asarray(np.log(p[:, 1:]) - np.log(p[:, :1]))
    logs = np.log(p)
    # what all classes have in common is no news
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _centred(values: Float64) -> Float64:
    return np.asarray(values - values.mean(axis=0))


def _corners(
    scorer: Scorer,
    rows: pl.DataFrame,
    first: ColumnRecipe,
    second: ColumnRecipe,
    values: Mapping[str, Sequence[Any]],
) -> list[dict[str, Any]]:
    """The mean score of all rows with these values: of the positive class, the first of several, or the number."""
    found = []
    for a in values[first.name]:
        for b in values[second.name]:
            cells = {
                column.name: pl.lit(value, dtype=rows.schema[column.name])
                for column, value in ((first, a), (second, b))
            }
            scores = scorer.score_clean(substitute(scorer.recipe, rows, cells))
            if scores.probabilities is None:
                score = float(scores.margins.mean())
            else:
                score = float(scores.probabilities[:, 1 if scorer.task == "binary" else 0].mean())
            found.append({"values": [_word(first, a), _word(second, b)], "score": score})
    return found


def _word(column: ColumnRecipe, value: Any) -> str:
    if column.kind == "boolean":
        return column.labels[int(value)] if len(column.labels) == 2 else str(value).lower()
    return value if isinstance(value, str) else range_label(float(value), float(value), column.kind)
