"""The column executor of an Encoding: numpy over clean columns, the row executor's bits.

A column of few different values is encoded value by value, by the row executor itself, and the rows look theirs up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError
from tenure.release.encoding import FLOAT32_MAX, Encoding, Feature
from tenure.release.encoding_row import LOOKUP_OPS, clip_bounds, column_step, date_part, is_missing, or_nan

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class Column(Protocol):
    """A clean column, whatever holds it."""

    def codes(self) -> tuple[npt.NDArray[np.intp], Sequence[object]]:
        """For each row the position of its value among the different ones, and those."""
        ...

    def missing(self) -> npt.NDArray[np.bool_]:
        """Whether each row's value is missing."""
        ...

    def numbers(self) -> Float64:
        """Each row's number; NaN where it is missing."""
        ...

    def micros(self) -> npt.NDArray[np.int64]:
        """Each row's moment, microseconds since 1970; anything where it is missing."""
        ...


class ListColumn:
    """A column that the row executor of the recipe has cleaned."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def codes(self) -> tuple[npt.NDArray[np.intp], Sequence[object]]:
        """See Column."""
        places = {value: place for place, value in enumerate(dict.fromkeys(self._values))}
        codes = np.fromiter(map(places.__getitem__, self._values), np.intp, len(self._values))
        return codes, list(places)

    def missing(self) -> npt.NDArray[np.bool_]:
        """See Column."""
        return np.fromiter(map(is_missing, self._values), np.bool_, len(self._values))

    def numbers(self) -> Float64:
        """See Column."""
        return np.array(self._values, dtype=np.float64)  # None becomes NaN

    def micros(self) -> npt.NDArray[np.int64]:
        """See Column."""
        return np.array([0 if value is None else value for value in self._values], dtype=np.int64)


class TableEncoder:
    """An encoding made ready for tables; make it once, it may be shared by threads."""

    def __init__(self, encoding: Encoding) -> None:
        self.columns = encoding.columns
        self._n_features = len(encoding.features)
        self._steps = [
            (name, _ColumnEncoder([encoding.features[place] for place in chosen], chosen))
            for name, chosen in encoding.positions.items()
        ]

    def __call__(self, columns: Mapping[str, Column], n_rows: int) -> Float32:
        """Encode clean columns by name, shape (n_rows, n_features), C order."""
        absent = [name for name in self.columns if name not in columns]
        if absent:
            raise ReleaseError(
                f"the clean table lacks columns that the encoding reads: {', '.join(map(repr, absent))}"
            )
        result = np.empty((n_rows, self._n_features), dtype=np.float32)
        with np.errstate(over="ignore"):  # of a hinge, which float32 bounds
            for name, encode in self._steps:
                encode(columns[name], result)
        return result


class _ColumnEncoder:
    """The features of one column, and where they go."""

    def __init__(self, features: Sequence[Feature], places: Sequence[int]) -> None:
        self._places: Sequence[int] | slice = places
        if list(places) == list(range(places[0], places[0] + len(places))):
            self._places = slice(places[0], places[0] + len(places))  # numpy is quicker with a slice
        self._features = list(zip(features, places, strict=True))
        is_looked_up = any(feature.op in LOOKUP_OPS or feature.op == "text" for feature in features)
        self._step = column_step(features) if is_looked_up else None

    def __call__(self, column: Column, result: Float32) -> None:
        if self._step is not None:
            codes, values = column.codes()
            table = np.array([self._step(value) for value in values], dtype=np.float32)
            if len(table):
                result[:, self._places] = table[codes]
            return
        numbers: _Numbers | None = None
        for feature, place in self._features:
            if feature.op == "missing":
                result[:, place] = column.missing()
            elif feature.op == "date":
                result[:, place] = _date_column(column, feature)
            else:
                numbers = _Numbers(column.numbers()) if numbers is None else numbers
                result[:, place] = numbers.encoded(feature)


class _Numbers:
    """The numbers of one column, clipped once for all features that have the same bounds."""

    def __init__(self, numbers: Float64) -> None:
        self._numbers = numbers
        gaps = np.isnan(numbers)
        self._gaps = gaps if gaps.any() else None
        self._clipped: dict[tuple[float, float], Float64] = {}

    def encoded(self, feature: Feature) -> Float64:
        """A feature of the kind value or hinge."""
        found = self._clip(*clip_bounds(feature))
        if feature.op == "hinge":
            knot = float(feature.knot or 0.0)
            found = np.where(found > knot, np.minimum(found - knot, FLOAT32_MAX), 0.0)
        return found if self._gaps is None else np.where(self._gaps, or_nan(feature.fill), found)

    def _clip(self, low: float, high: float) -> Float64:
        if (low, high) not in self._clipped:
            # Not numpy.clip: at the bounds it may choose another zero than the row executor does.
            above = np.where(self._numbers > high, high, self._numbers)
            self._clipped[low, high] = np.where(self._numbers < low, low, above)
        return self._clipped[low, high]


def _date_column(column: Column, feature: Feature) -> Float64:
    parts = date_part(column.micros(), str(feature.part))
    numbers: Float64 = np.asarray(parts).astype(np.float64)
    return np.where(column.missing(), or_nan(feature.fill), numbers)
