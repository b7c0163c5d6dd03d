"""Equal hashes: the same columns and the same values in the same places, however they were stored."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.prepare.versions import ContentHash, hash_table, version_name

CELLS = {
    "number": st.floats(allow_nan=False, allow_infinity=False, width=64),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "text": st.text(st.characters(codec="utf-8"), max_size=8),
    "time": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
}
TYPES = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
    "time": pl.Datetime("us"),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(0, 12))
    columns = {
        kind: draw(st.lists(st.none() | cells, min_size=n, max_size=n)) for kind, cells in CELLS.items()
    }
    return pl.DataFrame(columns, schema=TYPES)


@settings(deadline=None)
@given(tables(), st.integers(1, 5))
def test_the_cuts_between_batches_do_not_count(table: pl.DataFrame, size: int) -> None:
    content = ContentHash()
    content.update(table.clear())
    for batch in table.iter_slices(size):
        content.update(batch)
    assert content.hexdigest() == hash_table(table) == hash_table(table.lazy())


@settings(deadline=None)
@given(tables(), tables())
def test_tables_have_one_hash_when_they_are_equal_and_only_then(one: pl.DataFrame, two: pl.DataFrame) -> None:
    same = one.with_columns(pl.col("number") + 0.0).equals(two.with_columns(pl.col("number") + 0.0))
    assert (hash_table(one) == hash_table(two)) == same


TABLE = pl.DataFrame(
    {
        "n": [1.5, None, -0.0, 3.0],
        "i": [1, None, -3, 4],
        "b": [True, None, False, False],
        "t": ["a", None, "", "ü\0b"],
        "d": [datetime(2020, 1, 1), None, datetime(1969, 1, 1), datetime(2262, 4, 5, 1, 2, 3, 4)],
    }
)


def test_the_hash_is_the_published_one() -> None:
    """A version of tenure that computed another would call every stored version damaged."""
    assert hash_table(TABLE) == "ffee90ef54d90816b63b920d7c2372391e09f959d87a615eca3ece88d119e3ae"
    assert version_name("0" * 64, "{}") == "5649d09ed68c"


@pytest.mark.parametrize(
    "same",
    [
        TABLE.with_columns(n=pl.Series([1.5, float("nan"), 0.0, 3.0])),
        TABLE.with_columns(pl.col("i").cast(pl.Int8)),
        TABLE.with_columns(pl.col("t").cast(pl.Categorical)),
        TABLE.with_columns(pl.col("d").dt.replace_time_zone("UTC")),
        TABLE.with_columns(pl.col("d").cast(pl.Datetime("ms")).cast(pl.Datetime("us"))).with_columns(
            d=TABLE["d"]
        ),
        pl.concat([TABLE[:1], TABLE[1:]], rechunk=False),
    ],
    ids=["zero and NaN", "narrow integers", "categorical", "zone", "unit", "chunks"],
)
def test_how_it_is_stored_does_not_count(same: pl.DataFrame) -> None:
    assert hash_table(same) == hash_table(TABLE)


@pytest.mark.parametrize(
    "other",
    [
        TABLE.reverse(),
        TABLE.select(reversed(TABLE.columns)),
        TABLE.rename({"n": "m"}),
        TABLE[:3],
        TABLE.with_columns(t=pl.Series(["", None, "a", "ü\0b"])),
        TABLE.with_columns(t=pl.Series(["a", "", None, "ü\0b"])),
        TABLE.with_columns(b=pl.Series([True, False, None, False])),
        TABLE.with_columns(pl.col("n").cast(pl.String)),
        TABLE.with_columns(d=pl.col("d").cast(pl.Int64)),
    ],
    ids=[
        "rows",
        "columns",
        "name",
        "length",
        "cell edges",
        "null text",
        "null boolean",
        "type",
        "time as integer",
    ],
)
def test_what_it_says_counts(other: pl.DataFrame) -> None:
    assert hash_table(other) != hash_table(TABLE)


@pytest.mark.parametrize(
    "options", [{"row_group_size": 2}, {"compression": "snappy"}, {"use_pyarrow": False}]
)
def test_a_parquet_file_keeps_the_hash(tmp_path: Path, options: dict[str, object]) -> None:
    table = pl.concat([TABLE] * 5)
    table.write_parquet(tmp_path / "a.parquet", **options)  # type: ignore[arg-type]
    assert hash_table(pl.scan_parquet(tmp_path / "a.parquet")) == hash_table(table)


def test_dates_are_times() -> None:
    days = pl.DataFrame({"d": [date(2020, 1, 1), None]})
    assert hash_table(days) == hash_table(pl.DataFrame({"d": [datetime(2020, 1, 1), None]}))


def test_what_has_no_hash_is_named() -> None:
    with pytest.raises(TypeError, match="'a' is List"):
        hash_table(pl.DataFrame({"a": [[1]]}))
    content = ContentHash()
    content.update(pl.DataFrame({"a": [1]}))
    with pytest.raises(TypeError, match="does not follow"):
        content.update(pl.DataFrame({"a": ["x"]}))
