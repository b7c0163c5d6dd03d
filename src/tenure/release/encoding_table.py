"""The column executor of an Encoding: numpy and Polars over clean columns, the row executor's bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.errors import ReleaseError
from tenure.release.encoding import FLOAT32_MAX, Encoding, Feature
from tenure.release.encoding_row import LOOKUP_OPS, clip_bounds, date_part, or_nan, scalar

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def encode_columns(encoding: Encoding, clean: pl.DataFrame) -> Float32:
    """Encode a table of clean columns, shape (n_rows, n_features), C order."""
    there = set(clean.columns)
    absent = [column for column in encoding.columns if column not in there]
    if absent:
        raise ReleaseError(
            f"the clean table lacks columns that the encoding reads: {', '.join(map(repr, absent))}"
        )
    result = np.empty((clean.height, len(encoding.features)), dtype=np.float32)
    for column, chosen in encoding.positions.items():
        _encode_column(clean.get_column(column), [encoding.features[i] for i in chosen], chosen, result)
    return result


def _encode_column(
    series: pl.Series, features: Sequence[Feature], targets: Sequence[int], result: Float32
) -> None:
    looked_up = [
        (f, t) for f, t in zip(features, targets, strict=True) if f.op in LOOKUP_OPS or f.op == "text"
    ]
    if looked_up:
        codes, values = _codes(series)
        for feature, target in looked_up:
            compute = scalar(feature)
            table = np.array([compute(value) for value in values], dtype=np.float32)
            result[:, target] = table[codes]
    numbers: Float64 | None = None
    for feature, target in zip(features, targets, strict=True):
        if feature.op == "missing":
            result[:, target] = _is_missing(series)
        elif feature.op == "date":
            result[:, target] = _date_column(series, feature)
        elif feature.op in ("value", "hinge"):
            numbers = series.cast(pl.Float64).to_numpy() if numbers is None else numbers
            result[:, target] = _number_column(numbers, feature)


def _codes(series: pl.Series) -> tuple[npt.NDArray[np.intp], list[object]]:
    """Distinct values (None last) and, for each row, the position of its value among them."""
    values: list[object] = series.drop_nulls().unique().to_list()
    if series.dtype == pl.Boolean:
        codes = series.cast(pl.UInt8).fill_null(2).to_numpy()
        return codes.astype(np.intp), [False, True, None]
    if not values:
        return np.zeros(len(series), dtype=np.intp), [None]
    positions = pl.Series(range(len(values)), dtype=pl.UInt32)
    coded = series.replace_strict(pl.Series(values, dtype=series.dtype), positions, default=None)
    return coded.fill_null(len(values)).to_numpy().astype(np.intp), [*values, None]


def _is_missing(series: pl.Series) -> npt.NDArray[np.bool_]:
    nulls = series.is_null()
    if series.dtype.is_float():
        nulls = nulls | series.is_nan().fill_null(False)
    return nulls.to_numpy()


def _number_column(numbers: Float64, feature: Feature) -> Float64:
    low, high = clip_bounds(feature)
    # Not numpy.clip: at the bounds it may choose another zero than the row executor does.
    clipped = np.where(numbers < low, low, np.where(numbers > high, high, numbers))
    if feature.op == "hinge":
        knot = float(feature.knot or 0.0)
        with np.errstate(over="ignore"):
            above = np.minimum(clipped - knot, FLOAT32_MAX)
        clipped = np.where(clipped > knot, above, 0.0)
    return np.where(np.isnan(numbers), or_nan(feature.fill), clipped)


def _date_column(series: pl.Series, feature: Feature) -> Float64:
    microseconds = series.cast(pl.Int64)
    parts = date_part(microseconds.fill_null(0).to_numpy(), str(feature.part))
    numbers: Float64 = np.asarray(parts).astype(np.float64)
    return np.where(microseconds.is_null().to_numpy(), or_nan(feature.fill), numbers)
