"""Nearly equal rows of a long table, by two hashes a row.

Rows that differ in one cell are equal in one half of their columns. So only rows that share a half are read again and
compared; where the halves tell rows apart, these are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.duplicates import HALVES, Halves, share_of_equal_pairs
from tenure.prepare.near_duplicates import CHANCE, LARGEST, NearDuplicates, Rows, alike_rows, in_clusters
from tenure.prepare.row_hashes import Hashes, Positions, RowHashes, repeated

# More rows than this that share a half with a few others are not compared: the halves do not tell rows apart.
MOST_ROWS = 200_000


def rows_that_share_a_half(hashes: RowHashes, keep: npt.NDArray[np.bool_]) -> Rows:
    """Positions of the rows that have a half in common with 1 to 19 others, ascending.

    hashes: with those of Halves. More rows that share a half are many of one kind, and say nothing of each other.
    keep: the rows that are asked after, bool [n]; of rows that are equal throughout only the first should be.
    """

    def shared_by_few(half: Hashes, rows: Positions) -> Positions:
        asked = keep[rows]
        half, rows = half[asked], rows[asked]
        again = repeated(half)
        half, rows = half[again], rows[again]
        n = pl.DataFrame({"half": half}).select(pl.len().over("half")).to_series()
        few: Positions = rows[(n <= LARGEST).to_numpy()]
        return few

    found = [rows for name in HALVES for rows in hashes.each_bucket(name, shared_by_few)]
    return np.unique(np.concatenate(found)).astype(np.int64)


def find_among(
    frame: pl.DataFrame, rows: Rows, hashes: RowHashes, halves: Halves, sample: pl.DataFrame
) -> NearDuplicates:
    """Clusters among the rows that share a half.

    frame: the cells of these rows, without the column that names a row.  rows: their positions, see above.
    hashes: of all rows.  sample: raw rows that tell how often two cells are equal.
    A cluster counts when its rows share a half with no row outside it, and there are far more pairs of such rows than
    chance makes of rows that share a half.
    """
    keys = hashes.of(rows, HALVES)
    clusters = [c for c in alike_rows(frame) if len(c) <= LARGEST]
    n_alike = sum(map(len, clusters))
    clusters = _alone_in_their_halves(clusters, keys)
    expected = _pairs_by_chance(keys, halves, sample)
    n_pairs = sum(len(c) * (len(c) - 1) // 2 for c in clusters)
    if expected > CHANCE * n_pairs:
        clusters = []
    why = (
        f"{n_alike} row(s) equal another in all cells but one at most, and in one half of the columns in every letter; "
        f"chance would make about {expected:.2g} pairs of them"
    )
    return in_clusters(hashes.n_rows, [rows[c].tolist() for c in clusters], n_alike, why)


def _alone_in_their_halves(clusters: Sequence[list[int]], keys: pl.DataFrame) -> list[list[int]]:
    label = np.full(keys.height, -1)
    for number, members in enumerate(clusters):
        label[members] = number
    crowded: set[int] = set()
    for name in HALVES:
        labels = keys.select(pl.col(name), label=pl.Series(label))
        mixed = labels.filter(pl.col("label").n_unique().over(name) > 1)
        crowded.update(mixed["label"].to_list())
    return [members for number, members in enumerate(clusters) if number not in crowded]


def _pairs_by_chance(keys: pl.DataFrame, halves: Halves, sample: pl.DataFrame) -> float:
    """Pairs that share a half, times the chance that two rows are alike in the other, were columns independent."""
    expected = 0.0
    for shared, other in (HALVES, HALVES[::-1]):
        n = keys[shared].value_counts(name="n")["n"].to_numpy().astype(np.float64)
        equal = [share_of_equal_pairs(sample[name]) for name in halves.columns[other]]
        alike = prod(equal) * (1.0 + sum((1.0 - p) / p for p in equal))
        expected += float((n * (n - 1)).sum()) / 2.0 * min(1.0, alike)
    return expected
