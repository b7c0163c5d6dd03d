"""What preparation keeps of a table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.prepare import sift
from tenure.prepare.columns import clean, settle
from tenure.prepare.rows import RowCleaner
from tenure.prepare.split import PART, TRAIN
from tenure.project import Project
from tenure.project.folder import Folder


def project(root: Path, table: pl.DataFrame, keys: str = "target: y") -> Project:
    root.mkdir()
    table.write_parquet(root / "t.parquet")
    (root / "tenure.yaml").write_text(f"name: t\ndata: {{source: t.parquet, {keys}}}\n")
    return Project(Folder(root))


def messy(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    words = np.array(["north", "North ", " SOUTH", "east", "?", "unknown", "rare"], dtype=object)
    return pl.DataFrame(
        {
            "number": [f"{v:.2f}" if v > -1.5 else "n/a" for v in rng.normal(size=n)],
            "money": [f"${v:,.2f}" for v in rng.gamma(2.0, 900.0, n)],
            "word": rng.choice(words, n, p=[0.3, 0.2, 0.2, 0.2, 0.05, 0.049, 0.001]),
            "when": pl.Series(rng.integers(15_000, 19_000, n)).cast(pl.Int32).cast(pl.Date).cast(pl.String),
            "flag": rng.choice(np.array(["yes", "No", ""], dtype=object), n),
            "name": [f"person {i}" for i in range(n)],
            "y": rng.choice(np.array(["stay", "leave"], dtype=object), n, p=[0.7, 0.3]),
        }
    )


def test_kept_rows_settle_to_what_the_recipe_makes_of_the_raw_ones(tmp_path: Path):
    table = messy(3000)
    prepared = project(tmp_path / "p", table).prepare()
    assert prepared.rows.collect()["name"].to_list() == table["name"].to_list()
    settled = settle(prepared.recipe, prepared.rows).collect()
    assert settled.equals(clean(prepared.recipe, table.lazy()).collect())


def test_a_table_that_is_learned_from_a_sample_gives_the_recipe_of_all_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table = messy(6000)
    whole = project(tmp_path / "whole", table).prepare()
    monkeypatch.setattr(sift, "_FEWEST_ROWS", 1000)
    monkeypatch.setattr(sift, "_MOST_ROWS", 1000)
    sampled = project(tmp_path / "sampled", table).prepare()
    assert sampled.recipe == whole.recipe
    assert sampled.rows.collect().equals(whole.rows.collect())


def test_cells_that_cannot_be_read_are_counted_in_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sift, "_FEWEST_ROWS", 1000)
    monkeypatch.setattr(sift, "_MOST_ROWS", 1000)
    table = messy(5000)
    cells = table["number"].to_list()
    cells[7], cells[4001] = "many", "few"
    prepared = project(tmp_path / "p", table.with_columns(number=pl.Series(cells))).prepare()
    assert prepared.warnings == (
        "column 'number': 2 cell(s) are no numbers and count as missing: 'many', 'few'",
    )


def test_golden_rows_are_rows_that_the_service_takes(tmp_path: Path):
    numbers = np.random.default_rng(0).normal(size=200)
    bad = [1e200, math.inf, math.nan]
    numbers[:30] = bad * 10
    table = pl.DataFrame({"x": numbers, "y": ["a", "b"] * 100})
    prepared = project(tmp_path / "p", table).prepare()
    assert len(prepared.golden) == 20
    json.dumps(prepared.golden, allow_nan=False)
    assert not any(RowCleaner(prepared.recipe).problems(row) for row in prepared.golden)
    first = table.filter(pl.Series(prepared.parts == TRAIN))["x"].head(20).to_list()
    kept = [row["x"] for row in prepared.golden]
    assert kept == [None if value in bad or math.isnan(value) else value for value in first]


def test_parts_of_kept_rows_are_those_that_are_counted(tmp_path: Path):
    prepared = project(tmp_path / "p", messy(1000)).prepare()
    kept = prepared.rows.collect()[PART].value_counts().sort(PART)["count"].to_list()
    assert kept == list(prepared.counts().values())
