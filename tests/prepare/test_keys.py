"""Ids that name more than one row."""

from __future__ import annotations

import polars as pl
import pytest

from tenure.prepare.keys import find_repeated_keys
from tenure.prepare.sift import sift


def test_keys_of_rows_that_differ_are_told_of_and_kept() -> None:
    found = find_repeated_keys(pl.Series("customer", [7, 7, 8, 9, 9, 9, None]))
    assert (found.n_keys, found.n_rows, found.examples, found.n_missing) == (2, 5, ("9", "7"), 1)
    told = found.warnings()
    assert "data.group" in told[0]
    assert "'9', '7'" in told[0]
    assert told[1].startswith("1 row(s) have no value")
    assert find_repeated_keys(pl.Series("customer", ["a", "b"])).warnings() == []


IDS = [f"c{i}" for i in range(40)]


@pytest.mark.parametrize(
    ("ids", "differ"),
    [
        (IDS, True),
        ([*IDS[:-1], "c0"], False),
        ([*IDS[:-1], "c0 "], False),
        ([*IDS[:-1], None], False),
        ([*IDS[:-1], ""], False),
    ],
)
def test_ids_are_known_to_differ_only_when_they_surely_do(ids: list[str | None], differ: bool) -> None:
    frame = pl.DataFrame({"id": ids, "x": [str(i * 7 % 40) for i in range(40)], "y": ["no", "yes"] * 20})
    assert sift(frame.lazy(), 40, target="y", id="id").ids_differ is differ


def test_an_id_that_only_a_dropped_duplicate_repeats_still_names_one_row() -> None:
    frame = pl.DataFrame({"id": IDS, "x": [str(i * 7 % 40) for i in range(40)], "y": ["no", "yes"] * 20})
    sifted = sift(pl.concat([frame, frame.head(3)]).lazy(), 43, target="y", id="id")
    assert (sifted.parts < 0).sum() == 3
    assert sifted.ids_differ
    assert not sift(frame.lazy(), 40, target="y").ids_differ
