"""Ids that name more than one row."""

from __future__ import annotations

import polars as pl

from tenure.prepare.keys import find_repeated_keys


def test_keys_of_rows_that_differ_are_told_of_and_kept() -> None:
    found = find_repeated_keys(pl.Series("customer", [7, 7, 8, 9, 9, 9, None]))
    assert (found.n_keys, found.n_rows, found.examples, found.n_missing) == (2, 5, ("9", "7"), 1)
    told = found.warnings()
    assert "data.group" in told[0]
    assert "'9', '7'" in told[0]
    assert told[1].startswith("1 row(s) have no value")
    assert find_repeated_keys(pl.Series("customer", ["a", "b"])).warnings() == []
