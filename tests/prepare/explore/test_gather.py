"""One pass: the same sample however the rows are cut, and every repeated row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.prepare.explore import gather as module
from tenure.prepare.explore import repeats
from tenure.prepare.explore.gather import gather
from tenure.prepare.explore.kept import SUMMARY, read_kept, write_kept


def table(n: int) -> pl.DataFrame:
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {"customer_id": [f"c{i}" for i in range(n)], "x": random.integers(0, 9, n), "y": random.random(n)}
    )


def test_the_sample_does_not_depend_on_how_rows_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_ROWS", 500)
    frame = table(5000)
    whole = gather([frame], 5000)
    cut = gather([frame[:7], frame[7:1300], frame[1300:1300], frame[1300:]], 5000)
    assert whole.sample.equals(cut.sample)
    assert 400 < whole.sample.height < 600
    assert not whole.is_everything
    assert whole.head.equals(frame.head(10))
    assert whole.head.equals(cut.head)
    shares = np.histogram(whole.sample["customer_id"].str.slice(1).cast(pl.Int64), bins=5)[0]
    assert shares.min() > 60


def test_small_tables_are_kept_whole() -> None:
    frame = table(300)
    assert gather([frame], 300).is_everything


def test_repeated_rows_are_counted_with_and_without_their_names() -> None:
    frame = table(3000)
    again = pl.concat([frame, frame[:40], frame[:5].with_columns(customer_id=pl.col("customer_id") + "b")])
    found = gather([again[:1000], again[1000:]], again.height).repeats
    assert found is not None
    assert (found.n, found.apart_from, found.n_apart, found.is_exact) == (40, ("customer_id",), 45, True)


def test_repeats_of_a_long_table_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_MOST_HASHES", 4000)
    frame = table(20_000)
    again = pl.concat([frame, frame[:8000]])
    found = gather([again[i : i + 1000] for i in range(0, again.height, 1000)], again.height).repeats
    assert found is not None
    assert not found.is_exact
    assert found.n == pytest.approx(8000, rel=0.15)


def test_what_was_gathered_is_kept_and_read_again(tmp_path: Path) -> None:
    gathered = gather([table(400)], 400)
    assert read_kept(tmp_path) is None
    write_kept(tmp_path, gathered)
    again = read_kept(tmp_path)
    assert again is not None
    assert again.summary.to_dict() == gathered.summary.to_dict()
    assert again.sample.equals(gathered.sample)
    (tmp_path / SUMMARY).write_text('{"format": "tenure-summary/0"}')
    assert read_kept(tmp_path) is None
