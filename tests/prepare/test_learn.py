"""What each column turns out to be, on the evidence of its cells."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.errors import ColumnsMissing, SourceError
from tenure.prepare.columns import clean
from tenure.prepare.learn import learn_column, learn_recipe, learn_target, study_column
from tenure.prepare.recipe import OTHER, ColumnRecipe, Recipe, TargetRecipe

TARGET = TargetRecipe("y", "binary", ("0", "1"), "1", {"0": "0", "1": "1"})


def column_of(cells: list[str | None], name: str = "c") -> ColumnRecipe:
    return learn_column(name, pl.Series(name, cells, dtype=pl.String))


def cleaned(cells: list[str | None], name: str = "c") -> list[object]:
    column = column_of(cells, name)
    frame = pl.LazyFrame({name: pl.Series(name, cells, dtype=pl.String)})
    return clean(Recipe(TARGET, (column,)), frame).collect()[name].to_list()


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234.50", "12", "-3.5"], [1234.5, 12.0, -3.5]),
        (["1.234,50", "12", "-3,5"], [1234.5, 12.0, -3.5]),
        (["1 234,5", "12", "1\u00a0000 000"], [1234.5, 12.0, 1e6]),
        (["12%", "7.5 %", "0%"], [0.12, 0.075, 0.0]),
        (["$5", "$1,000.25", "-$3", "$ -4"], [5.0, 1000.25, -3.0, -4.0]),
        (["5 €", "7,5 EUR", "€1"], [5.0, 7.5, 1.0]),
        (["(5.00)", "1,250.00", "(1,000)"], [-5.0, 1250.0, -1000.0]),
        (["1e3", " .5", "5."], [1000.0, 0.5, 5.0]),
        (["1.5", "", "?", "-", "none", "n/a", "2"], [1.5, None, None, None, None, None, 2.0]),
        (["1'000", "20", "3'000'000.5"], [1000.0, 20.0, 3000000.5]),
    ],
)
def test_numbers_in_any_writing(cells: list[str | None], values: list[object]) -> None:
    assert column_of(cells).kind in ("number", "integer")
    assert cleaned(cells) == values


def test_three_digits_behind_a_mark_are_read_as_the_other_cells_say() -> None:
    assert cleaned(["1,234", "5,678"]) == [1234.0, 5678.0]
    assert cleaned(["1.234", "5.678"]) == [1.234, 5.678]
    assert cleaned(["1.234", "5.678,9"]) == [1234.0, 5678.9]
    assert cleaned(["0,234", "5,678"]) == [0.234, 5.678]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["Yes", "no", "NO ", "no", "Yes"], ("no", "Yes")),
        (["t", "f", "T"], ("f", "T")),
        (["0", "1", "1"], ("0", "1")),
        (["1.0", "0.0"], ("0", "1")),
        (["on", "off", None, "unknown", "-"], ("off", "on")),
    ],
)
def test_booleans_in_any_spelling(cells: list[str | None], labels: tuple[str, str]) -> None:
    column = column_of(cells)
    assert (column.kind, column.labels) == ("boolean", labels)


def test_two_other_words_are_a_category_and_none_is_a_level() -> None:
    column = column_of(["Male", "Female", "male", "MALE", "Male", "none", "Unknown", ""])
    assert (column.kind, column.levels, column.nullable) == ("category", ("Male", "Female", "none"), True)


def test_na_among_country_codes_is_namibia() -> None:
    codes = ["NA", "DE", "FR", "IT", "ES", "PT", "US", "GB", "SE", "NO", "FI", "DK"] * 3
    assert "NA" in column_of(codes).levels
    assert "NA" not in column_of([*["high", "low", "mid"] * 5, "NA"]).levels


def test_spellings_of_one_level_are_one_and_letter_codes_are_not() -> None:
    cells = ["One year", "one  year", " ONE YEAR", "One year", "Two", "two"]
    assert column_of(cells).levels == ("One year", "Two")
    assert cleaned(cells) == ["One year"] * 4 + ["Two"] * 2
    assert len(column_of(["a", "A", "b", "B", "c", "C"] * 4).levels) == 6


def test_rare_and_unseen_levels_are_other() -> None:
    cells = [f"level {i}" for i in range(12) for _ in range(10)] + ["rare"] * 4
    column = column_of(cells)
    assert len(column.levels) == 12
    assert column.has_other
    frame = pl.LazyFrame({"c": ["LEVEL 3", "rare", "never seen", None]})
    assert clean(Recipe(TARGET, (column,)), frame).collect()["c"].to_list() == ["level 3", OTHER, OTHER, None]


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        (["2024-01-31", "2024-02-01T10:00:00Z"], (2024, 1, 31)),
        (["31/01/2024", "01/02/2024"], (2024, 1, 31)),
        (["01/31/2024", "02/01/24 3:30 PM"], (2024, 1, 31)),
        (["31.1.2024", "1.2.2024"], (2024, 1, 31)),
        (["2024/01/31", "2024-01-30"], (2024, 1, 31)),
        (["31 Jan 2024", "1-Feb-24"], (2024, 1, 31)),
        (["January 31, 2024", "Feb 1 2024"], (2024, 1, 31)),
    ],
)
def test_dates_in_any_writing(cells: list[str | None], day: tuple[int, int, int]) -> None:
    assert column_of(cells).kind == "date"
    moment = datetime.datetime(*day, tzinfo=datetime.UTC)
    assert cleaned(cells)[0] == int(moment.timestamp()) * 10**6


def test_eight_digits_are_a_date_only_where_the_name_says_so() -> None:
    cells = [f"199701{day:02}" for day in range(1, 29)] * 2
    assert column_of(cells, "date").kind == "date"
    assert column_of(cells, "amount").kind == "integer"
    typed = pl.Series("signup_date", [int(cell) for cell in cells])
    assert learn_column("signup_date", typed).kind == "date"
    assert learn_column("when?", typed, as_time=True).kind == "date"


def test_identifiers() -> None:
    random = np.random.default_rng(0)
    names = [f"u{i:06}" for i in range(100)]
    assert column_of(names).kind == "identifier"
    assert column_of([str(i) for i in range(100)], "x").kind == "identifier"
    part = random.permutation(200)[:120].astype(str).tolist()
    assert column_of(part, "x").kind == "identifier"
    far = random.choice(10**9, 100, replace=False).astype(str).tolist()
    assert column_of(far, "CLIENTNUM").kind == "identifier"
    assert column_of(far, "balance").kind == "integer"
    assert column_of([str(v) for v in random.normal(size=100)], "customer id").kind == "number"
    assert column_of([f"{i:05}" for i in range(40)], "zip").kind == "identifier"
    assert column_of(["00501", "10001", "02134"] * 20, "zip").levels == ("00501", "02134", "10001")


def test_text_and_constants() -> None:
    texts = [f"the customer called about bill number {i}" for i in range(30)]
    assert column_of(texts).kind == "text"
    assert column_of(["x y"] * 30).kind == "constant"
    assert column_of([None, "", "?"]).kind == "constant"
    assert column_of(["5"] * 30).kind == "constant"
    assert column_of(["yes", None] * 5).kind == "category"


def test_a_few_unreadable_cells_do_not_unmake_a_number_and_are_told() -> None:
    cells: list[str | None] = [*map(str, np.arange(100) / 7), "broken"]
    study = study_column("c", pl.Series("c", cells))
    assert study.column.kind == "number"
    assert study.warning is not None
    assert "'broken'" in study.warning


def test_values_are_bounded_by_the_training_range() -> None:
    column = column_of(["1.5", "2.5", "9"])
    frame = pl.LazyFrame({"c": ["-100", "1e9", "3"]})
    assert clean(Recipe(TARGET, (column,)), frame).collect()["c"].to_list() == [1.5, 9.0, 3.0]


def test_a_million_levels_do_not_blow_up() -> None:
    n = 300_000
    numbers = np.random.default_rng(0).integers(0, 10 * n, n)
    study = study_column("c", pl.Series("c", np.char.add("v", numbers.astype(str)).tolist()))
    assert study.column.kind == "identifier"
    assert study.why is not None
    assert not study.column.levels


def test_recipe_of_a_table_and_its_errors() -> None:
    raw = pl.DataFrame(
        {"id": ["a", "b", "c"], "x": ["1.5", "2", "3"], "why": ["q", "r", "q"], "y": ["0", "1", "0"]}
    )
    recipe = learn_recipe(raw, TARGET, id="id", exclude={"why": "known afterwards"})
    assert [column.name for column in recipe.features] == ["x"]
    assert recipe.ignored == {"id": "the id column", "why": "excluded: known afterwards"}
    with pytest.raises(ColumnsMissing):
        learn_recipe(raw, TARGET, exclude=["nothing"])
    with pytest.raises(SourceError, match="no column"):
        learn_recipe(raw.select("id", "y"), TARGET, id="id")
    with pytest.raises(SourceError, match="'n'"):
        learn_recipe(pl.DataFrame({"n": [[1], [2]], "y": ["0", "1"]}), TARGET)


def test_the_leading_index_and_the_ids_of_real_tables(shared_data: Path) -> None:
    expected = {
        "telecom5000.csv": "rownames",
        "bankchurners.csv": "CLIENTNUM",
        "telecom3333.csv": "phone number",
    }
    targets = {"telecom5000.csv": "churn", "bankchurners.csv": "Attrition_Flag", "telecom3333.csv": "churn"}
    for name, key in expected.items():
        raw = pl.read_csv(shared_data / name, infer_schema=False)
        recipe = learn_recipe(raw, learn_target(raw[targets[name]]))
        assert list(recipe.ignored) == [key], name
