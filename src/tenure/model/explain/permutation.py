"""Permutation importance: how much the loss rises when a raw column's cells are dealt to other rows.

Source: Breiman (2001), "Random Forests", section 10; Fisher, Rudin and Dominici (2019), JMLR 20(177), whose
"model reliance" it estimates as a U-statistic. Several models of the same settings may take turns, so that what is
measured is the procedure's, not one fit's (Molnar et al. 2023, "Relating the partial dependence plot and permutation
feature importance to the data generating process", who average over refits).

The interval speaks of other rows and of other permutations. A row has a part in the mean twice: with its own loss,
and as the one whose cell another row was given. So each rise of a loss belongs to a pair of rows, and two rises go
together where their pairs share a row. The variance sums over those: that of the rows' sums in both parts, less
the pairs' own, which are in it twice (Cameron, Gelbach and Miller 2011, "Robust inference with multiway clustering",
JBES 29(2); of pairs: Aronow, Samii and Assenova 2015, Political Analysis 23(4)). Groups take the place of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.model.substitute import followers, substitute
from tenure.prepare.recipe import Recipe
from tenure.records import Estimate
from tenure.release.bounds import Z95
from tenure.release.encoding import Encoding, encode_table
from tenure.release.grouped import error_of, group_codes
from tenure.release.influence import log_losses
from tenure.release.scorer import Scorer

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]


def draw_orders(n_rows: int, n: int, seed: int) -> list[Int]:
    """So many permutations of the rows."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(n_rows) for _ in range(n)]


def permutation_importance(
    recipe: Recipe,
    rows: pl.DataFrame,
    y: Float64,
    models: Sequence[Scorer],
    orders: Sequence[Int],
    columns: Sequence[str],
    *,
    weight: Float64 | None = None,
    group: npt.NDArray[Any] | None = None,
) -> dict[str, Estimate]:
    """The mean rise of the loss for each column, with its 95 % interval.

    rows: as they are read, see prepare.typed; none of the models may have been fitted on them.
    orders: each a permutation, shape (n,): row i gets the cell of row order[i]. The models take turns over them.
    columns: raw columns; features that are computed from one follow it.
    The loss is log loss for classes, squared error for a number. A pair of rows counts by the product of its weights;
    rows of one group are one in the interval.  A column that no model looks at has exactly 0.
    """
    shares = np.ones(len(y)) if weight is None else weight / np.mean(weight)
    clean = substitute(recipe, rows, {})
    encoded = [encode_table(model.encoding, clean) for model in models]
    before = [row_losses(model, X, y) for model, X in zip(models, encoded, strict=True)]
    found = {}
    for name in columns:
        rises = np.zeros((len(orders), len(y)))
        touched = followers(recipe, [name])
        parts = [_part(model.encoding, touched) for model in models]
        for m, order in enumerate(orders):
            k = m % len(models)
            where, part = parts[k]
            if where:
                moved = substitute(recipe, rows, {name: rows[name][order]}, only=touched)
                X = encoded[k].copy()
                X[:, where] = encode_table(part, moved)
                if not np.array_equal(X, encoded[k], equal_nan=True):
                    rises[m] = row_losses(models[k], X, y) - before[k]
        found[name] = mean_rise(rises, orders, shares, group)
    return found


def mean_rise(
    rises: Float64, orders: Sequence[Int], shares: Float64, group: npt.NDArray[Any] | None = None
) -> Estimate:
    """The mean over permutations and rows, with its interval. rises: shape (n_orders, n).  shares: of mean 1.

    >>> mean_rise(np.zeros((2, 3)), [np.array([1, 2, 0])] * 2, np.ones(3))
    Estimate(value=0.0, low=0.0, high=0.0)
    """
    counts = np.stack([shares * shares[order] for order in orders])
    total = float(np.sum(counts))
    value = float(np.sum(counts * rises) / total)
    off = counts * (rises - value)
    influence = np.sum(off, axis=0)
    for order, of_one in zip(orders, off, strict=True):
        influence[order] += of_one
    codes = group_codes(group)
    of_pairs = _pairs_variance(off, orders, np.arange(off.shape[1]) if codes is None else codes)
    # pairs alone are the least that it can be; the difference of two estimates may fall below
    variance = max(error_of(influence, group) ** 2 - of_pairs, of_pairs)
    half = Z95 * float(np.sqrt(variance)) / total
    return Estimate(value, value - half, value + half)


def _pairs_variance(off: Float64, orders: Sequence[Int], codes: Int) -> float:
    """The sum over pairs (whose loss, whose cell) of the squared sums of what is theirs."""
    n = int(codes.max()) + 1
    pairs = np.concatenate([codes * n + codes[order] for order in orders])
    _, which = np.unique(pairs, return_inverse=True)
    return float(np.sum(np.square(np.bincount(which, weights=off.ravel()))))


def row_losses(model: Scorer, X: Float32, y: Float64) -> Float64:
    """Log loss, or squared error, of each encoded row, shape (n,)."""
    margins = model.predictor.margins(X)
    if model.task == "regression":
        return np.asarray(np.square(y - margins[:, 0]))
    return log_losses(y.astype(np.int64), model.calibration.probabilities(margins))


def _part(encoding: Encoding, touched: Sequence[str]) -> tuple[list[int], Encoding]:
    """Where the encoded features of these columns stand, and the encoding of them alone."""
    names = set(touched)
    where = [i for i, feature in enumerate(encoding.features) if feature.column in names]
    return where, Encoding(tuple(encoding.features[i] for i in where))
