"""Rows that give one another away are found, and rows that are alike by chance are left alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl

from tenure.prepare.columns import read
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.near_duplicates import find_near_duplicates


def measures(n: int = 400, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "amount": random.normal(size=n).round(4),
            "months": random.integers(0, 72, n).astype(float),
            "city": random.choice(["Bern", "Basel", "Genf"], n),
            "flag": random.random(n) < 0.5,
            "share": random.random(n).round(3),
        }
    )


def test_rows_that_differ_in_writing_or_in_one_cell_are_clusters() -> None:
    table = measures()
    shouted = table[[3]].with_columns(pl.col("city").str.to_uppercase())
    changed = table[[10, 3]].with_columns(pl.col("amount") + 1.0)
    found = find_near_duplicates(pl.concat([table, shouted, changed]))
    assert found.n_clusters == 2
    assert [found.cluster[row] for row in (3, 400, 402, 10, 401)] == [0, 0, 0, 1, 1]
    assert int((found.cluster >= 0).sum()) == found.n_rows == 5
    assert found.examples == ((3, 400, 402), (10, 401))


def test_missing_cells_are_equal_to_missing_cells_only() -> None:
    table = measures(4000).with_columns(amount=pl.when(pl.int_range(4000) != 50).then("amount"))
    twice = pl.concat([table, table[[50, 51]].with_columns(pl.lit(None, dtype=pl.Float64).alias("amount"))])
    cluster = find_near_duplicates(twice).cluster
    assert cluster[50] == cluster[4000] >= 0
    assert cluster[51] == cluster[4001] >= 0
    assert cluster[50] != cluster[51]


def test_how_the_rows_are_cut_into_batches_changes_nothing() -> None:
    table = pl.concat([measures(), measures()[:5]])
    whole, cut = find_near_duplicates(table), find_near_duplicates([table[:7], table[7:200], table[200:]])
    assert whole.n_rows == 10
    assert np.array_equal(whole.cluster, cut.cluster)


def test_few_levels_make_rows_alike_by_chance() -> None:
    random = np.random.default_rng(1)
    table = pl.DataFrame({f"x{i}": random.integers(0, 3, 2000).astype(float) for i in range(6)})
    found = find_near_duplicates(table)
    assert found.n_alike > 1900
    assert found.n_rows == 0


def test_of_a_table_of_few_columns_only_equal_rows_are_clusters() -> None:
    table = measures().select("amount", "share")
    assert find_near_duplicates(pl.concat([table, table[:3]])).n_rows == 6
    assert find_near_duplicates(pl.DataFrame({"x": [1.0] * 50})).n_rows == 0


def test_an_empty_table_has_none() -> None:
    assert find_near_duplicates(measures(0)).n_clusters == 0
    assert find_near_duplicates([]).n_clusters == 0


def test_copies_planted_in_a_real_table(shared_data: Path) -> None:
    raw = pl.read_csv(io.BytesIO((shared_data / "telco.csv").read_bytes()), infer_schema=False)
    recipe = learn_recipe(raw, learn_target(raw["Churn"]), id="customerID")
    typed = read(recipe, raw.lazy()).collect().with_columns(raw["Churn"])
    assert find_near_duplicates(typed).n_rows <= 0.01 * typed.height
    copies = typed.gather_every(140).with_columns(pl.col("MonthlyCharges") + 0.35)
    found = find_near_duplicates(pl.concat([typed, copies])).cluster
    n_found = int((found[typed.height :] >= 0).sum())
    assert n_found >= 0.8 * copies.height
    originals = found[::140][: copies.height]
    assert np.array_equal(found[typed.height :][originals >= 0], originals[originals >= 0])
