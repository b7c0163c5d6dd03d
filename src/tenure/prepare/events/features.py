"""Features as of a time: aggregates over windows that end at each row's cutoff."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from tenure.config.events import EventTableConfig, window_length
from tenure.prepare.events.aggregates import aggregate
from tenure.prepare.events.columns import TIME, Events
from tenure.prepare.events.pairs import AT, ROW, pairs_between


def features_as_of(rows: pl.DataFrame, events: Events, config: EventTableConfig) -> pl.DataFrame:
    """One column a feature of the config, one row a row of `rows`, in its order.

    rows: ROW (0, 1, 2, …), KEY, AT (microseconds; the cutoff), at least one. An event enters the window w of a
    cutoff T when T - w < its time <= T, and it was known at T or before: one that happened on the cutoff is past,
    and is never part of the label.
    """
    features = config.features(events.name)
    windows = {window: microseconds(window_length(window)) for window in config.windows}
    lengths = list(windows.values())
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    pieces = []
    for piece, pairs in pairs_between(rows, events.rows, back=longest, ahead=0, known=True):
        parts = [piece.select(ROW)]
        for window, length in windows.items():
            wanted = [(name, kind, column) for name, of, column, kind in features if of == window]
            inside = pairs if length is None else pairs.filter(pl.col(TIME) > pl.col(AT) - length)
            parts.append(aggregate(inside, len(piece), wanted))
        pieces.append(pl.concat(parts, how="horizontal"))
    return pl.concat(pieces).sort(ROW).select(name for name, *_ in features)


def microseconds(length: timedelta | None) -> int | None:
    """A length of time in microseconds."""
    return None if length is None else length // timedelta(microseconds=1)
