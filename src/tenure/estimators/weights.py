"""Sample weights as scikit-learn means them: a weight of two is the row given twice, and of zero the row left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.utils.validation import _check_sample_weight

Float64 = npt.NDArray[np.float64]

MOST_COPIES = 10
"""Whole weights are counts of copies while these make at most so many times the rows; else they multiply losses."""


@dataclass(frozen=True)
class Counted:
    """The rows that count. y: shape (n,).  weight: shape (n,), > 0; None: all the same.

    copies: shape (n,), equal numbers for rows that are copies of one; None where there are no copies.
    """

    frame: pl.DataFrame
    y: npt.NDArray[Any]
    weight: Float64 | None = None
    copies: npt.NDArray[np.int64] | None = None


def count_rows(frame: pl.DataFrame, y: npt.NDArray[Any], sample_weight: Any) -> Counted:
    """The rows that count, by their weights. Raises ValueError for weights that are none, or all 0.

    Copies of a row, given or made by a whole weight, never straddle two folds: else a model is praised for knowing
    rows by heart. Where there are any, the rows are put into an order of their own, so that it makes no difference
    whether a row was given twice or has a weight of two, and in which place.
    """
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, frame, dtype=np.float64, ensure_non_negative=True)
        kept = np.flatnonzero(weight > 0)
        frame, y, weight = frame[kept], y[kept], weight[kept]
        if np.ptp(weight) == 0 and weight[0] == 1.0:
            weight = None
    whole = weight is None or bool(
        np.all(weight == np.round(weight)) and weight.sum() <= MOST_COPIES * len(y)
    )
    if not whole:
        return Counted(frame, y, weight)
    if weight is not None:
        times = np.repeat(np.arange(len(y)), weight.astype(np.int64))
        frame, y = frame[times], y[times]
    return _ordered(frame, y) if weight is not None or _has_copies(frame, y) else Counted(frame, y)


def _keys(frame: pl.DataFrame, y: npt.NDArray[Any]) -> pl.DataFrame:
    """Cells and outcome of each row, under names of their own; the outcome by its place among all."""
    _, outcome = np.unique(y, return_inverse=True)
    cells = [
        # levels as text: their numbers hang on the order in which they came
        (column.cast(pl.String) if isinstance(column.dtype, (pl.Categorical, pl.Enum)) else column).alias(
            str(place)
        )
        for place, column in enumerate(frame.get_columns())
    ]
    return pl.DataFrame([*cells, pl.Series("y", outcome.reshape(-1))])


def _has_copies(frame: pl.DataFrame, y: npt.NDArray[Any]) -> bool:
    return bool(_keys(frame, y).is_duplicated().any())


def _ordered(frame: pl.DataFrame, y: npt.NDArray[Any]) -> Counted:
    """The rows in an order that hangs on what they hold alone, and which of them are copies."""
    keys = _keys(frame, y)
    ranked = keys.with_row_index("row").sort([*keys.columns, "row"], nulls_last=False)
    # sorted rows would make every head of them a corner of the table
    mixed = ranked[np.random.default_rng(0).permutation(len(y))]
    copies = (
        ranked.select(pl.struct(keys.columns).rle_id().alias("copy"), "row").sort("row")["copy"].to_numpy()
    )
    order = mixed["row"].to_numpy()
    return Counted(frame[order], y[order], None, copies[order].astype(np.int64))
