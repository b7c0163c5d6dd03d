"""Decision thresholds that depend on the group a row belongs to: the same ones for a row and for a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure.records import CellProblem
from tenure.release.groups import MISSING, TOGETHER, GroupColumn

if TYPE_CHECKING:
    import polars as pl

Float64 = npt.NDArray[np.float64]
Thresholds = float | Float64
"""One for all rows, or one a row, shape (n,)."""
NO_THRESHOLD = "must be a group with a threshold of its own; the common threshold decided"
"""The rule of a warning: the group is missing, or none that a threshold was chosen for."""


@dataclass(frozen=True, slots=True)
class GroupThresholds:
    """From which probability on the positive class is decided, by group.

    columns: by which rows are grouped.  by_group: group -> threshold; of several columns the key is that of their
    intersection. A row whose group is missing or is not named here gets the common threshold.

    >>> GroupThresholds((GroupColumn("sex"),), {"f": 0.4}).of_keys([("f",), ("m",), ("(missing)",)], 0.5).tolist()
    [0.4, 0.5, 0.5]
    """

    columns: tuple[GroupColumn, ...]
    by_group: Mapping[str, float]

    def of_key(self, key: Sequence[str], common: float) -> float:
        """The threshold of one row. key: its group in each of the columns."""
        return common if MISSING in key else self.by_group.get(TOGETHER.join(key), common)

    def of_keys(self, keys: Sequence[Sequence[str]], common: float) -> Float64:
        """The thresholds of rows, shape (n,)."""
        return np.array([self.of_key(key, common) for key in keys], dtype=np.float64)

    def of_row(self, feature: Callable[[str], object], row: Mapping[str, object], common: float) -> float:
        """The threshold of one raw row. feature: name -> clean value."""
        return self.of_key(self._key_of_row(feature, row), common)

    def of_table(self, features: pl.DataFrame, beside: pl.DataFrame | None, common: float) -> Float64:
        """The thresholds of a table, shape (n,). features: clean.  beside: cells of columns that are no features."""
        return self.of_keys(self._keys_of_table(features, beside), common)

    def doubts_of_row(
        self, feature: Callable[[str], object], row: Mapping[str, object]
    ) -> tuple[CellProblem, ...]:
        """What an answer tells where the common threshold decides a row; () where its group has one of its own."""
        return self._doubts(self._key_of_row(feature, row))

    def doubts_of_table(self, features: pl.DataFrame, beside: pl.DataFrame | None) -> Counter[CellProblem]:
        """The same of a table: each doubt, and of how many rows."""
        doubts: Counter[CellProblem] = Counter()
        for key, n in Counter(self._keys_of_table(features, beside)).items():
            doubts.update(dict.fromkeys(self._doubts(key), n))
        return doubts

    @property
    def named(self) -> str:
        """The columns by which rows are grouped, as a doubt names them."""
        return ", ".join(column.name for column in self.columns)

    def _doubts(self, key: Sequence[str]) -> tuple[CellProblem, ...]:
        group = TOGETHER.join(key)
        if MISSING not in key and group in self.by_group:
            return ()
        return (CellProblem(0, self.named, NO_THRESHOLD, group),)

    def _key_of_row(self, feature: Callable[[str], object], row: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(
            c.key(feature(c.name)) if c.raw is None else c.key_of_raw(row.get(c.name)) for c in self.columns
        )

    def _keys_of_table(self, features: pl.DataFrame, beside: pl.DataFrame | None) -> list[tuple[str, ...]]:
        keys = [keys_in(column, features, beside) for column in self.columns]
        return list(zip(*keys, strict=True))

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns that a row needs for its decision alone: no feature is made of them."""
        return tuple(column.name for column in self.columns if column.raw is not None)

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {"columns": [column.to_json() for column in self.columns], "thresholds": dict(self.by_group)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GroupThresholds:
        """Read what to_json wrote."""
        return cls(tuple(map(GroupColumn.from_json, data["columns"])), dict(data["thresholds"]))


def keys_in(column: GroupColumn, features: pl.DataFrame, beside: pl.DataFrame | None) -> list[str]:
    """The group of each row in one column; where the column is absent, every row's is missing."""
    table, key = (features, column.key) if column.raw is None else (beside, column.key_of_raw)
    if table is None or column.name not in table.columns:
        return [MISSING] * features.height
    cells = table[column.name]
    if cells.dtype.is_nested():
        return [key(value) for value in cells.to_list()]
    cells = cells.fill_nan(None) if cells.dtype.is_float() else cells
    known = {value: key(value) for value in cells.unique().to_list()}
    return [known[value] for value in cells.to_list()]
