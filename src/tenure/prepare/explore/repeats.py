"""Rows that repeat, counted as blocks of a table go by; memory has a limit."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.prepare.evidence import looks_like_identifier
from tenure.prepare.explore.facts import Repeats

_MOST_HASHES = 8_000_000
_ENOUGH_ROWS = 20


class RepeatCounter:
    """Counts rows that equal an earlier one, in all columns and in all but those that name a row.

    Rows are told by a 64-bit hash. Of a very long table only a part is kept, chosen by the hash itself, so that
    equal rows are kept or left together; the counts are then estimates.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._whole, self._apart = _Hashes(), _Hashes()

    def add(self, block: pl.DataFrame) -> None:
        """Add rows; the first block tells which columns name a row."""
        if self._names is None:
            self._names = tuple(name for name in block.columns if _names_rows(block[name]))
        if block.width:
            self._whole.add(block.hash_rows().to_numpy())
        if 0 < len(self._names) < block.width:
            self._apart.add(block.drop(self._names).hash_rows().to_numpy())

    def result(self) -> Repeats:
        """What was counted."""
        names = self._names or ()
        return Repeats(
            self._whole.repeats(), names, self._apart.repeats(), self._whole.shift == self._apart.shift == 0
        )


class _Hashes:
    def __init__(self) -> None:
        self.shift = 0
        self._kept: list[np.ndarray] = []
        self._n = 0

    def add(self, hashes: np.ndarray) -> None:
        self._kept.append(self._part(hashes))
        self._n += len(self._kept[-1])
        while self._n > _MOST_HASHES:
            self.shift += 1
            self._kept = [self._part(np.concatenate(self._kept))]
            self._n = len(self._kept[0])

    def _part(self, hashes: np.ndarray) -> np.ndarray:
        return hashes if not self.shift else hashes[hashes >> np.uint64(64 - self.shift) == 0]

    def repeats(self) -> int:
        if not self._n:
            return 0
        ordered = np.sort(np.concatenate(self._kept))
        return int((ordered[1:] == ordered[:-1]).sum()) << self.shift


def _names_rows(series: pl.Series) -> bool:
    return (
        len(series) >= _ENOUGH_ROWS
        and looks_like_identifier(series.name)
        and series.n_unique() > 0.9 * len(series)
    )
