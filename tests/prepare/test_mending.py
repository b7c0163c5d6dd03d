"""What tenure.yaml says of cells is learned from and applied: spellings of a level, values that mean missing."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from tenure.errors import ColumnsMissing
from tenure.prepare.columns import clean, find_problems
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import OTHER, Recipe
from tenure.prepare.rows import RowCleaner

Y = ["a", "b"] * 20


def recipe_of(cells: pl.Series, **said: object) -> Recipe:
    table = pl.DataFrame({"c": cells, "y": Y[: len(cells)]})
    recipe = learn_recipe(table, learn_target(table["y"]), **said)  # type: ignore[arg-type]
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    return again


def both_executors(recipe: Recipe, cells: pl.Series) -> list[object]:
    frame = cells.alias("c").to_frame()
    assert find_problems(recipe, frame) == []
    table = clean(recipe, frame.lazy()).collect()["c"].to_list()
    cleaner = RowCleaner(recipe)
    assert [cleaner.clean(row)[0] for row in frame.to_dicts()] == table
    return table


def test_a_listed_spelling_is_its_level_in_training_and_later() -> None:
    cells = pl.Series(["Suburban", "Rural", "Urban", "Surburban"] * 10)
    recipe = recipe_of(cells, levels={"c": {"Surburban": "Suburban", "downtown": "Urban"}})
    assert recipe.features[0].levels == ("Suburban", "Rural", "Urban")
    fresh = pl.Series([" SURBURBAN", "Down  town", "downtown", "rural", None, "?"])
    assert both_executors(recipe, fresh) == ["Suburban", OTHER, "Urban", "Rural", None, None]


def test_case_matters_in_spellings_where_it_matters_in_levels() -> None:
    cells = pl.Series(["a", "A", "b", "B", "c", "C", "q", "Q"] * 5)
    recipe = recipe_of(cells, levels={"c": {"q": "a"}})
    assert recipe.features[0].case_sensitive
    assert both_executors(recipe, pl.Series(["q", "Q", "a"])) == ["a", "Q", "a"]


def test_a_listed_spelling_overrules_a_null_token_and_may_become_one() -> None:
    cells = pl.Series(["none of these", "x", "y", "n/a", "zzz"] * 6)
    recipe = recipe_of(cells, levels={"c": {"n/a": "none of these", "zzz": "unknown"}})
    assert both_executors(recipe, pl.Series(["N/A", "zzz", "x"])) == ["none of these", None, "x"]


def test_a_spelling_of_yes_makes_a_boolean() -> None:
    recipe = recipe_of(pl.Series(["Yes", "No", "Yess", "no"] * 5), levels={"c": {"Yess": "Yes"}})
    assert recipe.features[0].kind == "boolean"
    assert both_executors(recipe, pl.Series(["yess", "no", "Yes"])) == [True, False, True]


@pytest.mark.parametrize(
    ("cells", "fresh", "nulls"),
    [
        (["1", "2.5", "-999", "7"], ["-999.0", " -999", "3"], ["-999"]),
        (["$1,000.00", "$2.50", "$999,999.00", "$7"], ["$999999.00", "999,999", "$3.00"], ["999999"]),
        ([1, 2, -999, 7], [-999, -999, 3], ["-999"]),
        ([1.5, 2.0, -999.0, 7.0], [-999.0, -999.0, 3.0], ["-999.0"]),
    ],
)
def test_listed_numbers_are_missing_as_text_and_typed(
    cells: list[object], fresh: list[object], nulls: list[str]
) -> None:
    recipe = recipe_of(pl.Series(cells * 5), nulls={"c": nulls})
    column = recipe.features[0]
    assert column.bounds in ((1.0, 7.0), (1.5, 7.0), (2.5, 1000.0))
    assert column.nullable
    assert both_executors(recipe, pl.Series(fresh)) == [None, None, 3.0]
    assert RowCleaner(recipe).clean({"c": float(nulls[0])}) == (None,)


def test_a_flag_with_a_code_for_unknown_is_a_flag() -> None:
    recipe = recipe_of(pl.Series([0, 1, 9, 1] * 5), nulls={"c": ["9"]})
    assert recipe.features[0].kind == "boolean"
    assert both_executors(recipe, pl.Series([9, 1, 0])) == [None, True, False]
    assert both_executors(recipe, pl.Series(["9", "9.0", "1"])) == [None, None, True]


def test_listed_dates_are_missing_in_any_writing() -> None:
    days = pl.Series(["03/05/2021", "13/06/2022", "01/01/1900", "14/02/2023"] * 5)
    recipe = recipe_of(days, nulls={"c": ["1900-01-01"]})
    assert recipe.features[0].nullable
    assert both_executors(recipe, pl.Series(["01/01/1900", "1/1/1900"])) == [None, None]
    typed = pl.Series([datetime.date(1900, 1, 1), datetime.date(2021, 5, 3)] * 5)
    assert both_executors(recipe_of(typed, nulls={"c": ["1900-01-01"]}), typed)[0] is None


def test_listed_words_and_codes_are_missing_in_categories() -> None:
    recipe = recipe_of(pl.Series(["x", "y", "none", "99"] * 5), nulls={"c": ["none", "99"]})
    assert recipe.features[0].levels == ("x", "y")
    assert both_executors(recipe, pl.Series([99, 99])) == [None, None]
    assert both_executors(recipe, pl.Series(["None", "99.0", "x"])) == [None, None, "x"]


def test_spellings_of_the_target() -> None:
    target = learn_target(pl.Series("y", ["yes", "no", "yess", "no"] * 3), levels={"YESS": "yes"})
    assert target.classes == ("no", "yes")
    assert target.spellings["yess"] == "yes"


def test_what_cannot_be_applied_is_said() -> None:
    cells = pl.Series(["1.5", "2", "3"] * 5)
    assert "is read as number" in recipe_of(cells, levels={"c": {"x": "y"}}).warnings[0]
    with pytest.raises(ColumnsMissing, match="nope"):
        recipe_of(cells, nulls={"nope": ["1"]})
