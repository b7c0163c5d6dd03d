"""Hashes of rows in buckets: what repeats is found wherever it stands, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.prepare import row_hashes
from tenure.prepare.row_hashes import RowHashes


def kept(values: np.ndarray, folder: Path | None = None, step: int = 1000) -> RowHashes:
    hashes = RowHashes(["all"], folder)
    for start in range(0, len(values), step):
        hashes.add(pl.DataFrame({"all": values[start : start + step]}))
    return hashes


@given(st.lists(st.sampled_from([0, 1, 2**63, 2**64 - 1, 2**60, 2**59]), max_size=30), st.integers(1, 7))
def test_rows_that_repeat_an_earlier_one_are_found(cells: list[int], step: int) -> None:
    values = np.array(cells, dtype=np.uint64)
    with kept(values, step=step) as hashes:
        assert sorted(hashes.repeats("all")) == [i for i in range(len(cells)) if cells[i] in cells[:i]]
        assert hashes.n_rows == len(cells)


def test_buckets_on_disk_hold_every_row_once_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_hashes, "_IN_MEMORY", 64)
    values = np.random.default_rng(0).integers(0, 2**64, 5000, dtype=np.uint64)
    with kept(values, tmp_path) as hashes:
        found = hashes.each_bucket("all", lambda own, rows: (own, rows))
        rows = np.concatenate([rows for _, rows in found])
        assert np.array_equal(np.sort(rows), np.arange(5000))
        assert all(np.array_equal(values[rows], own) and (np.diff(rows) > 0).all() for own, rows in found)
        chosen = np.array([3, 4, 999, 1000, 4999])
        assert hashes.of(chosen, ["all"])["all"].to_list() == values[chosen].tolist()
        assert not list(tmp_path.iterdir())  # without a name, a killed process leaves nothing either
    assert not list(tmp_path.iterdir())
