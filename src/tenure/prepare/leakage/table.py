"""What the checks look at: the clean training rows of a sample, and single columns of all parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from tenure.prepare.columns import settle, target_values, time_values
from tenure.prepare.glance import Glance, glance_at
from tenure.prepare.leakage.intervals import simultaneous_z
from tenure.prepare.leakage.strength import Strength, strength_of
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.prepare.split import PART
from tenure.prepare.sql.column_recipe import derive

_N_BINS = 1024
_N_FOLDS = 5
# Levels of a category that are told apart; the rest count as one.
_MOST_CODES = 1000


@dataclass(frozen=True)
class Column:
    """One clean column of the sampled training rows.

    numbers: float [n], NaN where missing; None for words.  dates count in microseconds, booleans as 0 and 1.
    codes: int [n] from 0: the level, or for numbers the fine quantile bin, in rising order.
    missing: bool [n]; a missing cell has the code n_codes - 1 where any is missing.
    exact: each code is one value.
    """

    recipe: ColumnRecipe
    numbers: np.ndarray | None
    codes: np.ndarray
    n_codes: int
    missing: np.ndarray
    exact: bool

    @property
    def name(self) -> str:
        return self.recipe.name


@dataclass(frozen=True)
class Table:
    """A split table and its recipe, as the checks read it.

    rows: of all parts, as they are kept, see prepare.typed; read column by column, or a sample of them.
    serving: raw rows as the service meets them, or None.  is_whole: they hold every column that will ever
    be sent; else a column that is absent there may only be new.  by_time: the rows stand in order of time and the
    later parts are later, though no column says so.
    glance: the sample of the training rows, where it was taken already.
    """

    recipe: Recipe
    rows: pl.LazyFrame
    serving: pl.DataFrame | None = None
    is_whole: bool = True
    by_time: bool = False
    glance: Glance | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether the order of the rows is time, so that the past of a row may be known."""
        return self.by_time or self.recipe.time is not None

    @cached_property
    def parts(self) -> np.ndarray:
        """The part of each row, int8 [n]: 0 training, 1 validation, 2 test."""
        return self.cells(PART).to_numpy()

    @cached_property
    def names(self) -> list[str]:
        """Every column but PART, in table order."""
        return [name for name in self.rows.collect_schema().names() if name != PART]

    def cells(self, name: str) -> pl.Series:
        """One column of all parts."""
        return self.rows.select(name).collect().to_series()

    @cached_property
    def looked_at(self) -> Glance:
        """The sampled training rows."""
        return self.glance or glance_at(self.rows, self.parts, len(self.recipe.features))

    @property
    def positions(self) -> np.ndarray:
        """Their places in the table, ascending."""
        return self.looked_at.positions

    @cached_property
    def typed(self) -> pl.DataFrame:
        """The same as they are kept, with their derived features."""
        return derive(self.recipe, self.looked_at.rows.lazy()).collect()

    @cached_property
    def y(self) -> np.ndarray:
        """The target of the sampled rows: class index, or the number; float [n]."""
        return target_values(self.recipe.target, self.typed[self.recipe.target.name])

    @cached_property
    def n_classes(self) -> int:
        """Classes of the target; 0 for regression."""
        return len(self.recipe.target.classes)

    @cached_property
    def features(self) -> pl.DataFrame:
        """The clean feature columns of the sampled rows."""
        return settle(self.recipe, self.typed.lazy()).collect()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The feature columns of the sampled rows, in recipe order."""
        return tuple(code_column(column, self.features[column.name]) for column in self.recipe.features)

    @cached_property
    def folds(self) -> np.ndarray:
        """A fold of each sampled row, int [n] from 0 to 4."""
        return np.random.RandomState(1).permutation(len(self.positions)) % _N_FOLDS

    @cached_property
    def z(self) -> float:
        """Standard deviations of bounds that hold for every column together."""
        return simultaneous_z(len(self.recipe.features))

    @cached_property
    def strengths(self) -> Mapping[str, Strength]:
        """How well each feature predicts the target alone."""
        return {
            column.name: self.strength(column.codes, column.n_codes, column.numbers)
            for column in self.columns
        }

    def strength(self, codes: np.ndarray, n_codes: int, numbers: np.ndarray | None = None) -> Strength:
        """How well any coding of the sampled rows predicts the target."""
        return strength_of(codes, n_codes, numbers, self.y, self.n_classes, self.folds, self.z)

    @cached_property
    def times(self) -> np.ndarray | None:
        """The time of each sampled row, float [n], microseconds for dates; None without a time column."""
        return None if self.recipe.time is None else time_values(self.typed[self.recipe.time])


def code_column(recipe: ColumnRecipe, values: pl.Series) -> Column:
    """Number the cells of a clean column: levels by name, numbers by quantile bin."""
    missing = values.is_null().to_numpy()
    if recipe.kind in ("category", "text"):
        codes, n_codes = _level_codes(values)
        return Column(recipe, None, codes, n_codes, missing, n_codes <= _MOST_CODES)
    numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    codes, n_codes = bin_numbers(numbers, _N_BINS)
    exact = values.n_unique() == n_codes
    return Column(recipe, numbers, codes, n_codes, missing, exact)


def bin_numbers(numbers: np.ndarray, n_bins: int) -> tuple[np.ndarray, int]:
    """Quantile bins of numbers, int [n] and how many; NaN has the last bin, where there is any.

    >>> codes, n = bin_numbers(np.array([1.0, 2.0, 2.0, np.nan]), 4)
    >>> codes.tolist(), n
    ([0, 1, 1, 2], 3)
    """
    missing = np.isnan(numbers)
    found = np.sort(numbers[~missing])
    if not len(found):
        return np.zeros(len(numbers), dtype=np.int64), 1
    cuts = np.unique(found) if len(found) <= n_bins else _quantile_cuts(found, n_bins)
    codes = np.searchsorted(cuts, numbers, side="right")
    used, codes = _compact(codes, len(cuts) + 1)
    if missing.any():
        filled = np.zeros(used + 1, dtype=bool)
        filled[codes[~missing]] = True
        renumbered = np.cumsum(filled) - 1
        codes = np.where(missing, filled.sum(), renumbered[codes])
        used = int(filled.sum()) + 1
    return codes, used


def _quantile_cuts(found: np.ndarray, n_bins: int) -> np.ndarray:
    """Where bins begin. found: sorted. A value that fills a bin or more has one of its own."""
    cuts, times = np.unique(found[(np.arange(1, n_bins) * len(found)) // n_bins], return_counts=True)
    heavy = cuts[times > 1]
    return np.union1d(cuts, np.nextafter(heavy, np.inf))


def _compact(codes: np.ndarray, n_codes: int) -> tuple[int, np.ndarray]:
    used = np.bincount(codes, minlength=n_codes) > 0
    return int(used.sum()), (np.cumsum(used) - 1)[codes]


def _level_codes(values: pl.Series) -> tuple[np.ndarray, int]:
    counts = values.drop_nulls().alias("level").value_counts(sort=True, name="n").head(_MOST_CODES)
    levels = sorted(counts["level"].to_list())
    codes = values.replace_strict(
        levels, list(range(len(levels))), default=len(levels), return_dtype=pl.Int64
    )
    missing = values.is_null().to_numpy()
    numbers = np.where(missing, len(levels) + 1, codes.to_numpy())
    used, numbers = _compact(numbers, len(levels) + 2)
    return numbers, used
