"""The sample as numbers: what each kind of column is for counting and correlating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.recipe import OTHER, ColumnRecipe

NUMERIC = ("number", "integer", "date")
# So many levels stand on their own, the rest is one.
MOST_LEVELS = 20


@dataclass(frozen=True)
class Cells:
    """One column of the sample, [n] rows.

    values: numbers (dates: microseconds), NaN where missing; None for other kinds.
    codes: position in labels, -1 where missing; None for other kinds.
    """

    name: str
    kind: str
    is_missing: npt.NDArray[np.bool_]
    values: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.int64] | None = None
    labels: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.is_missing)


def cells_of(column: ColumnRecipe, series: pl.Series) -> Cells:
    """series: the column's cells as they are read (see expressions.read_cell)."""
    is_missing = series.is_null().to_numpy()
    if column.kind in NUMERIC:
        values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)
        return Cells(column.name, column.kind, is_missing | np.isnan(values), values)
    if column.kind == "boolean":
        codes = series.cast(pl.Int64).fill_null(-1).to_numpy().astype(np.int64)
        return Cells(
            column.name, column.kind, is_missing, codes=codes, labels=column.labels or ("false", "true")
        )
    if column.kind == "category":
        codes, labels = _levels(series)
        return Cells(column.name, column.kind, is_missing, codes=codes, labels=labels)
    return Cells(column.name, column.kind, is_missing)


def _levels(series: pl.Series) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Codes of the most frequent levels, the most frequent first; those beyond MOST_LEVELS are OTHER."""
    counts = (
        series.rename("level")
        .drop_nulls()
        .value_counts(name="n")
        .sort("n", "level", descending=[True, False])
    )
    levels = [level for level in counts["level"].to_list() if level != OTHER]
    is_other = counts.height > len(levels) or len(levels) > MOST_LEVELS
    named = levels[: MOST_LEVELS - 1] if is_other else levels
    codes = (
        series.replace_strict(named, list(range(len(named))), default=len(named), return_dtype=pl.Int64)
        if named
        else pl.Series(np.zeros(len(series), dtype=np.int64))
    )
    codes = pl.select(pl.when(series.is_null()).then(-1).otherwise(codes)).to_series()
    labels = tuple(named) + ((OTHER,) if is_other else ())
    return codes.cast(pl.Int64).to_numpy().astype(np.int64), labels
