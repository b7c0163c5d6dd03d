"""Bins in the raw column's words, and what they hold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tenure.model.explain.dependence import MISSING, REST, bins_of, dependence
from tenure.prepare.recipe import OTHER, ColumnRecipe

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("column", "cells", "labels"),
    [
        (ColumnRecipe("x", "integer"), [1.0, 2.0, 2.0, None], ["1", "2", MISSING]),
        (ColumnRecipe("x", "number"), [None, None], [MISSING]),
        (ColumnRecipe("x", "boolean", labels=("no", "yes")), [True, False, None], ["no", "yes", MISSING]),
        (ColumnRecipe("x", "category", levels=("b", "a")), ["a", OTHER, "b"], ["b", "a", OTHER]),
        (ColumnRecipe("x", "date"), [0, DAY], ["1970-01-01", "1970-01-02"]),
        (ColumnRecipe("x", "text"), ["ab", "abc", None], ["2 characters", "3 characters", MISSING]),
    ],
)
def test_each_kind_has_its_words(column, cells, labels):
    dtype = {"date": pl.Int64, "number": pl.Float64, "integer": pl.Float64}.get(column.kind)
    found = bins_of(column, pl.Series("x", cells, dtype=dtype))
    assert [body["label"] for body, _ in found] == labels
    assert np.sum([mask for _, mask in found], axis=0).tolist() == [1] * len(cells)


def test_many_numbers_and_many_levels_are_gathered():
    numbers = bins_of(ColumnRecipe("x", "number"), pl.Series("x", np.arange(100.0)))
    assert [mask.sum() for _, mask in numbers] == [10] * 10
    assert numbers[0][0]["label"] == "0 to 9"
    levels = tuple(f"l{i}" for i in range(15))
    words = bins_of(ColumnRecipe("x", "category", levels=levels), pl.Series("x", [*levels, OTHER]))
    assert words[-1][0]["label"] == REST
    assert words[-1][1].sum() == 6


def test_the_means_of_the_bins_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    clean = pl.DataFrame({"x": rng.normal(size=300), "g": rng.choice(["a", "b"], 300)})
    columns = [ColumnRecipe("x", "number"), ColumnRecipe("g", "category", levels=("a", "b"))]
    effects = np.column_stack([clean["x"].to_numpy(), np.where(clean["g"] == "a", 2.0, -1.0)])
    found = dependence(columns, clean, effects, "yes")
    assert [entry["column"] for entry in found] == ["g", "x"]
    assert [b["mean"] for b in found[0]["bins"]] == [2.0, -1.0]
    for entry, j in ((found[0], 1), (found[1], 0)):
        assert sum(b["rows"] for b in entry["bins"]) == 300
        mean = sum(b["rows"] * b["mean"] for b in entry["bins"]) / 300
        assert mean == pytest.approx(effects[:, j].mean())
    assert all(b["p10"] <= b["p90"] for entry in found for b in entry["bins"])


def test_columns_without_effect_are_left_out():
    assert dependence([ColumnRecipe("x", "number")], pl.DataFrame({"x": [1.0]}), np.zeros((1, 1)), None) == []
