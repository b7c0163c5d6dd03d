"""How strongly columns go together, by the measure that fits their kinds, with 95 % intervals.

Numbers by numbers: Spearman.  Words by words: Cramér's V, corrected for bias.  Words by numbers: the correlation
ratio of the ranks, as a share of the largest that groups of these sizes allow; of two groups that is
abs(2 AUC - 1).  None is moved by outliers; 0 means no association in each, and 1 the closest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.explore import intervals
from tenure.prepare.explore.cells import Cells
from tenure.prepare.explore.facts import Association
from tenure.records import Estimate

Floats = npt.NDArray[np.float64]
# Fewer rows than this say nothing.
_ENOUGH = 8


class Associations:
    """Associations between columns of one sample; what each column needs is computed once."""

    def __init__(self, columns: Iterable[Cells]) -> None:
        self._columns = {column.name: column for column in columns if is_usable(column)}
        self._ranks = {c.name: _ranks(c.values) for c in self._columns.values() if c.values is not None}

    def with_column(self, column: Cells) -> Associations:
        """The same with one more column of words; the ranks of the others are shared."""
        more = Associations([column])
        more._columns = {**self._columns, **more._columns}
        more._ranks = self._ranks
        return more

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def pairs(self, names: Sequence[str]) -> list[Association]:
        """Of every two of these columns that can be used."""
        usable = [name for name in names if name in self._columns]
        numbers = [name for name in usable if name in self._ranks]
        found = {(pair.first, pair.second): pair for pair in self._of_numbers(numbers)}
        return [
            found[first, second] if (first, second) in found else self.between(first, second)
            for first, second in combinations(usable, 2)
        ]

    def between(self, first: str, second: str) -> Association:
        """Of two usable columns."""
        one, other = self._columns[first], self._columns[second]
        both = ~(one.is_missing | other.is_missing)
        n = int(both.sum())
        if one.values is not None and other.values is not None:
            return self._of_numbers([first, second])[0]
        if one.codes is not None and other.codes is not None:
            table = contingency(one.codes[both], other.codes[both], len(one.labels), len(other.labels))
            strength = intervals.cramers_v(table) if n >= _ENOUGH else UNKNOWN
            return Association(first, second, "Cramér's V", strength, n)
        numbers, words = (one, other) if one.values is not None else (other, one)
        strength = UNKNOWN
        if n >= _ENOUGH and words.codes is not None:
            ranks = self._ranks[numbers.name][both]
            if n < len(both) - int(numbers.is_missing.sum()):  # ranks among fewer rows than they were made of
                ranks = _ranks_of_ranks(ranks)
            strength = intervals.rank_ratio(ranks, words.codes[both], len(words.labels))
        return Association(first, second, "correlation ratio", strength, n)

    def _of_numbers(self, names: Sequence[str]) -> list[Association]:
        """Of every two of these columns of numbers, by few products of matrices."""
        if len(names) < 2:
            return []
        columns = [self._columns[name] for name in names]
        counts, spearman = pairwise_correlations(np.column_stack([self._ranks[name] for name in names]))
        _, pearson = pairwise_correlations(
            np.column_stack([c.values for c in columns if c.values is not None])
        )
        found = []
        for i, j in combinations(range(len(names)), 2):
            n = int(counts[i, j])
            strength, linear = Estimate(0.0, -1.0, 1.0), None
            if n >= _ENOUGH:
                strength = intervals.correlation(float(spearman[i, j]), n, ranks=True)
                linear = float(pearson[i, j]) if np.isfinite(pearson[i, j]) else None
            found.append(Association(names[i], names[j], "Spearman", strength, n, linear))
        return found


UNKNOWN = Estimate(0.0, 0.0, 1.0)


def is_usable(column: Cells) -> bool:
    """Whether a column has values that can be counted or ranked, and some that differ."""
    if column.codes is not None:
        return len(np.unique(column.codes[column.codes >= 0])) > 1
    if column.values is not None:
        filled = column.values[~column.is_missing]
        return len(filled) > 1 and bool((filled != filled[0]).any())
    return False


def contingency(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], n_first: int, n_second: int
) -> Floats:
    """Counts of each pair of codes, without rows and columns that are empty."""
    table = np.bincount(first * n_second + second, minlength=n_first * n_second)
    counts: Floats = table.reshape(n_first, n_second).astype(np.float64)
    filled: Floats = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    return filled


def _ranks(values: Floats) -> Floats:
    """Ranks among the filled cells, equal values at their mean rank; NaN where missing."""
    ranks = pl.Series(values).fill_nan(None).rank("average")
    return ranks.fill_null(float("nan")).to_numpy().astype(np.float64)


def _ranks_of_ranks(ranks: Floats) -> Floats:
    """What _ranks gives for some of the ranks that it gave, by counting: a mean rank is a whole number of halves."""
    places = (2.0 * ranks).astype(np.int64)
    counts = np.bincount(places)
    ends: Floats = np.cumsum(counts, dtype=np.float64)
    return (ends - 0.5 * (counts - 1.0))[places]


def pairwise_correlations(columns: Floats) -> tuple[Floats, Floats]:
    """Pearson's correlation of every two columns over the rows in which both are filled, and how many those are.

    columns: [n, k], NaN where missing.  Both results are [k, k]; NaN where a column does not vary.
    """
    filled = ~np.isnan(columns)
    mask = filled.astype(np.float64)
    counts = mask.T @ mask
    # Values up to 1e38 have squares that overflow; centred ones lose no digits in the sums below.
    x = np.where(filled, columns, 0.0)
    x = x / np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)
    x = np.where(filled, x - x.sum(axis=0) / np.maximum(mask.sum(axis=0), 1.0), 0.0)
    sums, squares, n = x.T @ mask, (x * x).T @ mask, np.maximum(counts, 1.0)
    covariance = x.T @ x - sums * sums.T / n
    variance = squares - sums * sums / n
    size = np.sqrt(np.maximum(variance, 0.0) * np.maximum(variance.T, 0.0))
    varies = size > 1e-12 * np.sqrt(np.maximum(squares * squares.T, 1e-300))
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts, np.where(varies, np.clip(covariance / size, -1.0, 1.0), np.nan)
