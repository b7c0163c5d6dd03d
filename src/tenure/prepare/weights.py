"""The weight of each row: how much it counts in every fit and every measure, but never a feature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.errors import SourceError

_SHOWN = 5


def read_weights(series: pl.Series) -> npt.NDArray[np.float64]:
    """The weights of a column's cells, shape (n,), each a finite number >= 0; text is read as a plain number.

    Raises SourceError that names rows, counted from 1 without the header, where a cell is none, or all are 0.

    >>> read_weights(pl.Series("w", ["1", "0.5"])).tolist()
    [1.0, 0.5]
    """
    text = series.dtype == pl.String
    cells = series.str.strip_chars() if text else series
    if not (text or series.dtype.is_numeric()):
        raise SourceError(
            f"weights are numbers, and the column holds {series.dtype}",
            where=f"column {series.name!r} (data.weight)",
            todo="name a column of numbers",
        )
    found = cells.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0.0)))
    if len(bad):
        shown = ", ".join(f"row {i + 1}: {series[int(i)]!r}" for i in bad[:_SHOWN])
        more = f", and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise SourceError(
            f"{len(bad)} weight(s) are no finite number of at least 0: {shown}{more}",
            where=f"column {series.name!r} (data.weight)",
            todo="mend these cells; 0 leaves a row out",
        )
    if not np.any(found > 0.0):
        raise SourceError(
            "every weight is 0, so that no row counts",
            where=f"column {series.name!r} (data.weight)",
            todo="give some rows a weight, or take data.weight out",
        )
    return np.asarray(found, dtype=np.float64)
