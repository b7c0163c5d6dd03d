"""Both executors of an encoding give the same bits, and each operation does what its name says."""

from __future__ import annotations

import datetime
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import ReleaseError
from tenure.release.encoding import Encoding, Feature, encode_table, row_encoder
from tenure.release.encoding_row import date_part
from tenure.release.encoding_table import ListColumn, TableEncoder

NAN = float("nan")
SCHEMA = {"n": pl.Float64, "c": pl.String, "b": pl.Boolean, "d": pl.Int64, "t": pl.String}

EVERY_OPERATION = Encoding(
    (
        Feature("b", "b", "boolean"),
        Feature("n", "n", "value"),
        Feature("n filled", "n", "value", fill=-1.5, low=-10.1, high=1e300),
        Feature("n missing", "n", "missing"),
        Feature("n above", "n", "hinge", knot=0.3, fill=0.0),
        Feature("c=a", "c", "level", level="a"),
        Feature("c other", "c", "other", levels=("a", "b")),
        Feature("c rate", "c", "target", levels=("a", "b"), values=(0.1, 1e39), other=0.3, fill=0.7),
        Feature("c code", "c", "code", levels=("b", "a"), other=7.0),
        Feature("c missing", "c", "missing"),
        Feature("b filled", "b", "boolean", fill=0.5),
        Feature("b missing", "b", "missing"),
        *(
            Feature(f"d {p}", "d", "date", part=p, fill=9.0)
            for p in ("days", "year", "month", "day", "weekday", "hour")
        ),
        Feature("d missing", "d", "missing"),
        Feature("t length", "t", "text", part="length"),
        Feature("t words", "t", "text", part="words", fill=0.0),
        Feature("t has", "t", "text", part="contains", word="Straße"),
    )
)

numbers = st.one_of(
    st.none(),
    st.floats(allow_nan=False),
    st.sampled_from([0.0, -0.0, 0.3, -10.1, 3.4028235e38, 3.5e38, -1e308, 1e-40, 5e-324, 16777217.0, 0.1]),
)
years_in_microseconds = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
clean_rows = st.tuples(
    numbers,
    st.one_of(st.none(), st.sampled_from(["a", "b", "c", "(other)", ""])),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), years_in_microseconds),
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["STRASSE 1", "die straße", "a  b c"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(clean_rows, max_size=12))
def test_row_and_table_give_the_same_bits(rows):
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    table = encode_table(EVERY_OPERATION, frame)
    encode = row_encoder(EVERY_OPERATION, list(SCHEMA))
    lists = {name: ListColumn([row[place] for row in rows]) for place, name in enumerate(SCHEMA)}
    assert TableEncoder(EVERY_OPERATION)(lists, len(rows)).tobytes() == table.tobytes()
    assert table.dtype == np.float32
    assert table.flags["C_CONTIGUOUS"]
    for row, expected in zip(rows, table, strict=True):
        assert encode(row).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        (Feature("x", "x", "value"), 2.5, 2.5),
        (Feature("x", "x", "value"), None, NAN),
        (Feature("x", "x", "value"), 1e300, 3.4028234663852886e38),
        (Feature("x", "x", "value", high=2.0), math.inf, 2.0),
        (Feature("x", "x", "value", fill=4.0), None, 4.0),
        (Feature("x", "x", "value", fill=4.0), NAN, 4.0),
        (Feature("x", "x", "missing"), None, 1.0),
        (Feature("x", "x", "missing"), 0.0, 0.0),
        (Feature("x", "x", "hinge", knot=2.0), 5.0, 3.0),
        (Feature("x", "x", "hinge", knot=2.0), 1.0, 0.0),
        (Feature("x", "x", "level", level="a"), "a", 1.0),
        (Feature("x", "x", "level", level="a"), None, 0.0),
        (Feature("x", "x", "other", levels=("a",)), "z", 1.0),
        (Feature("x", "x", "other", levels=("a",)), None, 0.0),
        (Feature("x", "x", "boolean"), True, 1.0),
        (Feature("x", "x", "boolean"), False, 0.0),
        (Feature("x", "x", "boolean"), None, NAN),
        (Feature("x", "x", "target", levels=("a",), values=(0.25,), other=0.5), "a", 0.25),
        (Feature("x", "x", "target", levels=("a",), values=(0.25,), other=0.5), "z", 0.5),
        (Feature("x", "x", "target", levels=("a",), values=(0.25,), other=0.5), None, NAN),
        (Feature("x", "x", "code", levels=("a", "b")), "b", 1.0),
        (Feature("x", "x", "code", levels=("a", "b")), "z", NAN),
        (Feature("x", "x", "text", part="words"), " two  words ", 2.0),
        (Feature("x", "x", "text", part="contains", word="ABC"), "xabcx", 1.0),
    ],
)
def test_operation(feature, value, expected):
    result = row_encoder(Encoding((feature,)), ["x"])((value,))
    np.testing.assert_array_equal(result, np.array([expected], dtype=np.float32))


@given(years_in_microseconds)
def test_date_parts_are_those_of_the_calendar(microseconds):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)
    found = [date_part(microseconds, part) for part in ("year", "month", "day", "weekday", "hour")]
    assert found == [moment.year, moment.month, moment.day, moment.isoweekday(), moment.hour]


def test_features_keep_their_order_across_columns():
    encoding = Encoding(
        (Feature("b", "b", "value"), Feature("a", "a", "value"), Feature("b?", "b", "missing"))
    )
    assert row_encoder(encoding, ["a", "unused", "b"])((1.0, None, 2.0)).tolist() == [2.0, 1.0, 0.0]
    frame = pl.DataFrame({"a": [1.0], "b": [2.0]})
    assert encode_table(encoding, frame).tolist() == [[2.0, 1.0, 0.0]]


def test_empty_table_and_all_null_columns():
    frame = pl.DataFrame([(None,) * 5] * 3, schema=SCHEMA, orient="row")
    assert encode_table(EVERY_OPERATION, frame.clear()).shape == (0, len(EVERY_OPERATION.features))
    expected = row_encoder(EVERY_OPERATION, list(SCHEMA))((None,) * 5)
    np.testing.assert_array_equal(encode_table(EVERY_OPERATION, frame), np.stack([expected] * 3))


def test_json_round_trip():
    assert Encoding.from_json(EVERY_OPERATION.to_json()) == EVERY_OPERATION


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Feature("x", "x", "exec"), "unknown operation"),
        (lambda: Feature("x", "x", "target", levels=("a",)), "1 levels but 0 values"),
        (lambda: Feature("x", "x", "hinge"), "needs a knot"),
        (lambda: Feature("x", "x", "level"), "needs a level"),
        (lambda: Feature("x", "x", "date", part="length"), "part must be one of days"),
        (lambda: Feature("x", "x", "text", part="contains"), "needs a word"),
        (lambda: Encoding((Feature("x", "x", "value"), Feature("x", "y", "value"))), "there twice: x"),
        (lambda: Encoding.from_json({"format": "tenure-encoding/9", "features": []}), "tenure-encoding/9"),
        (
            lambda: Encoding.from_json({**Encoding(()).to_json(), "features": [{"eval": "1"}]}),
            "unknown fields: eval",
        ),
        (lambda: row_encoder(Encoding((Feature("x", "x", "value"),)), ["y"]), "'x'"),
        (lambda: encode_table(Encoding((Feature("x", "x", "value"),)), pl.DataFrame({"y": [1]})), "'x'"),
    ],
)
def test_wrong_encodings_are_refused(make, message):
    with pytest.raises(ReleaseError, match=message):
        make()
