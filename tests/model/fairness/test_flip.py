"""A flip changes one column, in every row, and what is computed from it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tenure.model.fairness.flip import flip_column
from tests.builders import make_recipe, make_table


def test_flips_are_those_counted_by_hand() -> None:
    raw = make_table(400)
    recipe = make_recipe(raw)
    from tenure.prepare.columns import read

    rows = read(recipe, raw.lazy()).collect()

    def scores(clean: pl.DataFrame, typed: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        p = (clean["months"].to_numpy() / 100 + 0.2 * clean["partner"].to_numpy())[:, None]
        return p, (p[:, 0] >= 0.5).astype(np.int64)

    found = flip_column(recipe, rows, "partner", scores)
    assert found is not None
    months = rows["months"].to_numpy()
    between = ((months >= 30) & (months < 50)).mean()
    assert found.flipped is not None
    assert found.flipped.value == pytest.approx(between)
    assert found.moved.value == pytest.approx(0.2)
    assert flip_column(recipe, rows.with_columns(partner=pl.lit(True)), "partner", scores) is None


def test_proxies_come_from_rows_of_the_other_group_and_own_rows_keep_theirs() -> None:
    raw = make_table(400)
    recipe = make_recipe(raw)
    from tenure.prepare.columns import read

    rows = read(recipe, raw.lazy()).collect()
    rows = rows.with_columns(months=pl.when(pl.col("partner")).then(60.0).otherwise(10.0))
    seen: list[pl.DataFrame] = []

    def scores(clean: pl.DataFrame, typed: pl.DataFrame) -> tuple[np.ndarray, None]:
        seen.append(clean)
        return clean["months"].to_numpy()[:, None], None

    found = flip_column(recipe, rows, "partner", scores, ["months"])
    assert found is not None
    assert found.flipped is None
    assert found.moved.value == pytest.approx(50.0)
    assert all(set(clean["months"]) == {60.0 if clean["partner"][0] else 10.0} for clean in seen[1:])
