"""A fixed random sample of the training rows, taken as they go by: what a check looks at need not be read again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.split import PART, TRAIN

MOST_ROWS = 100_000
# With very many columns fewer rows are looked at, so that looking stays quick.
_MOST_CELLS = 40_000_000
_FEWEST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Glance:
    """Sampled rows of a kept table.

    positions: their places in it, int64 [m], ascending.  rows: the same as they are kept, without PART.
    """

    positions: npt.NDArray[np.int64]
    rows: pl.DataFrame


class Draw:
    """Which training rows are looked at: all of a short table, else about MOST_ROWS, the same ones everywhere.

    >>> rows = pl.DataFrame({"a": [1, 2, 3], PART: [0, 2, 0]})
    >>> draw = Draw(n_training=2, n_features=1)
    >>> draw.add(rows)
    >>> draw.glance().rows["a"].to_list()
    [1, 3]
    """

    def __init__(self, n_training: int, n_features: int) -> None:
        most = min(MOST_ROWS, max(_FEWEST_ROWS, _MOST_CELLS // max(1, n_features)))
        self._share = min(1.0, most / max(1, n_training))
        # The legacy generator: its stream is frozen, so that every version of NumPy draws the same rows.
        self._random = np.random.RandomState(0)
        self._n_rows = 0
        self._positions: list[npt.NDArray[np.int64]] = []
        self._rows: list[pl.DataFrame] = []

    def of(self, parts: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
        """The places of the next rows that are drawn. parts: of these rows, int8 [n]."""
        training = np.flatnonzero(parts == TRAIN)
        return training[self._random.random_sample(len(training)) < self._share]

    def add(self, rows: pl.DataFrame) -> None:
        """Take what is drawn from the next rows of the table."""
        drawn = self.of(rows[PART].to_numpy())
        self._positions.append(drawn + self._n_rows)
        self._rows.append(rows.drop(PART)[drawn])
        self._n_rows += rows.height

    def glance(self) -> Glance:
        """What was drawn so far."""
        return Glance(np.concatenate(self._positions), pl.concat(self._rows))


def glance_at(rows: pl.LazyFrame, parts: npt.NDArray[np.int8], n_features: int) -> Glance:
    """The sample of a table that is kept. parts: of its rows, int8 [n]."""
    positions = Draw(int(np.sum(parts == TRAIN)), n_features).of(parts)
    drawn = np.zeros(len(parts), dtype=bool)
    drawn[positions] = True
    place = pl.col("__place").map_batches(lambda places: pl.Series(drawn[places]), return_dtype=pl.Boolean)
    return Glance(positions, rows.with_row_index("__place").filter(place).drop("__place", PART).collect())
