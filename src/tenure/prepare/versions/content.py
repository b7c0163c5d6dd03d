"""The content hash of a table of typed values, whatever file, chunks or encoding they came in.

Two tables have one hash when they have the same columns (name and type) in the same order, and the same values in
the same rows in the same order. Order counts on purpose: the split, the folds and every sum of a training follow
it, so that equal hashes promise equal models, not only equal sets of rows.

Each column is three streams under SHA-256: where it is null, its values, and (of text) their lengths. So the hash
is streaming, does not see how the rows were cut into batches, and columns are hashed side by side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

FORMAT = "tenure-content/1"
_BATCH_ROWS = 500_000


class ContentHash:
    """Takes a table batch by batch and gives its hash.

    number: every float, as 64 bits; 0.0 and -0.0 are equal, NaN is null.  integer: every integer, as 64 bits.
    time: dates and times, microseconds since 1970-01-01 UTC.  boolean, text: as they are; a category is text.

    >>> whole, pieces = ContentHash(), ContentHash()
    >>> table = pl.DataFrame({"a": [1.5, None, -0.0], "b": ["x", "", None]})
    >>> whole.update(table)
    >>> for row in table.iter_slices(1):
    ...     pieces.update(row)
    >>> whole.hexdigest() == pieces.hexdigest()
    True
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self.n_rows = 0

    def update(self, batch: pl.DataFrame) -> None:
        """Add the next rows. Raises TypeError for a column that is no such type, or another one than before."""
        kinds = {name: _kind(name, dtype) for name, dtype in batch.schema.items()}
        if not self._columns:
            self._columns = {name: _Column(kind) for name, kind in kinds.items()}
        if kinds != {name: column.kind for name, column in self._columns.items()}:
            raise TypeError(f"a batch with the columns {kinds} does not follow one with {self._columns}")
        with ThreadPoolExecutor() as pool:
            jobs = [
                pool.submit(self._columns[name].update, batch[name], self.n_rows) for name in batch.columns
            ]
            for job in jobs:
                job.result()
        self.n_rows += batch.height

    def hexdigest(self) -> str:
        """The hash of what has come so far: 64 hexadecimal digits."""
        lines = [FORMAT, str(self.n_rows)]
        lines += [json.dumps([name, *column.digests()]) for name, column in self._columns.items()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def hash_table(table: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> str:
    """The content hash of a whole table; a lazy one is read in slices, so that it is never held whole.

    >>> hash_table(pl.DataFrame({"a": [1]})) == hash_table(pl.LazyFrame({"a": [1]}))
    True
    """
    content = ContentHash()
    for batch in _slices(table):
        content.update(batch)
    return content.hexdigest()


def version_name(content: str, recipe: str) -> str:
    """The name of a prepared dataset: 12 hexadecimal digits over its rows and how raw cells are read.

    content: the content hash of its rows with their parts.  recipe: its JSON text. Two recipes over equal rows are
    two versions, because they make two models: one may leave a column out, or read other nulls when it serves.
    """
    return hashlib.sha256(f"{content}\n{recipe}".encode()).hexdigest()[:12]


def _slices(table: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    if isinstance(table, pl.DataFrame):
        yield from table.iter_slices(_BATCH_ROWS) if table.height else [table]
    elif isinstance(table, pl.LazyFrame):
        n_rows = table.select(pl.len()).collect().item()
        for start in range(0, max(n_rows, 1), _BATCH_ROWS):
            yield table.slice(start, _BATCH_ROWS).collect()
    else:
        yield from table


@dataclass(slots=True)
class _Column:
    kind: str
    nulls: Any = field(default_factory=hashlib.sha256)
    values: Any = field(default_factory=hashlib.sha256)
    lengths: Any = field(default_factory=hashlib.sha256)

    def update(self, cells: pl.Series, offset: int) -> None:
        """Add the cells of a batch. offset: the rows before it."""
        if self.kind == "number":
            cells = cells.cast(pl.Float64).fill_nan(None)
        if cells.null_count():
            at = cells.is_null().arg_true().to_numpy().astype("<u8") + np.uint64(offset)
            self.nulls.update(at.astype("<u8"))
        if self.kind == "text":
            text = cells.cast(pl.String)
            self.lengths.update(text.str.len_bytes().fill_null(0).to_numpy().astype("<u4"))
            self.values.update(text.str.join("", ignore_nulls=True).cast(pl.Binary).item())
        else:
            self.values.update(np.ascontiguousarray(_BYTES[self.kind](cells)))

    def digests(self) -> list[str]:
        """The column's kind, and the hash of each of its streams."""
        return [self.kind, *(stream.hexdigest() for stream in (self.nulls, self.values, self.lengths))]


_BYTES: dict[str, Callable[[pl.Series], Any]] = {
    # adding 0.0 turns -0.0 into 0.0
    "number": lambda cells: (cells.fill_null(0.0).to_numpy() + 0.0).astype("<f8", copy=False),
    "integer": lambda cells: cells.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False),
    "boolean": lambda cells: cells.fill_null(False).cast(pl.UInt8).to_numpy(),
    "time": lambda cells: (
        cells.cast(pl.Datetime("us")).cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)
    ),
}


def _kind(name: str, dtype: pl.DataType) -> str:
    if dtype.is_float():
        return "number"
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return "integer"
    if dtype in (pl.Date, pl.Datetime):
        return "time"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    raise TypeError(f"column {name!r} is {dtype}, which has no content hash")
