"""A clean column that Polars holds, as the column executor of an Encoding asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl


class SeriesColumn:
    """A column of a clean table."""

    def __init__(self, series: pl.Series) -> None:
        self._series = series

    def codes(self) -> tuple[npt.NDArray[np.intp], Sequence[object]]:
        """See Column; missing is the last of the different values."""
        series = self._series
        values: list[object] = series.drop_nulls().unique().to_list()
        if series.dtype == pl.Boolean:
            codes = series.cast(pl.UInt8).fill_null(2).to_numpy()
            return codes.astype(np.intp), [False, True, None]
        if not values:
            return np.zeros(len(series), dtype=np.intp), [None]
        positions = pl.Series(range(len(values)), dtype=pl.UInt32)
        coded = series.replace_strict(pl.Series(values, dtype=series.dtype), positions, default=None)
        return coded.fill_null(len(values)).to_numpy().astype(np.intp), [*values, None]

    def missing(self) -> npt.NDArray[np.bool_]:
        """See Column."""
        nulls = self._series.is_null()
        if self._series.dtype.is_float():
            nulls = nulls | self._series.is_nan().fill_null(False)
        return nulls.to_numpy()

    def numbers(self) -> npt.NDArray[np.float64]:
        """See Column."""
        return self._series.cast(pl.Float64).to_numpy()

    def micros(self) -> npt.NDArray[np.int64]:
        """See Column."""
        return self._series.cast(pl.Int64).fill_null(0).to_numpy()
