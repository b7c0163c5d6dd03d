"""Values as a database driver or a JSON reader gives them, as typed Polars columns; parts of one table made alike.

Numbers, text, truth values, dates and points in time keep their type.  Exact decimals become Float64, correctly
rounded, or Int64 where none has decimals.  What mixes kinds in one column becomes text, as a CSV file would hold it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import polars as pl

from tenure.errors import SourceError

INSTANT = pl.Datetime("us", "UTC")
LOCAL_TIME = pl.Datetime("us")
_LARGEST = 2**63 - 1
_PLAIN: dict[type, pl.DataType] = {str: pl.String(), float: pl.Float64(), bool: pl.Boolean()}


def frame_of(columns: Mapping[str, Sequence[object]], where: str) -> pl.DataFrame:
    """A table of typed columns. Raises SourceError, naming the column, for bytes."""
    return pl.DataFrame([_series(name, values, where) for name, values in columns.items()])


def common_type(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    """The type that holds the values of both.

    >>> common_type(pl.Int64(), pl.Float64()), common_type(pl.Null(), pl.Date()), common_type(pl.Date(), pl.Int64())
    (Float64, Date, String)
    """
    if other in (one, pl.Null()):
        return one
    if one == pl.Null:
        return other
    for pair, both in (
        ({pl.Int64(), pl.Float64()}, pl.Float64()),
        ({pl.Date(), LOCAL_TIME}, LOCAL_TIME),
    ):
        if {one, other} == pair:
            return both
    return pl.String()


def common_schema(schemas: Sequence[pl.Schema]) -> pl.Schema:
    """Every column of any of the parts, in the order they came, with the type that holds all its values."""
    found: dict[str, pl.DataType] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            found[name] = common_type(found[name], dtype) if name in found else dtype
    return pl.Schema(found)


def fit_to(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The rows of a part with the columns and types of the whole table."""
    return frame.select(
        _as(frame.schema[name], name, dtype)
        if name in frame.columns
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    )


def _as(found: pl.DataType, name: str, wanted: pl.DataType) -> pl.Expr:
    cell = pl.col(name)
    if found == wanted:
        return cell
    if wanted == pl.String and found.is_float():
        # 5.0 beside words is the 5 that a person wrote
        whole = cell.is_finite() & (cell.abs() < 2**53) & (cell == cell.floor())
        return (
            pl.when(whole)
            .then(cell.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(cell.cast(pl.String))
        )
    return cell.cast(wanted)


def _series(name: str, values: Sequence[object], where: str) -> pl.Series:
    parts = [_kind(name, kind, values, where) for kind in set(map(type, values)) - {type(None)}]
    if not parts:
        return pl.Series(name, values, dtype=pl.Null)
    wanted = reduce(common_type, [dtype for dtype, _ in parts])
    if len(parts) == 1:
        convert = parts[0][1]
        return pl.Series(name, convert(values) if convert else values, dtype=wanted)
    # Several kinds in one column: each is made on its own, and the first that has a value is the cell.
    frames = []
    for kind in set(map(type, values)) - {type(None)}:
        alone = [value if type(value) is kind else None for value in values]
        dtype, convert = _kind(name, kind, alone, where)
        series = pl.Series(name, convert(alone) if convert else alone, dtype=dtype)
        frames.append(series.to_frame().select(_as(dtype, name, wanted)).to_series())
    return pl.select(pl.coalesce(frames).alias(name)).to_series()


Convert = Callable[[Sequence[Any]], list[object]]


def _kind(name: str, kind: type, values: Sequence[Any], where: str) -> tuple[pl.DataType, Convert | None]:  # noqa: PLR0911 - one return a kind
    """The Polars type for values of one Python type (or None), and what makes them ready for it."""
    if kind in _PLAIN:
        return _PLAIN[kind], None
    if kind is int:
        return _integers(values)
    if issubclass(kind, Decimal):
        return _decimals(values)
    if issubclass(kind, datetime):
        return _datetimes(values)
    if issubclass(kind, date):
        return pl.Date(), None
    if issubclass(kind, time):
        return pl.String(), _each(time.isoformat)
    if issubclass(kind, timedelta):
        return pl.Float64(), _each(timedelta.total_seconds)
    if issubclass(kind, (list, dict, tuple)):
        return pl.String(), _each(lambda value: json.dumps(value, ensure_ascii=False, default=str))
    if issubclass(kind, (bytes, bytearray, memoryview)):
        return _bits(name, values, where)
    if issubclass(kind, (int, str, UUID)):
        return pl.String(), _each(str)
    raise SourceError(
        f"column {name!r} holds values of type {kind.__name__}, which are not known",
        where=where,
        todo="cast it to a number or to text in data.query",
    )


def _integers(values: Sequence[Any]) -> tuple[pl.DataType, Convert | None]:
    held = [value for value in values if type(value) is int]
    if max(held) <= _LARGEST and min(held) >= -_LARGEST - 1:
        return pl.Int64(), None
    return pl.String(), _each(str)


def _each(function: Callable[[Any], object]) -> Convert:
    return lambda values: [None if value is None else function(value) for value in values]


def _decimals(values: Sequence[Any]) -> tuple[pl.DataType, Convert]:
    exponents = [v.as_tuple().exponent for v in values if isinstance(v, Decimal)]
    whole = all(isinstance(exponent, int) and exponent >= 0 for exponent in exponents)
    if not whole:
        return pl.Float64(), _each(float)
    if all(abs(value) <= _LARGEST for value in values if isinstance(value, Decimal)):
        return pl.Int64(), _each(int)
    return pl.String(), _each(lambda value: str(int(value)))


def _datetimes(values: Sequence[Any]) -> tuple[pl.DataType, Convert | None]:
    aware = [value.tzinfo is not None for value in values if isinstance(value, datetime)]
    if not any(aware):
        return LOCAL_TIME, None
    if all(aware):
        return INSTANT, _each(lambda value: value.astimezone(UTC))
    return pl.String(), _each(datetime.isoformat)


def _bits(name: str, values: Sequence[Any], where: str) -> tuple[pl.DataType, Convert]:
    """MySQL sends a BIT(1) as one byte; other bytes are no cells."""
    if any(bytes(value) not in (b"\0", b"\1") for value in values if value is not None):
        raise SourceError(
            f"column {name!r} holds bytes, which are no values to learn from",
            where=where,
            todo="leave it out of data.query, or cast it there",
        )
    return pl.Boolean(), _each(lambda value: bytes(value) == b"\1")
