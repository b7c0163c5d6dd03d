"""Work on the different texts of a column instead of on all of its cells: words repeat, and their patterns are slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

# Texts that are kept for the next batch, a column; with more of them a look into the table costs what it saves.
_MOST_KNOWN = 50_000
# Cells that tell whether looking for equal ones is worth while.
_FEW = 2_000


def by_distinct(cell: pl.Expr, make: Callable[[pl.Expr], pl.Expr], dtype: type[pl.DataType]) -> pl.Expr:
    """make(cell), worked out once for each different text, over all the batches that the expression is used for.

    make: elementwise; of null it makes null.  dtype: of what it makes.
    """
    return cell.map_batches(_Remembered(make, dtype), return_dtype=dtype, is_elementwise=True)


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known: texts, all different, as the type that numbers them, and what each becomes."""

    texts: pl.Series
    type: pl.Enum
    values: pl.Series

    def codes(self, cells: pl.Series) -> pl.Series:
        """The place of each text in the table; null where it is not there."""
        return cells.cast(self.type, strict=False)


class _Remembered:
    """A function of cells that keeps what it has worked out.

    Threads may share it: a table is replaced whole, so that at worst one works out what another did.
    """

    def __init__(self, make: Callable[[pl.Expr], pl.Expr], dtype: type[pl.DataType]) -> None:
        self._make = make
        self._table = _Table(pl.Series(dtype=pl.String), pl.Enum([]), pl.Series(dtype=dtype))

    def __call__(self, cells: pl.Series) -> pl.Series:
        table = self._table
        codes = table.codes(cells)
        if codes.null_count() > cells.null_count():
            unknown = cells.filter(codes.is_null() & cells.is_not_null())
            if _mostly_differ(unknown):
                return self._whole(cells)
            fresh = unknown.unique()
            if len(table.texts) + len(fresh) > _MOST_KNOWN:
                table = _Table(pl.Series(dtype=pl.String), pl.Enum([]), table.values.clear())
                fresh = cells.drop_nulls().unique()
            table = self._grown(table, fresh)
            codes = table.codes(cells)
            if len(table.texts) <= _MOST_KNOWN:
                self._table = table
        return table.values.gather(codes.to_physical()).alias(cells.name)

    def _grown(self, table: _Table, fresh: pl.Series) -> _Table:
        texts = pl.concat((table.texts, fresh.alias("")))
        return _Table(texts, pl.Enum(texts), pl.concat((table.values, self._whole(fresh.alias("")))))

    def _whole(self, cells: pl.Series) -> pl.Series:
        return cells.to_frame("cell").select(self._make(pl.col("cell")).alias(cells.name)).to_series()


def _mostly_differ(cells: pl.Series) -> bool:
    """Whether fewer than two cells, on average, share a text: guessed from how many of a few are equal."""
    few = cells.gather_every(max(1, len(cells) // _FEW))
    n_equal = len(few) - few.n_unique()
    # Of n different texts, m cells drawn at random repeat about m * m / 2n times.
    return len(cells) > _FEW and len(few) ** 2 > n_equal * len(cells)
