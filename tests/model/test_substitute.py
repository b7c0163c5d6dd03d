"""Other cells in raw columns, and what is computed from them."""

from __future__ import annotations

import polars as pl

from tenure.model.substitute import followers, sources, substitute
from tenure.prepare.columns import settle
from tests.model.explain.worlds import linear_scorer, number_rows


def test_what_is_computed_follows_and_all_is_as_if_the_rows_had_come_so():
    recipe = linear_scorer([0.0, 0.0, 0.0, 1.0], product="a * b").recipe
    assert followers(recipe, ["a"]) == ("a", "product")
    assert followers(recipe, ["c"]) == ("c",)
    assert sources(recipe) == {"a": {"a"}, "b": {"b"}, "c": {"c"}, "product": {"a", "b"}}
    rows = number_rows(20)
    changed = substitute(recipe, rows, {"a": rows["a"].reverse()})
    expected = settle(recipe, rows.with_columns(a=rows["a"].reverse()).lazy()).collect()
    assert changed.equals(expected)
    some = substitute(recipe, rows, {"a": pl.lit(2.0)}, only=("product",))
    assert some.columns == ["product"]
    assert some["product"].to_list() == (rows["b"] * 2.0).to_list()
