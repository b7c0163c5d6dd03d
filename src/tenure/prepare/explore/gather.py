"""The one pass over a table: its Summary, a sample of its rows, its first rows, and how many repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tenure.prepare.explore.facts import Repeats
from tenure.prepare.explore.repeats import RepeatCounter
from tenure.prepare.hashes import hash_numbers
from tenure.prepare.summary import Summary, summarise

SAMPLE_ROWS = 50_000
HEAD_ROWS = 10


@dataclass(frozen=True)
class Gathered:
    """What one pass kept. sample: rows in table order; all of them when there are no more than SAMPLE_ROWS."""

    summary: Summary
    sample: pl.DataFrame
    head: pl.DataFrame
    repeats: Repeats | None

    @property
    def is_everything(self) -> bool:
        """Whether the sample holds every row."""
        return self.sample.height == self.summary.n_rows


def gather(frames: Iterable[pl.DataFrame], n_rows: int) -> Gathered:
    """Read a table of n_rows once, block by block; memory does not grow with its rows."""
    parts: list[pl.DataFrame] = []
    heads: list[pl.DataFrame] = []
    repeats = RepeatCounter()

    def watched() -> Iterator[pl.DataFrame]:
        start = 0
        for frame in frames:
            if start < HEAD_ROWS:
                heads.append(frame.head(HEAD_ROWS))
            parts.append(frame.filter(chosen_rows(start, frame.height, n_rows)))
            repeats.add(frame)
            start += frame.height
            yield frame

    summary = summarise(watched())
    return Gathered(
        summary, pl.concat(parts, rechunk=True), pl.concat(heads).head(HEAD_ROWS), repeats.result()
    )


def chosen_rows(start: int, n: int, n_rows: int) -> pl.Series:
    """Which of the rows start .. start + n - 1 of a table of n_rows are in the sample, bool [n].

    The choice depends on the row's number alone, by a hash, so that it is the same at every time and however
    the rows are cut; on average SAMPLE_ROWS are chosen.
    """
    if n_rows <= SAMPLE_ROWS:
        return pl.Series(np.ones(n, dtype=bool))
    limit = np.uint64(SAMPLE_ROWS / n_rows * 2.0**64)
    return pl.Series(hash_numbers(np.arange(start, start + n, dtype=np.float64)) < limit)
