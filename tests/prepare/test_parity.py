"""The columnar and the row executor agree on every cell, bit for bit."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.errors import RowsRefused
from tenure.prepare.columns import clean, find_problems, read, settle
from tenure.prepare.learn import learn_column, learn_recipe, learn_target, study_mended
from tenure.prepare.mending import Mending
from tenure.prepare.recipe import FEATURE_KINDS, ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tenure.prepare.rows import RowCleaner, cell_reader, cell_settler

TARGET = TargetRecipe("target", "binary", ("0", "1"), "1", {"0": "0", "1": "1"})


def examples(n: int) -> settings:
    return settings(
        max_examples=n, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


null_words = st.sampled_from(
    ["", " ", "?", "N/A", "na", "NULL", "nan", "-", "none", "Unknown", "missing", "."]
)
STRANGE = [
    *(
        "1_000",
        "１２",
        "inf",
        "-inf",
        "1e400",
        "-1e39",
        "1e38",
        "-0",
        "-0.0",
        "0x1F",
        "İ",
        "ß",
        "ſ",
        "K",
        "\u00a0x\u00a0",
        "1.",
        ".5",
    ),
    *(
        "+-3",
        "(5)",
        "($1,234.50)",
        "12%",
        "$ 5",
        "5 €",
        "1 234",
        "1.234,5",
        "'1",
        "1e5",
        "1E-3",
        "--1",
        "yes ",
        "Σς",
    ),
    *("2024-02-30", "2024-02-29T23:59:60", "31/12/99", "12/31/1999 11:30 PM", "13 PM", "2020-1-1 0:00 am"),
    *(
        "1 Jan 2020",
        "Sept 31, 2020",
        "20200101",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31T23:59:59.9999999+14:00",
    ),
    *("2020-01-01T00:00:00+25:00", "2020-01-01T10:00-0530", "2024-13", "2024/06", "1\n2", "a\tb", "\ufeffa"),
]
strange = st.one_of(st.sampled_from(STRANGE), st.text(max_size=8))


def spelled(numbers: st.SearchStrategy[float], form: str) -> st.SearchStrategy[str]:
    return numbers.map(form.format)


def german(value: float) -> str:
    return f"{value:,.2f}".replace(",", "#").replace(".", ",").replace("#", ".")


amounts = st.floats(-1e7, 1e7, allow_nan=False)
columns_of_text = st.sampled_from(
    [
        spelled(st.integers(-50, 1000), "{}"),
        spelled(st.integers(0, 1), "{}"),
        spelled(amounts, "{!r}"),
        spelled(amounts, " {:,.2f}"),
        spelled(amounts, "${:,.2f}"),
        spelled(st.floats(0, 100), "{:.1f}%"),
        amounts.map(german),
        amounts.map(lambda value: f"({abs(value):,.2f})" if value < 0 else f"{value:,.2f}"),
        st.sampled_from(["Yes", "no", "NO ", "yes", "Y"]),
        st.sampled_from(["True", "False", "TRUE"]),
        st.sampled_from(
            ["Month-to-month", "month-to-month ", "One  year", "One year", "TWO YEAR", "Ünïted", "ÜNÏTED"]
        ),
        st.sampled_from(["a", "A", "b", "B", "c", "C", "d"]),
        st.sampled_from([f"{a}{b}" for a in "ABNOCD" for b in "ACVXYZ"]),
        st.datetimes().map(lambda moment: moment.isoformat()),
        st.dates().map(lambda day: f"{day.day}/{day.month}/{day.year:04}"),
        st.dates().map(lambda day: day.strftime("%d-%b-") + f"{day.year:04}"),
        st.text(st.sampled_from("abc xyz"), min_size=20, max_size=60),
        st.text(max_size=6),
        strange,
    ]
)


@st.composite
def text_columns(draw: st.DrawFn) -> tuple[list[str | None], list[str | None]]:
    cell = draw(columns_of_text)
    usual = st.one_of(cell, cell, cell, cell, cell, null_words, st.none())
    training = draw(st.lists(usual, min_size=3, max_size=40))
    fresh = draw(st.lists(st.one_of(cell, null_words, strange, st.none()), max_size=30))
    return training, fresh


def assert_equal_cells(recipe: Recipe, frame: pl.DataFrame, rows: list[dict[str, object]]) -> None:
    """Both executors give the same clean rows and refuse the same cells by the same rule."""
    table = clean(recipe, frame.lazy()).collect()
    refused = {(p.row, p.column): p.rule for p in find_problems(recipe, frame, limit=10**9)}
    typed = read(recipe, frame.lazy()).collect()
    assert settle(recipe, typed.lazy()).collect().equals(table)
    cleaner = RowCleaner(recipe)
    for position, row in enumerate(rows):
        expected = dict(zip(table.columns, table.row(position), strict=True))
        problems = {(p.row, p.column): p.rule for p in cleaner.problems(row, position)}
        assert problems == {place: rule for place, rule in refused.items() if place[0] == position}
        if problems:
            assert all(expected[column] is None for _, column in problems)
            with pytest.raises(RowsRefused):
                cleaner.clean(row, position)
            continue
        assert_same_bits(row, cleaner.clean(row, position), table.row(position))
        readings = [cell_reader(column)(row[column.name]) for column in recipe.features]
        assert_same_bits(row, readings, typed.row(position))
        settled = [cell_settler(c)(value) for c, value in zip(recipe.features, readings, strict=True)]
        assert_same_bits(row, settled, table.row(position))


def assert_same_bits(row: dict[str, object], found: Sequence[object], expected: Sequence[object]) -> None:
    for got, wanted in zip(found, expected, strict=True):
        assert type(got) is type(wanted), (row, got, wanted)
        same = struct.pack("d", got) == struct.pack("d", wanted) if isinstance(got, float) else got == wanted
        assert same, (row, got, wanted)


def recipe_of(column: ColumnRecipe) -> Recipe:
    recipe = Recipe(TARGET, (column,))
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    return again


@examples(250)
@given(text_columns())
def test_text_cells_are_cleaned_alike(cells: tuple[list[str | None], list[str | None]]) -> None:
    training, fresh = cells
    column = learn_column("c", pl.Series("c", training, dtype=pl.String))
    if column.kind not in FEATURE_KINDS:
        return
    everything = training + fresh
    frame = pl.DataFrame({"c": pl.Series(everything, dtype=pl.String)})
    assert_equal_cells(recipe_of(column), frame, frame.to_dicts())


@examples(120)
@given(text_columns(), st.data())
def test_mended_cells_are_cleaned_alike(
    cells: tuple[list[str | None], list[str | None]], data: st.DataObject
) -> None:
    training, fresh = cells
    some = st.sampled_from([cell for cell in training if cell] or ["x"])
    levels = data.draw(st.dictionaries(some, some, max_size=3))
    nulls = data.draw(st.lists(st.one_of(some, null_words, st.sampled_from(["0", "-999"])), max_size=3))
    series = pl.Series("c", training, dtype=pl.String)
    column = study_mended(series, Mending(levels, tuple(nulls))).column
    if column.kind in FEATURE_KINDS:
        frame = pl.DataFrame({"c": pl.Series(training + fresh, dtype=pl.String)})
        assert_equal_cells(recipe_of(column), frame, frame.to_dicts())


@examples(25)
@given(
    st.lists(st.one_of(strange, null_words, amounts.map(german), amounts.map(repr)), min_size=1, max_size=40)
)
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("thousands", ["", ",", ".", " ", "'"])
@pytest.mark.parametrize("decorated", [False, True])
def test_every_number_format(decimal: str, thousands: str, decorated: bool, cells: list[str]) -> None:
    if decimal == thousands:
        return
    style = NumberFormat(decimal, thousands, ("$", "EUR") if decorated else (), decorated, decorated)
    column = ColumnRecipe("c", "number", null_tokens=("", "?"), number_format=style, bounds=(-1e6, 1e6))
    frame = pl.DataFrame({"c": pl.Series(cells, dtype=pl.String)})
    assert_equal_cells(recipe_of(column), frame, frame.to_dicts())


KINDS = [
    ColumnRecipe("c", "number", null_tokens=("", "nan"), bounds=(0.0, 50.0), number_format=NumberFormat()),
    ColumnRecipe("c", "number", null_tokens=("", "nan"), nan_is_null=True),
    ColumnRecipe("c", "boolean", labels=("0", "1"), false_tokens=("0",), true_tokens=("1",)),
    ColumnRecipe("c", "boolean", labels=("false", "true"), false_tokens=("false",), true_tokens=("true",)),
    ColumnRecipe("c", "category", null_tokens=("",), levels=("1", "2", "true", "abc")),
    ColumnRecipe("c", "category", levels=tuple(map(str, range(20))), case_sensitive=True),
    ColumnRecipe("c", "text", null_tokens=("",)),
    ColumnRecipe("c", "number", null_tokens=("",), bounds=(-2.0, 50.0), null_values=(-1.0, 3.0, 2.0**53)),
    ColumnRecipe(
        "c", "boolean", labels=("0", "1"), false_tokens=("0",), true_tokens=("1",), null_tokens=("3",)
    ),
    ColumnRecipe("c", "category", null_tokens=("3", "true"), levels=("1", "2"), aliases={"0": "2", "x": "1"}),
    ColumnRecipe("c", "category", levels=("A", "a"), case_sensitive=True, aliases={"B": "a", "-1": "A"}),
    ColumnRecipe("c", "date", date_formats=("year-month-day",), null_values=(0, 946684800000000)),
    ColumnRecipe("c", "date", date_formats=("yearmonthday", "year-month-day"), bounds=(-(10**15), 10**15)),
]
TYPED = [
    (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    (pl.UInt64, st.integers(0, 2**64 - 1)),
    (pl.Int8, st.integers(-3, 3)),
    (
        pl.Float64,
        st.one_of(st.floats(), st.integers(-5, 5).map(float), st.integers(-(2**54), 2**54).map(float)),
    ),
    (pl.Boolean, st.booleans()),
    (pl.String, st.one_of(strange, null_words)),
    (pl.Date, st.dates()),
    (pl.Datetime("us"), st.datetimes()),
    (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
]


@examples(12)
@given(st.data())
@pytest.mark.parametrize("column", KINDS, ids=lambda column: column.kind)
@pytest.mark.parametrize(("dtype", "cells"), TYPED, ids=lambda value: str(value)[:20])
def test_typed_cells_are_cleaned_alike(
    column: ColumnRecipe, dtype: pl.DataType, cells: st.SearchStrategy[object], data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.one_of(cells, st.none()), max_size=20))
    frame = pl.DataFrame({"c": pl.Series(values, dtype=dtype, strict=False)})
    assert_equal_cells(recipe_of(column), frame, [{"c": value} for value in values])


TABLES = {
    "telco.csv": "Churn",
    "telecom5000.csv": "churn",
    "bankchurners.csv": "Attrition_Flag",
    "credit_default.csv": "default.payment.next.month",
    "adult.csv.gz": "income",
    "hillstrom.csv.gz": "visit",
}


@pytest.mark.parametrize("name", TABLES)
def test_real_tables_are_cleaned_alike(shared_data: Path, name: str) -> None:
    content = (shared_data / name).read_bytes()
    raw = pl.read_csv(
        io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content), infer_schema=False
    )
    target = learn_target(raw[TABLES[name]])
    recipe = learn_recipe(raw.gather_every(2), target)
    rest = raw.gather_every(max(1, raw.height // 1500), offset=1)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert_equal_cells(recipe, rest, rest.to_dicts())


def test_json_numbers_and_texts_of_numbers_give_the_same_row(shared_data: Path) -> None:
    raw = pl.read_csv(shared_data / "telco.csv", infer_schema=False)
    typed = pl.read_csv(shared_data / "telco.csv", infer_schema_length=None, null_values=[" "])
    recipe = learn_recipe(raw, learn_target(raw["Churn"]))
    assert clean(recipe, typed.lazy()).collect().equals(clean(recipe, raw.lazy()).collect())
    assert_equal_cells(recipe, typed.head(300), typed.head(300).to_dicts())
