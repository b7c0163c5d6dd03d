"""Nearly equal rows of a long table, by two hashes a row.

Rows that differ in one cell are equal in one half of their columns. So only rows that share a half are read again and
compared; where the halves tell rows apart, these are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.duplicates import HALVES, Halves, is_repeated, share_of_equal_pairs
from tenure.prepare.near_duplicates import CHANCE, LARGEST, NearDuplicates, Rows, alike_rows, in_clusters

# More rows than this that share a half with a few others are not compared: the halves do not tell rows apart.
MOST_ROWS = 200_000


def rows_that_share_a_half(hashes: pl.DataFrame, keep: npt.NDArray[np.bool_]) -> Rows:
    """Positions of the rows that have a half in common with 1 to 19 others, ascending.

    hashes: of Halves, [n]. More rows that share a half are many of one kind, and say nothing of each other.
    keep: the rows that are asked after, bool [n]; of rows that are equal throughout only the first should be.
    """
    asked = pl.Series(keep)
    # A sort each, which lets go of the interpreter's lock.
    with ThreadPoolExecutor(len(HALVES)) as threads:
        by_half = threads.map(lambda name: _shared_by_few(hashes[name].filter(asked)), HALVES)
        return np.flatnonzero(keep)[np.logical_or(*by_half)]


def _shared_by_few(half: pl.Series) -> npt.NDArray[np.bool_]:
    repeated = is_repeated(half)
    shared = repeated.to_numpy(writable=True)
    if repeated.any():
        n = half.filter(repeated).to_frame().select(pl.len().over(pl.first())).to_series()
        shared[shared] = (n <= LARGEST).to_numpy()
    return shared


def find_among(
    frame: pl.DataFrame, rows: Rows, hashes: pl.DataFrame, halves: Halves, sample: pl.DataFrame
) -> NearDuplicates:
    """Clusters among the rows that share a half.

    frame: the cells of these rows, without the column that names a row.  rows: their positions, see above.
    hashes: of all rows.  sample: raw rows that tell how often two cells are equal.
    A cluster counts when its rows share a half with no row outside it, and there are far more pairs of such rows than
    chance makes of rows that share a half.
    """
    keys = hashes.select(HALVES)[rows]
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
    return in_clusters(hashes.height, [rows[c].tolist() for c in clusters], n_alike, why)


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
