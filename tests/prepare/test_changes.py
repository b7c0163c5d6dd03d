"""What is counted as changed is what the executors change: each such cell once, by one rule."""

from __future__ import annotations

import datetime
import re
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.prepare import date_text, number_text
from tenure.prepare.change_rules import RULES, change_teller
from tenure.prepare.changes import Changes, count_changes, left_out_rows
from tenure.prepare.columns import clean, find_problems
from tenure.prepare.learn import learn_recipe, learn_target, study_mended
from tenure.prepare.mending import Mending
from tenure.prepare.recipe import FEATURE_KINDS, ColumnRecipe, Recipe
from tests.prepare.test_parity import KINDS, TARGET, TYPED, examples, null_words, text_columns


def as_it_was(column: ColumnRecipe, raw: object, value: object) -> bool:  # noqa: PLR0911
    """The promise in words: whether a cell needed no change, said without the rules."""
    if value is None:
        return raw is None or raw == ""
    if isinstance(raw, str):
        if column.kind in ("number", "integer"):
            return bool(re.fullmatch(number_text.PLAIN, raw)) and float(raw) == value
        if column.kind == "boolean":
            return raw in column.labels
        if column.kind == "date":
            parsed = date_text.parser(("year-month-day",))(raw)
            return parsed is not None and parsed == value
        return raw == value
    if column.kind in ("number", "integer"):
        return float(raw) == value  # type: ignore[arg-type]
    if column.kind == "date":
        return isinstance(raw, datetime.date) and date_text.micros_of(raw) == value
    if column.kind == "boolean":
        return True
    text = ("true" if raw else "false") if isinstance(raw, bool) else str(int(raw))  # type: ignore[call-overload]
    return text == value


def assert_counted_once(column: ColumnRecipe, cells: pl.Series) -> None:
    recipe = Recipe(TARGET, (column,))
    frame = cells.alias("c").to_frame().with_columns(target=pl.lit("1"))
    values = clean(recipe, frame.lazy()).collect()["c"].to_list()
    tell = change_teller(column)
    expected: Counter[str] = Counter()
    for raw, value in zip(cells.to_list(), values, strict=True):
        rule, told = tell(raw)
        assert told == value
        assert (rule is None) == as_it_was(column, raw, value), (raw, value, rule)
        assert rule is None or rule in RULES
        expected.update([rule] if rule else [])
    for batches in ([frame], [frame[:3], frame[3:4], frame[4:]]):
        found = count_changes(recipe, batches)
        assert {change.rule: change.n for change in found.cells} == dict(expected)
        assert found.n_rows == len(cells)
        for change in found.cells:
            for example in change.examples:
                assert tell(cells[example.row])[0] == change.rule


@examples(150)
@given(text_columns(), st.data())
def test_text_cells(cells: tuple[list[str | None], list[str | None]], data: st.DataObject) -> None:
    training, fresh = cells
    some = st.sampled_from([cell for cell in training if cell] or ["x"])
    levels = data.draw(st.dictionaries(some, some, max_size=2))
    nulls = data.draw(st.lists(st.one_of(some, null_words), max_size=2))
    column = study_mended(pl.Series("c", training, dtype=pl.String), Mending(levels, tuple(nulls))).column
    if column.kind in FEATURE_KINDS:
        assert_counted_once(column, pl.Series(training + fresh, dtype=pl.String))


@examples(6)
@given(st.data())
@pytest.mark.parametrize("column", KINDS, ids=lambda column: column.kind)
@pytest.mark.parametrize(("dtype", "cells"), TYPED, ids=lambda value: str(value)[:20])
def test_typed_cells(
    column: ColumnRecipe, dtype: pl.DataType, cells: st.SearchStrategy[object], data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.one_of(cells, st.none()), max_size=12))
    assert_counted_once(column, pl.Series(values, dtype=dtype, strict=False))


def dirty() -> tuple[pl.DataFrame, Recipe]:
    clean_rows = pl.DataFrame(
        {
            "fee": ["1,000.00", "2,500.50", "12.00", "7.25"] * 10,
            "plan": ["Basic", "Plus", "Plus", "Pro"] * 10,
            "since": ["2024-01-31", "2023-02-01", "2022-03-15", "2024-05-05"] * 10,
            "active": ["Yes", "No", "Yes", "No"] * 10,
            "churn": ["no", "yes", "no", "no"] * 10,
        }
    )
    recipe = learn_recipe(clean_rows, learn_target(clean_rows["churn"]), levels={"plan": {"Bascic": "Basic"}})
    rows = pl.DataFrame(
        {
            "fee": ["12", "1,000.00", " 7.25", "9,999.00", "n/a", "NaN?"],
            "plan": ["Basic", "BASIC", "Bascic", " Pro", "Ultra", "?"],
            "since": ["2024-01-31", " 2023-02-01", "2022-03-15T00:00", "-", None, ""],
            "active": ["Yes", "yes", "No ", "true", "maybe", "No"],
            "churn": ["no", "No", "yes", None, "no", "YES "],
        }
    )
    return rows, recipe


def test_every_rule_is_told_with_its_examples() -> None:
    rows, recipe = dirty()
    found = count_changes(recipe, [rows])
    told = {
        (change.column, change.rule): [(e.row, e.raw, e.clean) for e in change.examples]
        for change in found.cells
    }
    assert told == {
        ("fee", "unreadable -> missing"): [(5, "'NaN?'", "missing")],
        ("fee", "null token -> missing"): [(4, "'n/a'", "missing")],
        ("fee", "clipped to the training range"): [(3, "'9,999.00'", "2500.5")],
        ("fee", "spaces"): [(2, "' 7.25'", "7.25")],
        ("fee", "number format"): [(1, "'1,000.00'", "1000.0")],
        ("plan", "null token -> missing"): [(5, "'?'", "missing")],
        ("plan", "rare or unseen level -> (other)"): [(4, "'Ultra'", "'(other)'")],
        ("plan", "other spelling -> level"): [(2, "'Bascic'", "'Basic'")],
        ("plan", "letter case -> level"): [(1, "'BASIC'", "'Basic'")],
        ("plan", "spaces"): [(3, "' Pro'", "'Pro'")],
        ("since", "null token -> missing"): [(3, "'-'", "missing")],
        ("since", "spaces"): [(1, "' 2023-02-01'", "2023-02-01")],
        ("active", "unreadable -> missing"): [(3, "'true'", "missing"), (4, "'maybe'", "missing")],
        ("active", "spaces"): [(2, "'No '", "False")],
        ("active", "spelling of yes or no"): [(1, "'yes'", "True")],
        ("churn", "letter case -> level"): [(1, "'No'", "'no'"), (5, "'YES '", "'yes'")],
    }
    assert found.n_cells == 18
    unread = {(p.row, p.column) for p in find_problems(recipe, rows)}
    assert unread == {(5, "fee"), (3, "active"), (4, "active")}


def test_rows_left_out_are_told_and_their_cells_are_not() -> None:
    rows, recipe = dirty()
    parts = np.array([0, 1, -1, -1, 0, 0], dtype=np.int8)
    y = np.array([0.0, 0.0, 1.0, np.nan, 0.0, 1.0])
    found = count_changes(recipe, rows.iter_slices(2), left_out_rows(parts, y))
    assert {(change.rule, change.n, change.examples[0].row) for change in found.rows} == {
        ("row without a target left out", 1, 3),
        ("duplicate row dropped", 1, 2),
    }
    assert not {2, 3} & {example.row for change in found.cells for example in change.examples}
    assert found.n_rows == 6
    assert found.n_cells == 11


def test_merging_is_counting_on() -> None:
    rows, recipe = dirty()
    whole = count_changes(recipe, [rows])
    first, later = count_changes(recipe, [rows[:2]]), count_changes(recipe, [rows[2:]])
    merged = first.merge(later)
    assert {(c.column, c.rule): c.n for c in merged.cells} == {(c.column, c.rule): c.n for c in whole.cells}
    assert Changes(0, ()).merge(whole) == whole


def test_the_table_says_what_the_document_says() -> None:
    rows, recipe = dirty()
    found = count_changes(recipe, [rows])
    document, text = found.to_dict(), found.to_text().splitlines()
    assert len(text) == len(document["cells"]) + 2
    assert sum(change["n"] for change in document["cells"]) == document["changed_cells"] == 18
    assert "no cell of 0 rows" in Changes(0, ()).to_text()
