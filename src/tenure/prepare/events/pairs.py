"""Bring rows and the events of their key together, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tenure.prepare.events.columns import KEY, KNOWN, TIME

ROW, AT, SLOT = "row", "at", "slot"
# Some 100 MB of pairs at a time.
_MOST_PAIRS = 2_000_000


def pairs_between(
    rows: pl.DataFrame, events: pl.DataFrame, *, back: int | None, ahead: int, known: bool
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Pieces of the rows, each with its pairs: events of equal key and AT - back < TIME <= AT + ahead.

    rows: ROW, KEY, AT (microseconds).  events: KEY, TIME, KNOWN and values, in the order they are wanted in.
    back: None for no lower end.  known: leave out events that became known after AT.
    Every row is in one piece. Pairs have SLOT, the position of their row in the piece, AT and the event's columns
    but KEY; the pairs of one row keep the order of the events.
    """
    for piece in _pieces(rows, events):
        slots = piece.lazy().select(KEY, AT).with_row_index(SLOT)
        earliest, latest = int(piece[AT][0]), int(piece[AT][-1])
        near = events.lazy().filter(pl.col(TIME) <= latest + ahead)
        wanted = pl.col(TIME) <= pl.col(AT) + ahead
        if back is not None:
            near = near.filter(pl.col(TIME) > earliest - back)
            wanted &= pl.col(TIME) > pl.col(AT) - back
        if known:
            wanted &= pl.col(KNOWN) <= pl.col(AT)
        pairs = near.join(slots, on=KEY, how="inner", maintain_order="left_right").filter(wanted).drop(KEY)
        yield piece, pairs.collect(engine="in-memory")


def _pieces(rows: pl.DataFrame, events: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows by time, in pieces that meet at most some _MOST_PAIRS events."""
    counts = events.group_by(KEY).len("n")
    counted = rows.select(ROW, KEY, AT).join(counts, on=KEY, how="left").sort(AT, ROW)
    met = counted["n"].fill_null(0).cast(pl.Int64).cum_sum()
    for _, piece in counted.drop("n").group_by((met // _MOST_PAIRS).alias("piece"), maintain_order=True):
        yield piece
