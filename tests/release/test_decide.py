"""Thresholds by group: a row and a table are decided alike."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.release.calibration import Calibration
from tenure.release.decide import GroupThresholds
from tenure.release.groups import GroupColumn

CELLS = st.one_of(
    st.none(),
    st.sampled_from(["a", " a ", "b", "", "41", " 41", "29.5", "1_0", "nan", "inf", "1e400", "unknown"]),
    st.text(max_size=4),
)
COLUMNS = (
    GroupColumn("flag", labels=("no", "yes")),
    GroupColumn("word", raw="words"),
    GroupColumn("age", cuts=(30.0,), raw="numbers"),
)
BY_GROUP = GroupThresholds(
    COLUMNS, {"yes & a & 30 and above": 0.3, "no & a & below 30": 0.4, "yes & b & below 30": 0.7}
)


@given(st.lists(st.tuples(st.one_of(st.none(), st.booleans()), CELLS, CELLS), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_a_row_and_a_table_get_the_same_threshold(rows):
    features = pl.DataFrame({"flag": pl.Series([row[0] for row in rows], dtype=pl.Boolean)})
    beside = pl.DataFrame(
        {"word": [row[1] for row in rows], "age": [row[2] for row in rows]},
        schema={"word": pl.String, "age": pl.String},
    )
    of_table = BY_GROUP.of_table(features, beside, 0.5)
    of_rows = [
        BY_GROUP.of_row({"flag": row[0]}.__getitem__, {"word": row[1], "age": row[2]}, 0.5) for row in rows
    ]
    assert of_table.tolist() == of_rows
    told = Counter(
        doubt
        for row in rows
        for doubt in BY_GROUP.doubts_of_row({"flag": row[0]}.__getitem__, {"word": row[1], "age": row[2]})
    )
    assert BY_GROUP.doubts_of_table(features, beside) == told


@pytest.mark.parametrize("cell", [41, 41.0, "41", " 41.0 ", "4.1e1"])
def test_numbers_are_read_alike_however_they_are_written(cell):
    row = {"word": "a", "age": cell}
    assert BY_GROUP.of_row({"flag": True}.__getitem__, row, 0.5) == 0.3


@pytest.mark.parametrize(
    "row",
    [{}, {"word": None, "age": 41}, {"word": "z", "age": 41}, {"word": "a", "age": "old"}, {"word": [1]}],
)
def test_a_row_without_its_group_or_of_an_unknown_one_gets_the_common_threshold(row):
    assert BY_GROUP.of_row({"flag": True}.__getitem__, row, 0.5) == 0.5
    (doubt,) = BY_GROUP.doubts_of_row({"flag": True}.__getitem__, row)
    assert doubt.column == "flag, word, age"
    assert doubt.value.startswith("yes & ")


def test_a_row_with_a_threshold_of_its_own_is_no_doubt():
    assert not BY_GROUP.doubts_of_row({"flag": True}.__getitem__, {"word": "a", "age": 41})


def test_missing_has_no_threshold_of_its_own():
    by_group = GroupThresholds((GroupColumn("sex"),), {"(missing)": 0.1, "f": 0.4})
    features = pl.DataFrame({"sex": ["f", None, "m"]})
    assert by_group.of_table(features, None, 0.5).tolist() == [0.4, 0.5, 0.5]


def test_an_absent_column_is_missing_in_a_table():
    assert BY_GROUP.of_table(pl.DataFrame({"flag": [True, False]}), None, 0.5).tolist() == [0.5, 0.5]


def test_a_calibration_keeps_them():
    calibration = Calibration("binary", 2, threshold=0.5, by_group=BY_GROUP)
    again = Calibration.from_json(calibration.to_json())
    assert again == calibration
    assert "by_group" not in Calibration("binary", 2).to_json()
