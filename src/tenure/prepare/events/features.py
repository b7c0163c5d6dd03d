"""Features as of a time: aggregates over windows that end at each row's cutoff."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from tenure.config.events import EventTableConfig, window_length
from tenure.prepare.date_text import DAY
from tenure.prepare.events.columns import TIME, VALUE, Events
from tenure.prepare.events.pairs import AT, ROW, pairs_between

_DAYS = "days"
# What an empty window holds: it has no events, and they sum to nothing; of its mean nothing can be said.
_COUNTS = ("count", "distinct")


def features_as_of(rows: pl.DataFrame, events: Events, config: EventTableConfig) -> pl.DataFrame:
    """One column a feature of the config, one row a row of `rows`, in its order.

    rows: ROW (0, 1, 2, …), KEY, AT (microseconds; the cutoff). An event enters the window w of a cutoff T when
    T - w < its time <= T, and it was known at T or before: one that happened on the cutoff is past, and is
    never part of the label. Empty windows: count, distinct and sum are 0, all else is missing.
    """
    features = config.features(events.name)
    windows = {window: microseconds(window_length(window)) for window in config.windows}
    lengths = list(windows.values())
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    pieces: list[pl.DataFrame] = []
    for pairs in pairs_between(rows, events.rows, back=longest, ahead=0, known=True):
        dated = pairs.with_columns(((pl.col(TIME) - pl.col(AT)) / DAY).alias(_DAYS))
        of_rows = pairs.select(ROW).unique(maintain_order=True)
        for window, length in windows.items():
            inside = dated if length is None else dated.filter(pl.col(TIME) > pl.col(AT) - length)
            wanted = [
                aggregate_of(aggregate, column).alias(name)
                for name, of_window, column, aggregate in features
                if of_window == window
            ]
            of_rows = of_rows.join(_per_row(inside, wanted), on=ROW, how="left")
        pieces.append(of_rows)
    found = pl.concat(pieces) if pieces else None
    return _filled(rows, found, features, events)


def aggregate_of(aggregate: str, column: str) -> pl.Expr:
    """The aggregate over the pairs of one row, which stand in the order of time. Missing values are left out.

    last: the latest value.  distinct: how many different values.  days_since_last: from the latest event to the
    cutoff.  trend: the slope of the least-squares line through (days, value), in units of the value a day:
    cov(days, value) / var(days); missing when all events are at one time.
    Source of the slope: any text on ordinary least squares with one regressor.
    """
    if aggregate == "count":
        return pl.len().cast(pl.Int64)
    if aggregate == "days_since_last":
        return (pl.col(AT).first() - pl.col(TIME).max()) / DAY
    value = pl.col(VALUE + column)
    if aggregate == "distinct":
        return value.drop_nulls().n_unique().cast(pl.Int64)
    if aggregate == "last":
        return value.drop_nulls().last()
    if aggregate == "trend":
        there = value.is_not_null()
        days = pl.col(_DAYS).filter(there)
        slope = pl.cov(days, value.filter(there)) / days.var()
        return pl.when(days.n_unique() > 1).then(slope)
    return {"sum": value.sum(), "mean": value.mean(), "min": value.min(), "max": value.max()}[aggregate]


def microseconds(length: timedelta | None) -> int | None:
    """A length of time in microseconds."""
    return None if length is None else length // timedelta(microseconds=1)


def _per_row(pairs: pl.DataFrame, wanted: list[pl.Expr]) -> pl.DataFrame:
    # Only the in-memory engine adds up the events of a row in their order, whatever other rows there are: the
    # streaming one gave other last bits from run to run.
    return pairs.lazy().group_by(ROW).agg(wanted).collect(engine="in-memory")


def _filled(
    rows: pl.DataFrame,
    found: pl.DataFrame | None,
    features: list[tuple[str, str, str, str]],
    events: Events,
) -> pl.DataFrame:
    def empty(name: str, column: str, aggregate: str) -> pl.Expr:
        if aggregate in _COUNTS:
            return pl.lit(0, dtype=pl.Int64).alias(name)
        dtype = events.rows.schema[VALUE + column] if aggregate == "last" else pl.Float64()
        return pl.lit(None, dtype=dtype).alias(name)

    order = rows.select(ROW)
    if found is None:
        table = order.with_columns(empty(name, column, aggregate) for name, _, column, aggregate in features)
    else:
        table = order.join(found, on=ROW, how="left", maintain_order="left")
    return table.select(
        pl.col(name).fill_null(0) if aggregate in (*_COUNTS, "sum") else pl.col(name)
        for name, _, _, aggregate in features
    )
