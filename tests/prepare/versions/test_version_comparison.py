"""How two prepared datasets differ."""

from __future__ import annotations

import polars as pl

from tenure.prepare.versions import compare_ids, compare_schemas

BEFORE = pl.LazyFrame({"id": ["a", "b", "c", "d"], "x": [1.0, 2.0, None, 4.0], "part": [0, 0, 1, 2]})


def test_columns() -> None:
    found = compare_schemas(
        {"a": pl.Float64, "b": pl.String, "c": pl.Int8}, {"c": pl.Int8, "b": pl.Boolean, "d": pl.Int8}
    )
    assert (found.added, found.removed, found.reordered) == (("d",), ("a",), True)
    assert found.retyped == {"b": ("String", "Boolean")}


def test_the_same_rows() -> None:
    found = compare_ids(BEFORE, BEFORE, "id", "part")
    assert found is not None
    assert (found.added, found.removed, found.common, found.changed, found.moved) == (0, 0, 4, 0, 0)


def test_rows_that_came_went_and_changed() -> None:
    now = pl.LazyFrame(
        {"id": ["e", "d", "c", "b"], "x": [9.0, 4.0, 3.0, 2.0], "part": [0, 0, 1, 0], "new": [1] * 4}
    )
    found = compare_ids(BEFORE, now, "id", "part")
    assert found is not None
    assert (found.added, found.removed, found.common, found.changed, found.moved) == (1, 1, 3, 1, 1)
    assert found.examples == {"added": ("e",), "removed": ("a",), "changed": ("c",), "moved": ("d",)}


def test_ids_that_repeat_tell_nothing() -> None:
    assert compare_ids(BEFORE, pl.concat([BEFORE, BEFORE]), "id", "part") is None
