"""Equal rows are mistakes when chance does not explain them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.prepare.duplicates import WHOLE, Duplicates, halve
from tenure.prepare.duplicates import find_duplicates as find_by_hashes
from tenure.prepare.row_hashes import RowHashes

RANDOM = np.random.default_rng(0)


def find_duplicates(frame: pl.DataFrame, id: str | None = None) -> Duplicates:
    with RowHashes([WHOLE]) as hashes:
        hashes.add(halve(frame, id).hashes(frame))
        return find_by_hashes(hashes, frame, id)


def test_rows_recorded_twice_are_found() -> None:
    frame = pl.DataFrame({f"x{i}": RANDOM.normal(size=500).round(3).astype(str) for i in range(5)})
    twice = pl.concat([frame, frame[:7]])
    found = find_duplicates(twice)
    assert (found.n_repeats, found.are_mistakes, int(found.keep.sum())) == (7, True, 500)
    assert found.keep[:500].all()
    assert not find_duplicates(frame).are_mistakes


def test_a_small_table_of_few_levels_repeats_by_chance() -> None:
    frame = pl.DataFrame({f"x{i}": RANDOM.integers(0, 3, 500).astype(str) for i in range(4)})
    found = find_duplicates(frame)
    assert found.n_repeats > 300
    assert not found.are_mistakes
    assert found.keep.all()


def test_an_identifier_that_repeats_decides() -> None:
    frame = pl.DataFrame({"id": [*map(str, range(50)), "7"], "x": ["a"] * 51})
    assert find_duplicates(frame, id="id").n_repeats == 1
    assert find_duplicates(frame).are_mistakes
