"""The two executors of the schema find the same, and a severity means what it says."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.config.schema import ColumnSchema, TableSchema, every_default
from tenure.errors import RowsRefused, SourceError
from tenure.prepare.columns import clean, read
from tenure.prepare.rows import RowCleaner
from tenure.prepare.schema.breach import refuse_errors
from tenure.prepare.schema.infer import infer_schema, schema_of_recipe
from tenure.prepare.schema.row import RowGuard
from tenure.prepare.schema.table import TableCheck, check_unique
from tenure.prepare.schema.terms import terms_of
from tests.builders import make_recipe, make_table

RAW = make_table(600, seed=3)
RECIPE = make_recipe(RAW)
TYPED = read(RECIPE, RAW.lazy()).collect()
NULLS = {name: TYPED[name].null_count() / len(TYPED) for name in TYPED.columns}
SCHEMA = infer_schema(RECIPE, NULLS, RAW.columns, {"customer": True})
CELLS = {
    "months": ["-1", "0", "12", 72, 73, 72.5, None, "n/a", 1e9],
    "charges": ["17.99", "18.5", "500", 60, None, ""],
    "contract": ["One year", "one  YEAR", "Weekly", "", None],
    "partner": ["Yes", "no", None],
    "senior": [True, False, None],
    "joined": ["2021-03-01", "1999-12-31", "2050-01-01", None],
    "note": ["moved house 3", "", None],
}


def with_rules(severity: dict[str, Any], **columns: dict[str, Any]) -> TableSchema:
    """SCHEMA with other severities, and with some facts of columns changed."""
    document = SCHEMA.to_document()
    document["severity"] = severity
    for name, facts in columns.items():
        document["columns"][name] |= facts
    return TableSchema.model_validate(document)


SCHEMAS = [
    SCHEMA,
    schema_of_recipe(RECIPE),
    with_rules({}, months={"minimum": 5, "maximum": 40}, charges={"maximum": 1000.0}),
    with_rules({}, contract={"levels": ["One year", "Weekly"]}, joined={"minimum": "2021-06-01"}),
    with_rules({"nulls": "off", "range": "off"}),
]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(SCHEMAS), st.fixed_dictionaries({k: st.sampled_from(v) for k, v in CELLS.items()}))
def test_a_row_and_a_table_of_that_row_break_the_same_rules(schema: TableSchema, row: dict[str, Any]) -> None:
    values = RowCleaner(RECIPE).clean(row)
    found = RowGuard(RECIPE, schema).check(row, values)
    terms = terms_of(schema, RECIPE, "serve")
    check = TableCheck(terms)
    check.add(
        read(RECIPE, pl.LazyFrame({k: pl.Series(k, [v], strict=False) for k, v in row.items()})).collect()
    )
    per_row = [b for b in check.breaches() if b.rule != "nulls" or schema.columns[b.column].nulls == 0]
    assert [(p.column, p.rule) for p in found] == [(b.column, b.text) for b in per_row]


def test_the_rows_that_were_inferred_from_break_nothing() -> None:
    check = TableCheck(terms_of(SCHEMA, RECIPE, "predict"))
    for piece in TYPED.iter_slices(70):
        check.add(piece)
    assert check.breaches() == []
    guard, cleaner = RowGuard(RECIPE, SCHEMA), RowCleaner(RECIPE)
    assert not any(guard.check(row, cleaner.clean(row)) for row in RAW.to_dicts())


def test_cells_are_counted_over_pieces_with_their_rows() -> None:
    odd = RAW.with_columns(
        months=pl.when(pl.int_range(pl.len()) >= 590).then(100 + pl.int_range(pl.len())).otherwise("months"),
        partner=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("partner"),
    )
    typed = read(RECIPE, odd.lazy()).collect()
    check = TableCheck(terms_of(SCHEMA, RECIPE, "predict"))
    for piece in typed.iter_slices(100):
        check.add(piece)
    found = {b.column: b for b in check.breaches()}
    assert (found["months"].cells, found["months"].rows) == (10, (590, 591, 592, 593, 594))
    assert found["months"].example == "690.0"
    assert (found["partner"].rule, found["partner"].rows) == ("nulls", (7,))
    assert set(found) == {"months", "partner"}


def test_a_share_of_missing_cells_is_over_its_limit_only_beyond_chance() -> None:
    share = SCHEMA.columns["charges"].nulls
    assert share is not None
    assert 0.02 < share < 0.1
    for n_missing, is_over in ((40, False), (80, True)):
        odd = RAW.with_columns(charges=pl.when(pl.int_range(pl.len()) >= n_missing).then(pl.lit("50")))
        check = TableCheck(terms_of(SCHEMA, RECIPE, "predict"))
        check.add(read(RECIPE, odd.lazy()).collect())
        assert bool(check.breaches()) == is_over


def test_an_error_refuses_and_names_every_cell_at_once() -> None:
    schema = with_rules({"range": "error", "levels": {"serve": "error"}, "nulls": "off"})
    row = RAW.row(0, named=True) | {"months": 100, "contract": "Weekly", "senior": None}
    guard, cleaner = RowGuard(RECIPE, schema), RowCleaner(RECIPE)
    with pytest.raises(RowsRefused) as caught:
        guard.check(row, cleaner.clean(row))
    assert [(p.column, p.value) for p in caught.value.problems] == [
        ("months", "100.0"),
        ("contract", "'Weekly'"),
    ]
    bad = row | {"charges": "cheap"}
    with pytest.raises(RowsRefused) as caught:
        guard.mend(bad, cleaner.problems(bad))
    assert {p.column for p in caught.value.problems} == {"charges", "months", "contract"}
    check = TableCheck(terms_of(schema, RECIPE, "predict"), only=["error"])
    check.add(read(RECIPE, pl.LazyFrame([row])).collect())
    with pytest.raises(SourceError, match="months"):
        refuse_errors(check.breaches(), "t.csv", "mend it")


def test_what_is_no_error_is_scored_as_missing_and_told() -> None:
    schema = with_rules({"type": "warning", "presence": {"serve": "warning"}, "nulls": "off"})
    row = RAW.row(0, named=True) | {"charges": "cheap"}
    del row["partner"]
    cleaner, guard = RowCleaner(RECIPE), RowGuard(RECIPE, schema)
    mended, warnings = guard.mend(row, cleaner.problems(row))
    assert [p.column for p in warnings] == ["charges", "partner"]
    assert mended["charges"] is None
    assert cleaner.clean(mended)
    with pytest.raises(RowsRefused):
        RowGuard(RECIPE, SCHEMA).mend(row, cleaner.problems(row))


def test_new_keys_of_a_row_are_told_where_it_is_asked() -> None:
    row = RAW.row(0, named=True) | {"extra": 1}
    values = RowCleaner(RECIPE).clean(row)
    assert RowGuard(RECIPE, SCHEMA).check(row, values) == ()
    told = RowGuard(RECIPE, with_rules({"new_columns": "warning"})).check(row, values)
    assert [p.column for p in told] == ["extra"]


def test_values_that_stand_twice_are_found_where_they_must_not() -> None:
    twice = pl.concat([RAW, RAW.head(3)])
    found = check_unique({"customer": "warning"}, twice.lazy())
    assert (found[0].cells, found[0].rows) == (3, (600, 601, 602))
    assert check_unique({"customer": "warning"}, RAW.lazy()) == []
    missing = RAW.with_columns(customer=pl.lit(None, dtype=pl.String))
    assert check_unique({"customer": "error"}, missing.lazy()) == []


def test_every_clean_value_is_inside_the_inferred_schema() -> None:
    cleaned = clean(RECIPE, RAW.lazy()).collect()
    for name, column in SCHEMA.features.items():
        low, high = column.bounds
        if low is not None and high is not None:
            assert cleaned[name].drop_nulls().is_between(low, high).all()


def test_a_schema_lists_every_column_with_its_role() -> None:
    assert list(SCHEMA.columns) == RAW.columns
    assert SCHEMA.columns["customer"] == ColumnSchema(kind=None, role="id", unique=True)
    assert SCHEMA.columns["churn"].role == "target"
    assert SCHEMA.severity == every_default()
