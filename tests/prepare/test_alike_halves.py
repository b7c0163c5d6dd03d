"""Nearly equal rows of a long table: those that share a half of their columns are compared, no others."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.prepare.alike_halves import find_among, rows_that_share_a_half
from tenure.prepare.duplicates import HALVES, NAME, halve
from tenure.prepare.near_duplicates import NearDuplicates
from tenure.prepare.row_hashes import RowHashes
from tenure.prepare.sift import sift


def measured(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {f"m{j}": np.round(rng.gamma(2, 20, n), 2) for j in range(6)}
    words = {f"w{j}": rng.choice(["a", "b", "c", "d"], n) for j in range(6)}
    target = rng.choice(["no", "yes"], n)
    return pl.DataFrame(columns | words | {"left": target}).cast(pl.String)


def again(table: pl.DataFrame, places: range) -> pl.DataFrame:
    """These rows once more, each with another cell changed."""
    rows = []
    for place in places:
        row = table.row(place, named=True)
        name = f"m{place % 6}" if place % 2 else f"w{place % 6}"
        rows.append({**row, name: "999.5" if name[0] == "m" else "e"})
    return pl.DataFrame(rows)


def search(table: pl.DataFrame) -> NearDuplicates:
    halves = halve(table)
    with RowHashes(HALVES) as hashes:
        hashes.add(halves.hashes(table))
        rows = rows_that_share_a_half(hashes, np.ones(table.height, dtype=bool))
        return find_among(table[rows], rows, hashes, halves, table)


def test_rows_with_one_cell_changed_are_found_and_no_others() -> None:
    table = measured(5000)
    found = search(pl.concat([table, again(table, range(40))]))
    assert [set(np.flatnonzero(found.cluster == k)) for k in range(found.n_clusters)] == [
        {k, 5000 + k} for k in range(40)
    ]


def test_rows_that_few_levels_make_alike_are_not() -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame({f"w{j}": rng.choice(list("abc"), 20_000) for j in range(14)})
    found = search(table)
    assert found.n_alike > 0
    assert found.n_clusters == 0


def test_records_of_one_customer_that_differ_in_several_cells_are_not() -> None:
    table = measured(3000)
    months = pl.concat([table.with_columns(measured(3000, seed)["m0", "m2", "m4"]) for seed in range(1, 4)])
    assert search(months).n_clusters == 0


def test_the_halves_leave_the_column_that_names_a_row_aside() -> None:
    table = measured(100).with_columns(id=pl.int_range(100).cast(pl.String))
    columns = halve(table, "id").columns
    assert columns[NAME] == ["id"]
    first, second = columns["__first"], columns["__second"]
    assert sorted([*first, *second, "id"]) == sorted(table.columns)
    # each half has measures, which tell rows apart
    assert {name[0] for name in first} >= {"m"} <= {name[0] for name in second}


def test_in_a_long_table_they_stay_in_one_part() -> None:
    table = measured(330_000)
    n = table.height
    whole = pl.concat([table, again(table, range(300))]).with_row_index("id").cast(pl.String)
    sifted = sift(whole.lazy(), whole.height, target="left", id="id")
    assert not sifted.is_whole
    assert (sifted.parts[:300] == sifted.parts[n:]).all()
    assert any("600 rows nearly equal another one" in warning for warning in sifted.warnings)


def test_where_the_halves_tell_nothing_the_user_is_told() -> None:
    rng = np.random.default_rng(2)
    kinds = measured(40_000)
    rows = np.repeat(np.arange(40_000), 8)
    changing = {"m0": np.round(rng.gamma(2, 20, len(rows)), 2), "w0": rng.integers(0, 9, len(rows))}
    table = kinds[rows].with_columns(
        pl.Series(name, cells).cast(pl.String) for name, cells in changing.items()
    )
    with RowHashes(HALVES) as hashes:
        hashes.add(halve(table).hashes(table))
        shared = rows_that_share_a_half(hashes, np.ones(table.height, dtype=bool))
    sifted = sift(table.lazy(), table.height, target="left")
    told = [warning for warning in sifted.warnings if "too many to compare" in warning]
    assert len(shared) > 200_000
    assert told
