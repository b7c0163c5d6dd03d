"""Columns that are missing, new, renamed, retyped or moved are named, and nothing else is."""

from __future__ import annotations

import pytest

from tenure.config.schema import ColumnSchema, TableSchema
from tenure.prepare.schema.infer import name_differences, propose
from tenure.prepare.schema.shape import compare_shape

TENURE = ColumnSchema(kind="integer", minimum=0, maximum=72, nulls=0)
CONTRACT = ColumnSchema(kind="category", levels=["Month-to-month", "One year", "Two year"])
FEE = ColumnSchema(kind="number", minimum=18.0, maximum=119.0)
COLUMNS = {
    "id": ColumnSchema(role="id", unique=True),
    "tenure": TENURE,
    "contract": CONTRACT,
    "fee": FEE,
    "churn": ColumnSchema(kind="category", role="target", levels=["No", "Yes"]),
}
SCHEMA = TableSchema(columns=COLUMNS)


def changes(learned: dict[str, ColumnSchema], stage: str = "predict") -> list[tuple[str, str, str]]:
    return [(c.change, c.column, c.severity) for c in compare_shape(SCHEMA, list(learned), learned, stage)]


def test_the_same_columns_have_not_changed() -> None:
    assert changes(COLUMNS, "prepare") == []
    assert changes({name: COLUMNS[name] for name in ("tenure", "contract", "fee")}) == []


def test_a_missing_and_a_new_column() -> None:
    learned = {"id": COLUMNS["id"], "tenure": TENURE, "contract": CONTRACT, "x9": ColumnSchema(kind="text")}
    assert changes(learned) == [("missing", "fee", "error"), ("new", "x9", "warning")]
    assert ("missing", "churn", "warning") in changes(learned, "prepare")


@pytest.mark.parametrize(
    ("old", "now", "column"),
    [
        ("tenure", "Tenure_", TENURE),
        ("tenure", "tenure_months", ColumnSchema(kind="integer", minimum=1, maximum=70)),
        (
            "contract",
            "kind_of_deal",
            ColumnSchema(kind="category", levels=["month-to-month", "one year"]),
        ),
        ("fee", "fee_eur", ColumnSchema(kind="integer", minimum=20, maximum=110)),
    ],
)
def test_a_renamed_column_is_known_by_its_name_and_content(old: str, now: str, column: ColumnSchema) -> None:
    learned = {(now if name == old else name): (column if name == old else c) for name, c in COLUMNS.items()}
    found = compare_shape(SCHEMA, list(learned), learned, "predict")
    assert [(c.change, c.column, c.now) for c in found] == [("renamed", old, now)]
    assert repr(now) in str(found[0])


@pytest.mark.parametrize(
    "column",
    [ColumnSchema(kind="text"), ColumnSchema(kind="integer", minimum=1000, maximum=9000)],
)
def test_another_content_is_no_rename(column: ColumnSchema) -> None:
    learned = {
        ("tenure_2" if n == "tenure" else n): (column if n == "tenure" else c) for n, c in COLUMNS.items()
    }
    assert [c[0] for c in changes(learned)] == ["missing", "new"]


def test_another_kind_and_another_order() -> None:
    assert changes({**COLUMNS, "fee": ColumnSchema(kind="category", levels=["low", "high"])}) == [
        ("retyped", "fee", "warning")
    ]
    assert changes({**COLUMNS, "fee": ColumnSchema(kind="integer")}) == []
    assert changes(dict(reversed(COLUMNS.items()))) == [("reordered", "churn", "warning")]


def test_a_proposal_widens_what_is_broken_and_nothing_else() -> None:
    seen = {
        **COLUMNS,
        "tenure": ColumnSchema(kind="integer", minimum=3, maximum=80, nulls=0.01),
        "contract": CONTRACT.model_copy(update={"levels": ["two year", "Weekly"]}),
        "new": ColumnSchema(kind="text"),
    }
    written = SCHEMA.model_copy(
        update={"columns": {**COLUMNS, "tenure": TENURE.model_copy(update={"description": "months"})}}
    )
    found = propose(written, TableSchema(columns=seen))
    assert found.columns["tenure"] == ColumnSchema(
        kind="integer", minimum=0, maximum=80, nulls=0.01, description="months"
    )
    assert found.columns["contract"].levels == ["Month-to-month", "One year", "Two year", "Weekly"]
    assert name_differences(written, found) == [
        "'new' is new",
        "'tenure': maximum 72 -> 80",
        "'tenure': nulls 0.0 -> 0.01",
        "'contract': 1 more level(s): 'Weekly'",
    ]
    assert propose(SCHEMA, SCHEMA) == SCHEMA
