"""Columns as the Open Inference Protocol sends them: named tensors, as JSON or as bytes behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tenure.serve.limits import Refused

# Little-endian, as the protocol's binary extension says; BYTES are texts, each behind its length.
_BINARY = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
DATATYPES = (*_BINARY, "BYTES")
_LENGTH_BYTES = 4


def read_rows(inputs: Any, behind: bytes, max_rows: int) -> list[dict[str, Any]]:
    """Return one row for each place of the tensors, an input being a column.

    behind: the bytes after the JSON part of the request, for inputs that name a binary_data_size.
    Raises Refused (400) that names the input which is no column of one value a row.
    """
    if type(inputs) is not list or not inputs:
        raise Refused(400, "inputs must be a list with one tensor for each column")
    columns: dict[str, list[Any]] = {}
    at = 0
    for place, tensor in enumerate(inputs):
        name, values, used = _read_tensor(tensor, place, behind[at:], max_rows)
        if name in columns:
            raise Refused(400, f"the input {name!r} is there twice")
        columns[name] = values
        at += used
    if at != len(behind):
        raise Refused(400, f"{len(behind) - at} bytes behind the JSON part belong to no input")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise Refused(400, f"inputs must have as many rows as one another, and have {lengths}")
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _read_tensor(tensor: Any, place: int, behind: bytes, max_rows: int) -> tuple[str, list[Any], int]:
    """The name and values of an input, and how many bytes behind the JSON part are its own."""
    if type(tensor) is not dict or type(tensor.get("name")) is not str:
        raise Refused(400, f"input {place} must be an object with name, shape, datatype and data")
    name, datatype = tensor["name"], tensor.get("datatype")
    if datatype not in DATATYPES:
        raise Refused(
            400, f"the datatype of input {name!r} is {datatype!r}, not one of {', '.join(DATATYPES)}"
        )
    n_rows = _n_rows(name, tensor.get("shape"))
    if n_rows > max_rows:
        raise Refused(
            400, f"{n_rows:,} rows are more than {max_rows:,}", todo="send them in several requests"
        )
    size = _of(tensor, "parameters", dict).get("binary_data_size")
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(behind):
            raise Refused(
                400, f"binary_data_size of input {name!r} is {size}, and {len(behind)} bytes are left"
            )
        values = _from_bytes(name, datatype, behind[:size])
    else:
        values = _flat(_of(tensor, "data", list))
        _check_values(name, datatype, values)
    if len(values) != n_rows:
        raise Refused(400, f"input {name!r} has {len(values)} values, and its shape says {n_rows}")
    return name, values, size or 0


def _of(tensor: Mapping[str, Any], key: str, kind: type) -> Any:
    value = tensor.get(key)
    if value is None and kind is dict:
        return {}
    if type(value) is not kind:
        raise Refused(400, f"{key} of input {tensor['name']!r} must be {_CALLED[kind]}")
    return value


_CALLED: dict[type, str] = {dict: "an object", list: "a list"}


def _n_rows(name: str, shape: Any) -> int:
    ok = type(shape) is list and all(type(n) is int and n >= 0 for n in shape)
    if not ok or shape[1:] not in ([], [1]) or not shape:
        raise Refused(
            400, f"the shape of input {name!r} is {shape}; an input is a column, of shape [rows] or [rows, 1]"
        )
    return int(shape[0])


def _flat(data: list[Any]) -> list[Any]:
    """[[1], [2]] is the column [1, 2], too."""
    if data and all(type(row) is list and len(row) == 1 for row in data):
        return [row[0] for row in data]
    return data


def _check_values(name: str, datatype: str, values: Sequence[Any]) -> None:
    """Refuse a value that is not of the datatype; null is a missing one."""
    fits = _FITS[datatype]
    for row, value in enumerate(values):
        if value is not None and not fits(value):
            raise Refused(400, f"input {name!r} is {datatype}, and row {row} of it is {value!r:.80}")


def _whole_between(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


_FITS: dict[str, Callable[[Any], bool]] = {
    "BOOL": lambda value: type(value) is bool,
    "BYTES": lambda value: type(value) is str,
    **{
        f"{sign}INT{bits}": _whole_between(0, 2**bits - 1)
        if sign
        else _whole_between(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": lambda value: type(value) in (int, float) for bits in (16, 32, 64)},
}


def _from_bytes(name: str, datatype: str, data: bytes) -> list[Any]:
    if datatype == "BYTES":
        return _texts(name, data)
    kind = np.dtype(_BINARY[datatype])
    if len(data) % kind.itemsize:
        raise Refused(400, f"{len(data)} bytes of input {name!r} are no whole number of {datatype}")
    values = np.frombuffer(data, dtype=kind).tolist()
    if kind.kind == "f":
        return [None if math.isnan(value) else value for value in values]
    return list(values)


def _texts(name: str, data: bytes) -> list[str]:
    found, at = [], 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        end = start + int.from_bytes(data[at:start], "little")
        if start > len(data) or end > len(data):
            raise Refused(400, f"the texts of input {name!r} are cut off at byte {at}")
        try:
            found.append(data[start:end].decode())
        except UnicodeDecodeError as error:
            raise Refused(400, f"text {len(found)} of input {name!r} is not UTF-8: {error.reason}") from None
        at = end
    return found


def write_tensor(name: str, datatype: str, rows: Sequence[Any], width: int | None = None) -> dict[str, Any]:
    """An output, as JSON. width: values a row, which then stand one row after the other; None for one."""
    shape = [len(rows)] if width is None else [len(rows), width]
    data = list(rows) if width is None else [value for row in rows for value in row]
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}
