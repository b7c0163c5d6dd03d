"""A hash of what a table holds, whatever file, chunks or version of a library it comes from."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

_SLICE = 100_000


class RowDigest:
    """SHA-256 of rows in their order; feed it a table in pieces of any size.

    Names, types, values, and which cells are null all count. A cell counts by its bytes: numbers in their own
    width, texts as UTF-8 with their lengths, nulls as zeros beside a mask.

    >>> whole, pieces, table = RowDigest(), RowDigest(), pl.DataFrame({"a": [1, None, 3], "b": ["x", "", None]})
    >>> whole.update(table)
    >>> for piece in table.iter_slices(2):
    ...     pieces.update(piece)
    >>> whole.hexdigest() == pieces.hexdigest()
    True
    """

    def __init__(self) -> None:
        self._columns: dict[str, tuple[Any, ...]] = {}
        self._rows = 0

    def update(self, frame: pl.DataFrame) -> None:
        """Add the rows of a table whose columns are those of the tables before."""
        self._rows += frame.height
        for series in frame:
            head = f"{series.name}\0{series.dtype}"
            hashes = self._columns.setdefault(head, tuple(hashlib.sha256() for _ in range(3)))
            for start in range(0, len(series), _SLICE):
                _add(series.slice(start, _SLICE), *hashes)

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        body = [f"{self._rows} rows"]
        body += [" ".join([head, *(h.hexdigest() for h in hashes)]) for head, hashes in self._columns.items()]
        return hashlib.sha256("\n".join(body).encode()).hexdigest()


def digest_rows(frame: pl.DataFrame) -> str:
    """The RowDigest of one table."""
    digest = RowDigest()
    digest.update(frame)
    return digest.hexdigest()


def _add(cells: pl.Series, values: Any, lengths: Any, nulls: Any) -> None:
    nulls.update(cells.is_null().cast(pl.UInt8).to_numpy().tobytes())
    physical = cells.cast(pl.String) if cells.dtype in (pl.Categorical, pl.Enum) else cells.to_physical()
    if physical.dtype == pl.String:
        filled = physical.fill_null("")
        lengths.update(filled.str.len_bytes().to_numpy().tobytes())
        values.update(str(filled.str.join("").item()).encode())
    elif physical.dtype == pl.Boolean:
        values.update(physical.fill_null(False).cast(pl.UInt8).to_numpy().tobytes())
    elif physical.dtype.is_numeric():
        values.update(physical.fill_null(0).to_numpy().tobytes())
    else:  # an all-null column has neither
        values.update(repr(physical.to_list()).encode() if physical.dtype != pl.Null else b"")
