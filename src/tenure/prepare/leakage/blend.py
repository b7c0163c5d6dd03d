"""Whether a column is made of the others the way a model's output is: from several of them, to tell the target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tenure.prepare.leakage.intervals import area_of_counts
from tenure.prepare.leakage.regression import COLUMNS_USED, RIDGE, sampled_rows, steps
from tenure.prepare.leakage.table import Column, Table

# Where the column is cut in two, each half to be told from the other by the rest of the table.
_CUTS = (0.1, 0.25, 0.5, 0.75, 0.9)
_MOST_PARTS = 5
_NEARLY_ALL = 0.9
# Columns whose codes go together so closely are the same column again.
_TWINS = 0.95


@dataclass(frozen=True, slots=True)
class Blend:
    """What the other columns say of one, on held-out rows.

    given_back: mean ROC-AUC of the others for being above each of five quantiles of the column.
    share: R² of the others for the column's ranks.
    standing: how well the column tells the target, as a share of how well all others tell it together: in ROC-AUC
    beyond one half (of the class that goes best with it), or in squared correlation of ranks.
    """

    given_back: float
    share: float
    standing: float


class Others:
    """The columns of a table as steps, prepared once, so that each column can be asked about quickly.

    A sum of steps of each column gives back what a linear model or a naive Bayes puts out, whatever monotone scale
    it is put on, and nearly what trees do.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = sampled_rows(len(table.y))
        self._half = len(self._rows) // 2
        ranked = sorted(table.columns, key=lambda column: table.strengths[column.name].error)
        self._columns = ranked[: COLUMNS_USED + 1]
        self._blocks = [steps(column, self._rows) for column in self._columns]
        self._design = np.hstack(self._blocks)
        ends = np.cumsum([block.shape[1] for block in self._blocks])
        self._places = [
            slice(end - block.shape[1], end) for end, block in zip(ends, self._blocks, strict=True)
        ]
        train = self._design[: self._half]
        self._gram = train.T @ train + RIDGE * np.eye(self._design.shape[1])

    @cached_property
    def _outcomes(self) -> np.ndarray:
        """The target of the rows, one column a class (one alone for two classes, or for a number)."""
        y, n = self._table.y[self._rows], self._table.n_classes
        if not n:
            return np.asarray(_ranks(y)[:, None])
        return np.column_stack([(y == k).astype(np.float64) for k in range(1 if n == 2 else 0, n)])

    def blend(self, column: Column) -> Blend | None:
        """What the others say of a column of numbers; None when there are no others."""
        used = [j for j, other in enumerate(self._columns) if not _are_twins(column, other)]
        if not used:
            return None
        ranks = _ranks(self._numbers(column))
        above = np.column_stack([ranks > cut for cut in _CUTS]).astype(np.float64)
        wanted = np.column_stack([above, ranks, self._outcomes])
        told = self._told(used, wanted)
        held, ranks_held = wanted[self._half :], ranks[self._half :]
        areas = [_area(told[:, j], held[:, j]) for j in range(len(_CUTS)) if 0.02 < held[:, j].mean() < 0.98]
        best = max(
            range(self._outcomes.shape[1]), key=lambda k: abs(_correlation(ranks, self._outcomes[:, k]))
        )
        target, told_target = held[:, len(_CUTS) + 1 + best], told[:, len(_CUTS) + 1 + best]
        if self._table.n_classes:
            alone, together = abs(_area(ranks_held, target) - 0.5), _area(told_target, target) - 0.5
        else:
            alone, together = _correlation(ranks_held, target) ** 2, _correlation(told_target, target) ** 2
        return Blend(
            float(np.mean(areas)) if areas else 0.0,
            _r2(told[:, len(_CUTS)], ranks_held),
            alone / max(together, 0.01),
        )

    def count_parts(self, column: Column, share: float) -> int:
        """How many columns, the most telling first, give back nearly all that all others do; at most 6.

        share: Blend.share of the column.
        """
        left = [j for j, other in enumerate(self._columns) if not _are_twins(column, other)]
        ranks = _ranks(self._numbers(column))
        rest = ranks[: self._half] - ranks[: self._half].mean()
        chosen: list[int] = []
        while left and len(chosen) < _MOST_PARTS:
            nearest = min(left, key=lambda j: self._left_over(j, rest))
            left.remove(nearest)
            chosen.append(nearest)
            told = self._told(chosen, ranks[:, None])
            if _r2(told[:, 0], ranks[self._half :]) >= _NEARLY_ALL * share:
                return len(chosen)
            design = np.hstack([self._blocks[j][: self._half] for j in chosen])
            rest = ranks[: self._half] - ranks[: self._half].mean()
            rest = rest - design @ np.linalg.solve(self._gram_of(chosen), design.T @ rest)
        return _MOST_PARTS + 1

    def _numbers(self, column: Column) -> np.ndarray:
        assert column.numbers is not None
        cells = column.numbers[self._rows]
        return np.asarray(np.where(np.isnan(cells), np.nanmedian(cells), cells))

    def _gram_of(self, used: list[int]) -> np.ndarray:
        places = np.concatenate([np.arange(self._places[j].start, self._places[j].stop) for j in used])
        return np.asarray(self._gram[np.ix_(places, places)])

    def _told(self, used: list[int], wanted: np.ndarray) -> np.ndarray:
        """What these columns say of each wanted one in the second half of the rows, learned from the first."""
        design = np.hstack([self._blocks[j] for j in used])
        mean = wanted[: self._half].mean(axis=0)
        weights = np.linalg.solve(self._gram_of(used), design[: self._half].T @ (wanted[: self._half] - mean))
        return np.asarray(design[self._half :] @ weights + mean)

    def _left_over(self, j: int, rest: np.ndarray) -> float:
        block = self._blocks[j][: self._half]
        weights = np.linalg.solve(self._gram_of([j]), block.T @ rest)
        return float(((rest - block @ weights) ** 2).sum())


def _are_twins(column: Column, other: Column) -> bool:
    if other is column:
        return True
    if other.numbers is None or min(column.n_codes, other.n_codes) < 2:
        return False
    return abs(_correlation(column.codes, other.codes)) > _TWINS


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places from 0 to 1, equal values sharing their mean place."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - 0.5 * counts)[inverse] / max(1, len(values)))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    one, other = first - first.mean(), second - second.mean()
    size = float(((one**2).sum() * (other**2).sum()) ** 0.5)
    return float((one * other).sum()) / size if size > 0 else 0.0


def _r2(told: np.ndarray, true: np.ndarray) -> float:
    total = float(((true - true.mean()) ** 2).sum())
    return 1.0 - float(((true - told) ** 2).sum()) / total if total > 0 else 0.0


def _area(scores: np.ndarray, outcome: np.ndarray) -> float:
    """ROC-AUC. outcome: 0 and 1."""
    _, place = np.unique(scores, return_inverse=True)
    inside = np.bincount(place, weights=outcome)
    return float(area_of_counts(inside, np.bincount(place) - inside))
