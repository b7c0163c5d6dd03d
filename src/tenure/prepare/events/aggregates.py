"""What is made of the events of one row: counts, sums, extremes, the latest, the trend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.date_text import DAY
from tenure.prepare.events.columns import TIME, VALUE
from tenure.prepare.events.pairs import AT, SLOT

Floats = npt.NDArray[np.float64]

_COUNTS = ("count", "distinct")
_SUMS = ("sum", "mean", "trend")


def aggregate(pairs: pl.DataFrame, n: int, wanted: Sequence[tuple[str, str, str]]) -> pl.DataFrame:
    """One column a wanted (name, aggregate, column), one row a slot 0 … n - 1. Missing values are left out.

    count: events.  days_since_last: from the latest event to the cutoff.
    sum, mean, min, max: of numbers.  last: the latest value.  distinct: how many different values.
    trend: slope of the least-squares line through (days, value), in units of the value a day; missing when all
    values are of one time.  Without a value count, distinct and sum are 0, all else is missing.

    Sums are added up event after event, so that the bits of a row do not depend on the other rows.

    >>> times = [0, DAY, 2 * DAY]
    >>> pairs = pl.DataFrame({"slot": [0, 0, 0], "at": [3 * DAY] * 3, "time": times, "value:x": [1.0, 3.0, 5.0]})
    >>> aggregate(pairs, 2, [("sum", "sum", "x"), ("trend", "trend", "x"), ("n", "count", "*")]).rows()
    [(9.0, 2.0, 3), (0.0, None, 0)]
    """
    order = pl.DataFrame({SLOT: pl.int_range(n, eager=True).cast(pairs.schema[SLOT])})
    exact = [_exact(kind, column).alias(name) for name, kind, column in wanted if kind not in _SUMS]
    found = order.join(pairs.group_by(SLOT).agg(exact), on=SLOT, how="left", maintain_order="left")
    sums = [_sum(pairs, n, kind, column).alias(name) for name, kind, column in wanted if kind in _SUMS]
    return found.with_columns(sums).select(
        pl.col(name).fill_null(0) if kind in _COUNTS else pl.col(name) for name, kind, _ in wanted
    )


def _exact(kind: str, column: str) -> pl.Expr:
    """Aggregates without rounding, whose value does not depend on the order of work."""
    if kind == "count":
        return pl.len().cast(pl.Int64)
    if kind == "days_since_last":
        return (pl.col(AT).first() - pl.col(TIME).max()) / DAY
    value = pl.col(VALUE + column)
    if kind == "distinct":
        return value.drop_nulls().n_unique().cast(pl.Int64)
    return {"min": value.min(), "max": value.max(), "last": value.drop_nulls().last()}[kind]


def _sum(pairs: pl.DataFrame, n: int, kind: str, column: str) -> pl.Series:
    there = pairs.filter(pl.col(VALUE + column).is_not_null())
    slots = there[SLOT].to_numpy().astype(np.int64)
    values = there[VALUE + column].to_numpy()
    total = _added(slots, values, n)
    if kind == "sum":
        return pl.Series(total)
    counts = np.bincount(slots, minlength=n)
    mean = _divided(total, counts)
    if kind == "mean":
        return pl.Series(mean).fill_nan(None)
    return pl.Series(_slope(slots, there[TIME].to_numpy(), values - mean[slots], counts)).fill_nan(None)


def _slope(
    slots: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: Floats, counts: npt.NDArray[np.int64]
) -> Floats:
    """cov(days, value) / var(days) of each slot, NaN where all times are one; values: less their mean.

    Source: ordinary least squares with one regressor.
    """
    n = len(counts)
    first = np.zeros(n, dtype=np.int64)
    first[slots[::-1]] = times[::-1]  # pairs stand in order of time: the earliest is written last
    days = (times - first[slots]) / DAY
    total = _added(slots, days, n)
    days -= _divided(total, counts)[slots]
    over = _added(slots, days * values, n)
    under = _added(slots, days * days, n)
    return _divided(over, np.where(total > 0, under, 0.0))


def _added(slots: npt.NDArray[np.int64], values: Floats, n: int) -> Floats:
    """The sum of each slot, added up one by one in the order of the pairs."""
    return np.bincount(slots, weights=values, minlength=n).astype(
        np.float64
    )  # whole numbers when there are none


def _divided(over: Floats, under: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Floats:
    """over / under, NaN where there is nothing to divide by."""
    quotient: Floats = np.full(len(over), np.nan)
    return np.divide(over, under, out=quotient, where=under > 0)
