"""Associations against independent implementations, with cells missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

from tenure.prepare.explore.associations import Associations, pairwise_correlations
from tenure.prepare.explore.cells import Cells, cells_of
from tenure.prepare.recipe import ColumnRecipe

RANDOM = np.random.default_rng(0)


def numbers(name: str, values: np.ndarray) -> Cells:
    return cells_of(ColumnRecipe(name, "number"), pl.Series(name, values).fill_nan(None))


def words(name: str, values: list[str | None]) -> Cells:
    return cells_of(ColumnRecipe(name, "category"), pl.Series(name, values, dtype=pl.String))


def test_pairwise_correlations_leave_out_what_is_missing() -> None:
    table = RANDOM.normal(size=(500, 4)) @ RANDOM.normal(size=(4, 4)) * [1.0, 1e30, 1e-20, 1.0] + [
        1e6,
        0,
        0,
        5,
    ]
    table[RANDOM.random((500, 4)) < 0.2] = np.nan
    counts, found = pairwise_correlations(table)
    for i in range(4):
        for j in range(4):
            both = ~np.isnan(table[:, [i, j]]).any(axis=1)
            assert counts[i, j] == both.sum()
            assert found[i, j] == pytest.approx(np.corrcoef(table[both, i], table[both, j])[0, 1], abs=1e-7)


def test_measures_fit_the_kinds() -> None:
    x = RANDOM.normal(size=800)
    group = np.digitize(x + RANDOM.normal(size=800), [-0.5, 0.5])
    measured = Associations(
        [
            numbers("x", x),
            numbers("y", np.exp(x)),
            words("g", [f"g{k}" for k in group]),
            words("h", ["ab"[k % 2] for k in group]),
        ]
    )
    by_pair = {(pair.first, pair.second): pair for pair in measured.pairs(["x", "y", "g", "h"])}
    assert by_pair["x", "y"].measure == "Spearman"
    assert by_pair["x", "y"].strength.value == pytest.approx(1.0)
    assert by_pair["x", "y"].pearson == pytest.approx(scipy.stats.pearsonr(x, np.exp(x)).statistic)
    assert by_pair["x", "g"].measure == "correlation ratio"
    assert 0.5 < by_pair["x", "g"].strength.low < by_pair["x", "g"].strength.high < 1.0
    assert by_pair["g", "h"].measure == "Cramér's V"
    assert len(by_pair) == 6


def test_columns_that_do_not_vary_are_left_out() -> None:
    measured = Associations(
        [
            numbers("c", np.ones(50)),
            words("n", [None] * 50),
            numbers("x", np.arange(50.0)),
            numbers("e", np.full(50, np.nan)),
        ]
    )
    assert measured.pairs(["c", "n", "x", "e"]) == []
    assert "x" in measured
    assert "c" not in measured


def test_rare_levels_are_joined() -> None:
    cells = words("w", [f"w{k}" for k in range(200)] + ["often"] * 50)
    assert len(cells.labels) == 20
    assert cells.labels[0] == "often"
    assert cells.labels[-1] == "(other)"
    assert cells.codes is not None
    assert np.bincount(cells.codes).sum() == 250


def test_ranks_where_another_column_has_gaps_are_ranks_of_what_is_left() -> None:
    values = np.round(RANDOM.normal(size=300), 1)
    letters = np.where(values + RANDOM.normal(size=300) > 0, "a", "b")
    gaps = RANDOM.random(300) < 0.3
    some = [None if gap else str(letter) for gap, letter in zip(gaps, letters, strict=True)]
    whole = Associations([numbers("x", values), words("w", some)]).between("x", "w")
    part = Associations([numbers("x", values[~gaps]), words("w", list(letters[~gaps]))]).between("x", "w")
    assert whole.strength.value == pytest.approx(part.strength.value, abs=1e-12)
    assert whole.n == part.n
