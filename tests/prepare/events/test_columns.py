"""Typing an event table: keys, times in many forms, values, bad cells and repeated rows."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from tenure.errors import ColumnsMissing, SourceError
from tenure.prepare.events import type_events
from tests.prepare.events.conftest import CALLS, config, typed


def test_keys_with_leading_zeros_stay_text():
    events = typed(
        config(), [("007", "2024-01-01", "1"), ("7", "2024-01-01", "1"), (" 007 ", "2024-01-02", "1")]
    )
    assert events.rows["key"].to_list() == ["007", "7", "007"]


@pytest.mark.parametrize(
    "cells",
    [
        ["19970101", "19971231"],
        ["1997-01-01", "1997-12-31"],
        ["01/01/1997", "31/12/1997"],
        ["Jan 1, 1997", "Dec 31, 1997"],
        [datetime.date(1997, 1, 1), datetime.date(1997, 12, 31)],
        [datetime.datetime(1997, 1, 1), datetime.datetime(1997, 12, 31)],
        [19970101, 19971231],
        ["1997-01-01T02:00+02:00", "1997-12-31T00:00Z"],
        ["1997-12-31", "1997-12-31"],  # one day only
    ],
)
def test_times_are_read_in_the_formats_that_the_recipe_knows(cells: list[object]):
    table = pl.DataFrame({"customer": ["a", "b"], "time": cells, "minutes": [1, 2]})
    events = type_events("calls", table.lazy(), config().tables["calls"])
    days = events.rows["time"] // 86_400_000_000
    assert days.to_list()[-1] == (datetime.date(1997, 12, 31) - datetime.date(1970, 1, 1)).days
    assert events.problems == ()


def test_bad_times_and_keys_are_named_row_by_row():
    rows = [("a", f"2024-01-{1 + i % 28:02d}", "1") for i in range(100)]
    rows[3] = ("a", "2024-02-31", "1")
    rows[50] = ("a", "", "1")
    rows[70] = ("", "2024-01-01", "1")
    events = typed(config(), rows)
    assert len(events.rows) == 97
    named = [(cell.row, cell.column, cell.value) for cell in events.problems]
    assert named == [(70, "customer", "''"), (3, "time", "'2024-02-31'"), (50, "time", "''")]
    assert any(
        "3 of 100 event(s) were left out" in warning and "row 3" in warning for warning in events.warnings
    )


def test_a_row_whose_knowing_cannot_be_read_is_left_out():
    rows = [("a", "2024-01-01", f"2024-01-{1 + i % 28:02d}", "1") for i in range(40)]
    rows[9] = ("a", "2024-01-01", "soon", "1")
    events = typed(config({"known": "booked"}), rows, "customer", "time", "booked", "minutes")
    assert [(cell.row, cell.column) for cell in events.problems] == [(9, "booked")]
    assert len(events.rows) == 39


def test_a_time_column_without_times_is_refused():
    with pytest.raises(SourceError, match="must hold dates or times; it has 'one', 'two'") as caught:
        typed(config(), [("a", "one", "1"), ("b", "two", "2")])
    assert "data.tables.calls, column 'time'" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "total"),
    [
        (["1,234.50", "2.00"], 1236.5),
        (["$5", "$7"], 12.0),
        (["0", "1"], 1.0),
        (["1", "1"], 2.0),
        (["5", ""], 5.0),
        ([True, False], 1.0),
        ([2.5, float("nan")], 2.5),
        ([None, None], 0.0),
    ],
)
def test_numbers_are_read_as_the_recipe_reads_them(cells: list[object], total: float):
    table = pl.DataFrame({"customer": ["a", "b"], "time": ["2024-01-01"] * 2, "minutes": cells})
    events = type_events("calls", table.lazy(), config().tables["calls"])
    assert events.rows["value:minutes"].dtype == pl.Float64
    assert events.rows["value:minutes"].sum() == total


def test_a_cell_that_is_no_number_counts_as_missing_and_is_told():
    rows = [("a", "2024-01-01", str(i)) for i in range(50)]
    rows[7] = ("a", "2024-01-01", "lots")
    events = typed(config(), rows)
    assert events.rows["value:minutes"].null_count() == 1
    assert any("'minutes': 1 cell(s) are no number" in w and "'lots'" in w for w in events.warnings)


def test_an_aggregate_of_numbers_refuses_words():
    with pytest.raises(SourceError, match="sum needs numbers, and column 'minutes' holds 'long', 'short'"):
        typed(config(), [("a", "2024-01-01", "long"), ("b", "2024-01-02", "short")])


def test_a_column_that_is_not_there_is_named_with_its_table():
    data = config({"aggregates": {"minuts": ["sum"]}})
    with pytest.raises(ColumnsMissing, match="did you mean 'minutes'") as caught:
        typed(data, [("a", "2024-01-01", "1")])
    assert "data.tables.calls" in str(caught.value)


@pytest.mark.parametrize(("duplicates", "kept"), [("keep", 4), ("drop", 3)])
def test_repeated_rows_are_counted_and_kept_unless_told_otherwise(duplicates: str, kept: int):
    rows = [
        ("a", "2024-01-01", "1"),
        ("a", "2024-01-01", "2"),
        ("a", "2024-01-01", "1"),
        ("b", "2024-01-01", "1"),
    ]
    events = typed(config({"duplicates": duplicates}), rows)
    assert len(events.rows) == kept
    assert any("1 of 4 event(s) equal an earlier one" in warning for warning in events.warnings)


def test_rows_that_differ_in_a_column_nobody_asked_for_are_no_repeats():
    rows = [("a", "2024-01-01", "1", "order 1"), ("a", "2024-01-01", "1", "order 2")]
    events = typed(config({"duplicates": "drop"}), rows, "customer", "time", "minutes", "order")
    assert len(events.rows) == 2
    assert events.warnings == ()


def test_a_column_may_have_the_name_of_ours():
    calls = {**CALLS, "aggregates": {"key": ["sum"], "known": ["last"]}}
    events = typed(config(calls), [("a", "2024-01-01", "5", "x")], "customer", "time", "key", "known")
    assert events.rows["key"].to_list() == ["a"]
    assert events.rows["value:key"].to_list() == [5.0]
