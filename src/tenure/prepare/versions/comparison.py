"""How two prepared datasets differ in columns and rows. (How values are distributed is for monitor.drift.)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class SchemaChanges:
    """Columns of the second dataset against the first. retyped: column -> (type before, type now)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: Mapping[str, tuple[str, str]]
    reordered: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class IdChanges:
    """Rows of the second dataset against the first, told apart by an id column.

    added, removed, common: numbers of different ids.  changed: common ids with another value in a common column,
    each counted once.  moved: common ids whose rows went to another part of the split.
    examples: kind of change -> up to three ids.
    """

    added: int
    removed: int
    common: int
    changed: int
    moved: int
    examples: Mapping[str, tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return asdict(self)


def compare_schemas(before: Mapping[str, Any], now: Mapping[str, Any]) -> SchemaChanges:
    """Compare the columns of two datasets. before, now: column -> type.

    >>> compare_schemas({"a": "Float64", "b": "String"}, {"b": "Boolean", "c": "String"}).added
    ('c',)
    """
    common = [name for name in before if name in now]
    return SchemaChanges(
        added=tuple(name for name in now if name not in before),
        removed=tuple(name for name in before if name not in now),
        retyped={
            name: (str(before[name]), str(now[name]))
            for name in common
            if str(before[name]) != str(now[name])
        },
        reordered=common != [name for name in now if name in before],
    )


def compare_ids(before: pl.LazyFrame, now: pl.LazyFrame, id: str, part: str) -> IdChanges | None:
    """Compare the rows of two datasets by their id; None when an id names several rows of one of them.

    id: the column of both that names a row.  part: the column of both with the part of the split.
    """
    sides = [_keyed(frame, id, part) for frame in (before, now)]
    if any(frame.select(pl.col("id").is_duplicated().any()).collect().item() for frame in sides):
        return None
    first, second = (frame.collect_schema() for frame in (before, now))
    shared = [n for n in first if n in second and first[n] == second[n] and n not in (id, part)]
    old, new = (
        _keyed(frame, id, part, pl.struct(shared) if shared else pl.lit(0)) for frame in (before, now)
    )
    both = old.join(new, on="id", how="full", suffix="_now", coalesce=False)
    is_added, is_removed = pl.col("id").is_null(), pl.col("id_now").is_null()
    is_common = ~is_added & ~is_removed
    kinds = {
        "added": is_added,
        "removed": is_removed,
        "common": is_common,
        "changed": is_common & pl.col("cells").ne_missing(pl.col("cells_now")),
        "moved": is_common & pl.col("part").ne_missing(pl.col("part_now")),
    }
    name = pl.coalesce("id", "id_now")
    found = both.select(
        **{kind: test.sum() for kind, test in kinds.items()},
        **{f"{kind} ids": name.filter(test).sort().head(_EXAMPLES).implode() for kind, test in kinds.items()},
    ).collect()
    row = found.row(0, named=True)
    examples = {kind: tuple(row[f"{kind} ids"]) for kind in kinds if kind != "common" and row[kind]}
    return IdChanges(**{kind: int(row[kind]) for kind in kinds}, examples=examples)


def _keyed(frame: pl.LazyFrame, id: str, part: str, cells: pl.Expr | None = None) -> pl.LazyFrame:
    keyed = frame.filter(pl.col(id).is_not_null())
    id_text = pl.col(id).cast(pl.String).alias("id")
    return keyed.select(
        id_text, pl.col(part).alias("part"), *([cells.alias("cells")] if cells is not None else [])
    )
