"""Rows that say the same of the same thing: equal but for letter case, spaces and format, or but for one cell.

Every column of every row gets a 64-bit hash; the sum of a row's hashes names the row, and the sum without one
column names all that the row says but for that cell. So rows that differ in one cell are found by sorting, once a
column, and no two rows are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.expressions import folded
from tenure.prepare.tokens import SPACES

# Beyond so many rows only rows that are equal in all cells are looked for: hashes take 8 bytes a cell.
MOST_ROWS = 2_000_000
# Pairs of columns looked at to learn which rows have many that are nearly like them: at least so many, and all
# where that takes no more than so many cells.
_COLUMN_PAIRS, _CELLS = 40, 20_000_000
# A cluster stands in a crowd when chance would make so many rows like one of its rows.
CHANCE = 0.02
# More rows than this that are alike are how the table is, no mistake.
LARGEST = 20
_FEWEST_COLUMNS = 3

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Rows that must not straddle a split, since one gives the other away.

    cluster: int64 [n], the number of a row's cluster counted from 0, or -1 for a row of its own.
    n_alike: rows that equal another one in all cells or in all but one.  n_by_chance: those of them that stand in
    no cluster, because many rows of their kind are nearly alike.
    why: the evidence in words.  examples: row numbers of the first clusters.
    """

    cluster: Rows
    n_alike: int
    n_by_chance: int
    why: str
    examples: tuple[tuple[int, ...], ...] = ()

    @property
    def n_clusters(self) -> int:
        """Clusters of two rows or more."""
        return int(self.cluster.max(initial=-1)) + 1

    @property
    def n_rows(self) -> int:
        """Rows that stand in a cluster."""
        return int((self.cluster >= 0).sum())


def find_near_duplicates(frames: pl.DataFrame | Iterable[pl.DataFrame]) -> NearDuplicates:
    """Find clusters of nearly equal rows in typed columns (columns.read, and the target).

    frames: the table, or its batches. Chance is ruled out by the table itself: where rows are alike because there
    are few levels, each of them has others that differ in two cells, and one of these could as well have been
    equal in them. A cluster is made of rows that differ from one another in one cell at most, where this is unlikely.
    """
    total, hashes = _gathered([frames] if isinstance(frames, pl.DataFrame) else frames)
    if hashes is None or hashes.shape[1] < _FEWEST_COLUMNS:
        return _only_equal_rows(total, "many rows" if hashes is None else "few columns")
    alike = _alike(total, hashes)
    n_alike = sum(map(len, alike))
    clusters = _far_from_others([rows for rows in alike if len(rows) <= LARGEST], total, hashes)
    n_clustered = sum(map(len, clusters))
    why = (
        f"{n_alike} row(s) equal another in all cells but one at most; {n_alike - n_clustered} of them stand among "
        "many that are nearly alike, as chance makes them"
    )
    return in_clusters(len(total), clusters, n_alike, why)


def alike_rows(frame: pl.DataFrame) -> list[list[int]]:
    """Positions of rows that are equal in all cells but one at most, chains of them made one; chance or not."""
    hashes = _cell_hashes(frame)
    return _alike(hashes.sum(axis=1, dtype=np.uint64), hashes)


def _alike(total: Hashes, hashes: Hashes) -> list[list[int]]:
    columns = range(hashes.shape[1])
    return _joined([*_groups(total), *(group for j in columns for group in _groups(total - hashes[:, j]))])


def _gathered(frames: Iterable[pl.DataFrame]) -> tuple[Hashes, Hashes | None]:
    """The hash of each row, and of each cell (n_rows, n_columns); None for the cells of more than MOST_ROWS rows."""
    totals: list[Hashes] = []
    cells: list[Hashes] | None = []
    n_rows = 0
    for frame in frames:
        hashes = _cell_hashes(frame)
        totals.append(hashes.sum(axis=1, dtype=np.uint64))
        n_rows += frame.height
        cells = [*cells, hashes] if cells is not None and n_rows <= MOST_ROWS else None
    total = np.concatenate(totals) if totals else np.zeros(0, dtype=np.uint64)
    if cells is None:
        return total, None
    return total, np.concatenate(cells) if cells else np.zeros((0, 0), dtype=np.uint64)


def _cell_hashes(frame: pl.DataFrame) -> Hashes:
    """Hashes of cells, shape (n_rows, n_columns); texts are folded. Sums wrap round on purpose."""
    columns = []
    for j, (name, dtype) in enumerate(frame.schema.items()):
        cell = pl.col(name)
        if dtype in (pl.String, pl.Categorical, pl.Enum):
            cell = folded(cell.cast(pl.String).str.strip_chars(SPACES))
        columns.append(cell.hash(seed=j + 1).alias(str(j)))
    # Column by column in memory: each is sorted on its own.
    return frame.select(columns).to_numpy(order="fortran").astype(np.uint64, copy=False)


def _only_equal_rows(total: Hashes, because: str) -> NearDuplicates:
    """Clusters of equal rows, for tables of which no more can be said."""
    clusters = [group.tolist() for group in _groups(total)]
    n_alike = sum(map(len, clusters))
    if clusters and max(map(len, clusters)) > LARGEST:
        clusters = []
    return in_clusters(
        len(total), clusters, n_alike, f"only equal rows were looked for, as there are {because}"
    )


def _far_from_others(clusters: list[list[int]], total: Hashes, hashes: Hashes) -> list[list[int]]:
    """The clusters without those that stand in a crowd.

    For two columns at a time: the rows outside that are equal in all other cells, times the share of rows that have
    this row's value in them. Of the two shares the larger counts, as if the other value followed from it.
    In a long table a sample of the pairs of columns is looked at: in a crowd rows differ in many of them.
    """
    if not clusters:
        return []
    label = np.full(len(total), -1)
    for number, rows in enumerate(clusters):
        label[rows] = number
    members = np.flatnonzero(label >= 0)
    shares = np.column_stack([_shares(hashes[:, j], members) for j in range(hashes.shape[1])])
    lonely = np.ones(len(clusters), dtype=bool)
    pairs = list(combinations(range(hashes.shape[1]), 2))
    n_pairs = max(_COLUMN_PAIRS, _CELLS // len(total))
    for j, k in pairs[:: max(1, -(-len(pairs) // n_pairs))]:
        n_outside = _count_outside(total - hashes[:, j] - hashes[:, k], members, label)
        expected = n_outside * np.maximum(shares[:, j], shares[:, k])
        lonely[label[members[expected > CHANCE]]] = False
    return [rows for rows, alone in zip(clusters, lonely, strict=True) if alone]


def _shares(column: Hashes, rows: Rows) -> npt.NDArray[np.float64]:
    """The share of all rows that have the value of each of these rows."""
    ordered = np.sort(column)
    n_equal = np.searchsorted(ordered, column[rows], "right") - np.searchsorted(ordered, column[rows], "left")
    return np.asarray(n_equal / len(column))


def _count_outside(keys: Hashes, members: Rows, label: Rows) -> Rows:
    """For each member of a cluster, the rows of other clusters or of none that share its key."""
    among = np.isin(keys, keys[members])
    _, group = np.unique(keys[among], return_inverse=True)
    n_all = np.bincount(group)
    place = np.full(len(keys), -1)
    place[among] = group
    own = place[members] * (int(label.max()) + 1) + label[members]
    _, inverse, n_own = np.unique(own, return_inverse=True, return_counts=True)
    return np.asarray(n_all[place[members]] - n_own[inverse])


def _groups(keys: Hashes) -> list[Rows]:
    """Positions of the rows that share a key, one array a key that is there twice or more."""
    ordered = np.sort(keys)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated):
        return []
    rows = np.flatnonzero(np.isin(keys, repeated))
    rows = rows[np.argsort(keys[rows], kind="stable")]
    return np.split(rows, np.flatnonzero(np.diff(keys[rows])) + 1)


def in_clusters(n_rows: int, clusters: Sequence[Sequence[int]], n_alike: int, why: str) -> NearDuplicates:
    """What was found, by row of the table."""
    cluster = np.full(n_rows, -1, dtype=np.int64)
    for number, rows in enumerate(clusters):
        cluster[rows] = number
    n_clustered = sum(map(len, clusters))
    examples = tuple(tuple(rows[:3]) for rows in clusters[:3])
    return NearDuplicates(cluster, n_alike, n_alike - n_clustered, why, examples)


def _joined(groups: Sequence[Rows]) -> list[list[int]]:
    """Groups with a row in common made one; rows ascending, clusters by their first row."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while (above := parent.setdefault(row, row)) != row:
            parent[row] = row = parent[above]
        return row

    for group in groups:
        head, *rest = group.tolist()
        for row in rest:
            one, other = sorted((root(head), root(row)))
            parent[other] = one
    clusters: dict[int, list[int]] = {}
    for row in sorted(parent):
        clusters.setdefault(root(row), []).append(row)
    return list(clusters.values())
