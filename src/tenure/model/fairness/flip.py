"""Counterfactual flips: what a model would have said of the same row, were it of another group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.model.fairness.differences import Z95, bounds
from tenure.model.fairness.rates import Floats, GroupValue
from tenure.model.substitute import substitute
from tenure.prepare.recipe import Recipe
from tenure.records import Estimate

Scores = Callable[[pl.DataFrame, pl.DataFrame], tuple[Floats, npt.NDArray[np.int64] | None]]
"""Clean rows, and the same as they are read -> scores of shape (n, k), and the class decided for each.

Of a regression nothing is decided: None."""

MOST_ROWS = 5_000
MOST_VALUES = 5


@dataclass(frozen=True, slots=True)
class Flips:
    """What became of rows whose group was changed and nothing else.

    flipped: share of rows whose decision changes for some other value; None for regression.
    moved: mean over rows of the largest absolute change of the score (of a probability, or the number).
    """

    flipped: Estimate | None
    moved: Estimate
    rows: int
    values: tuple[str, ...]


def flip_column(
    recipe: Recipe, rows: pl.DataFrame, name: str, scores: Scores, proxies: Sequence[str] = (), seed: int = 0
) -> Flips | None:
    """Give each row every other value of a column, and score it again; None where there is no other value.

    rows: as they are read, see prepare.typed; derived features follow the change.  proxies: columns whose cells are
    changed, too: to those of a row that has the other value, drawn with the seed.
    The five most frequent values are given, of a number with more its deciles 1, 5 and 9; the first 5,000 rows
    are looked at.
    """
    rows = rows.head(MOST_ROWS)
    known = rows[name].drop_nulls()
    values = _values_of(known)
    if len(values) < 2 or rows.height < 2:
        return None
    before, decided = scores(substitute(recipe, rows, {}), rows)
    moved = np.zeros(rows.height)
    flipped = np.zeros(rows.height, dtype=bool)
    rng = np.random.default_rng(seed)
    for value in values:
        cells: dict[str, pl.Series | pl.Expr] = {name: pl.lit(value, dtype=rows.schema[name])}
        if proxies:
            donors = rows.filter(pl.col(name) == value).select(proxies)
            drawn = donors[rng.integers(0, donors.height, rows.height)]
            is_own = (rows[name] == value).fill_null(False)
            cells |= {p: drawn[p].zip_with(~is_own, rows[p]) for p in proxies}
        changed = rows.with_columns(cell.alias(column) for column, cell in cells.items())
        after, decided_after = scores(substitute(recipe, changed, {}), changed)
        moved = np.maximum(moved, np.abs(after - before).max(axis=1))
        if decided is not None and decided_after is not None:
            flipped |= decided != decided_after
    return Flips(
        None if decided is None else _estimate(flipped.astype(float)),
        _estimate(moved, float(np.std(moved, ddof=1))),
        rows.height,
        tuple(str(value) for value in values),
    )


def _values_of(known: pl.Series) -> list[object]:
    if known.dtype.is_float() and known.n_unique() > MOST_VALUES:
        ends = np.quantile(known.to_numpy(), [0.1, 0.5, 0.9], method="inverted_cdf")
        return list(np.unique(ends).tolist())
    counts = known.value_counts(sort=True)
    ranked = sorted(counts.rows(), key=lambda pair: (-pair[1], str(pair[0])))
    return [value for value, _ in ranked[:MOST_VALUES]]


def _estimate(values: Floats, deviation: float | None = None) -> Estimate:
    """A mean with its interval; of a share (no deviation) Wilson's."""
    value = float(values.mean())
    low, high = bounds(GroupValue(value, len(values), deviation), Z95)
    return Estimate(value, max(0.0, low), high)
