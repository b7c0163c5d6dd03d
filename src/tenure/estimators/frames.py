"""Any table that Python users have, as a Polars frame whose cells the recipe reads."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from polars import selectors

NUMBERS = (int, float, np.number, np.bool_, decimal.Decimal)


def is_frame(X: Any) -> bool:
    """Whether X has named columns: pandas, Polars, or anything that speaks Arrow's C interface."""
    return isinstance(X, (pl.DataFrame, pl.LazyFrame)) or is_pandas(X) or hasattr(X, "__arrow_c_stream__")


def is_pandas(X: Any) -> bool:
    """Whether X is a pandas DataFrame; pandas is not imported for it."""
    return type(X).__module__.split(".")[0] == "pandas" and hasattr(X, "columns")


def frame_of(X: Any) -> pl.DataFrame:
    """A table with named columns as a Polars frame: NaN is null, names are text.

    Raises ValueError for an infinite number or a name that stands twice, TypeError for cells that are no values.
    """
    if isinstance(X, pl.LazyFrame):
        X = X.collect()
    if is_pandas(X):
        names = [str(name) for name in X.columns]
        _check_names(names)
        columns = [_of_pandas(name, X.iloc[:, place]) for place, name in enumerate(names)]
        return _finite(pl.DataFrame(columns))
    return _finite(X if isinstance(X, pl.DataFrame) else pl.DataFrame(X))


def frame_of_array(X: np.ndarray[Any, Any], names: Sequence[str]) -> pl.DataFrame:
    """An array of shape (n, d) as a Polars frame with these names; raises as frame_of does."""
    if X.dtype.kind in "OUSTmM":
        return _finite(
            pl.DataFrame([_of_cells(name, X[:, place].tolist()) for place, name in enumerate(names)])
        )
    numbers = X.astype(np.float32) if X.dtype == np.float16 else X
    # A copy with each column in one piece: the caller's memory may be read-only, or change later.
    return _finite(pl.DataFrame({name: np.array(numbers[:, place]) for place, name in enumerate(names)}))


def _of_pandas(name: str, column: Any) -> pl.Series:
    """One pandas column, by its cells where NumPy has no type for it; no pyarrow is needed."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        values = column.to_numpy()
        return pl.Series(name, np.array(values, dtype=np.float32 if dtype == np.float16 else dtype))
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return pl.Series(name, column.to_numpy().astype("datetime64[us]"))
    missing = column.isna().to_numpy()
    cells = [None if gap else cell for gap, cell in zip(missing, column.tolist(), strict=True)]
    return _of_cells(name, cells)


def _of_cells(name: str, cells: Sequence[Any]) -> pl.Series:
    """Python values as a column of one type: numbers, booleans, moments, or else text."""
    filled = [None if is_missing(cell) else cell for cell in cells]
    kinds = {_kind_of(cell, name) for cell in filled if cell is not None}
    if kinds <= {"boolean"}:
        return pl.Series(name, [cell if cell is None else bool(cell) for cell in filled], dtype=pl.Boolean)
    if kinds <= {"boolean", "number"}:
        return pl.Series(name, [cell if cell is None else float(cell) for cell in filled], dtype=pl.Float64)
    if kinds == {"moment"}:
        return pl.Series(name, [cell if cell is None else _moment(cell) for cell in filled])
    return pl.Series(name, [cell if cell is None else text_of(cell) for cell in filled], dtype=pl.String)


def text_of(value: Any) -> str:
    """A cell or label as the recipe would read it in a file: whole numbers without a point.

    >>> text_of(1.0), text_of("a"), text_of(True)
    ('1', 'a', 'true')
    """
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 2**53:
        return str(int(value))
    return str(value)


def is_missing(cell: Any) -> bool:
    """Whether a cell says that there is no value: None, NaN, or pandas' NA and NaT."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, NUMBERS) and bool(cell != cell)  # noqa: PLR0124 - NaN alone differs from itself


def _kind_of(cell: Any, name: str) -> str:
    if isinstance(cell, (bool, np.bool_)):
        return "boolean"
    if isinstance(cell, NUMBERS):
        return "number"
    if isinstance(cell, (datetime.date, np.datetime64)):
        return "moment"
    if isinstance(cell, (str, bytes)):
        return "text"
    raise TypeError(
        f"column {name!r}: a cell's argument must be a string, a number, a date or missing, "
        f"got {type(cell).__name__}"
    )


def _moment(cell: Any) -> datetime.datetime:
    """A date or a time, with or without a zone, as a time in UTC without one."""
    if isinstance(cell, datetime.datetime):
        return cell.astimezone(datetime.UTC).replace(tzinfo=None) if cell.tzinfo else cell
    return datetime.datetime(cell.year, cell.month, cell.day)


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"X has columns of one name: {', '.join(map(repr, twice))}; give each its own")


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with null for NaN. Raises ValueError that names a column with an infinite number."""
    floats = frame.select(selectors.float())
    if floats.width and floats.height:
        infinite = [name for name in floats.columns if floats[name].is_infinite().any()]
        if infinite:
            raise ValueError(
                f"Input X contains infinity in the column(s) {', '.join(map(repr, infinite))}: "
                "leave the cells empty, or write the number that is meant"
            )
    return frame.with_columns(selectors.float().fill_nan(None))
