"""Bring rows and the events of their key together, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tenure.prepare.events.columns import KEY, KNOWN, TIME

ROW, AT = "row", "at"
# Some 100 MB of pairs at a time.
_MOST_PAIRS = 2_000_000


def pairs_between(
    rows: pl.DataFrame, events: pl.DataFrame, *, back: int | None, ahead: int, known: bool
) -> Iterator[pl.DataFrame]:
    """Every (row, event) with equal keys and AT - back < TIME <= AT + ahead; None: without a lower end.

    rows: ROW, KEY, AT (microseconds).  events: KEY, TIME, KNOWN and values, in the order they are wanted in.
    known: leave out events that became known after AT.  The events of one row keep their order, and are all in
    one piece; rows without any event are in none.
    """
    for piece in _pieces(rows, events):
        latest = piece[AT].max()
        earliest = piece[AT].min()
        near = events.lazy().filter(pl.col(TIME) <= latest + ahead)
        if back is not None:
            near = near.filter(pl.col(TIME) > earliest - back)
        wanted = pl.col(TIME) <= pl.col(AT) + ahead
        if back is not None:
            wanted &= pl.col(TIME) > pl.col(AT) - back
        if known:
            wanted &= pl.col(KNOWN) <= pl.col(AT)
        yield (
            near.join(piece.lazy(), on=KEY, how="inner", maintain_order="left_right")
            .drop(KEY)
            .filter(wanted)
            .collect(engine="in-memory")
        )


def _pieces(rows: pl.DataFrame, events: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows that have events at all, in pieces that meet at most _MOST_PAIRS events, or of one row."""
    counts = events.group_by(KEY).len("n")
    counted = rows.select(ROW, KEY, AT).join(counts, on=KEY, how="inner").sort(AT, ROW)
    number = counted["n"].cast(pl.Int64).cum_sum() // _MOST_PAIRS
    for _, piece in counted.drop("n").group_by(number.alias("piece"), maintain_order=True):
        yield piece
