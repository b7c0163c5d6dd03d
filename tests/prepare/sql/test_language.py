"""What the language means where SQL leaves a choice, and that docs/expressions.md tells of all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.prepare.date_text import DAY, days_of
from tenure.prepare.sql import columnar, row
from tenure.prepare.sql.calendar import PARTS, UNITS
from tenure.prepare.sql.expression import read_expression
from tenure.prepare.sql.row import compile_row
from tenure.prepare.sql.signatures import FUNCTIONS, OPERATIONS, TYPES
from tenure.prepare.sql.tree import Value

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")
KINDS = {
    "x": "number",
    "y": "number",
    "p": "boolean",
    "s": "text",
    "d": "date",
    "e": "date",
    "day minutes": "number",
}


def moment(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(days_of(year, month, day)) * DAY + hour * 3_600_000_000


ROW: tuple[Value, ...] = (2.675, 0.0, True, "Ab ÄÖ", moment(2023, 12, 31, 23), moment(2024, 1, 1, 1), 30.0)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("x / y", None),
        ("x % y", None),
        ("-7 % 3 + y", -1.0),
        ("LN(y)", None),
        ("SQRT(-x)", None),
        ("POWER(y, -1)", None),
        ("POWER(-x, 0.5)", None),
        ("EXP(x * 1000)", None),
        ("x * 1e38", None),
        ("ROUND(x, 2)", 2.68),
        ("ROUND(-x - 0.325)", -3.0),
        ("ROUND(x * 1000, -3)", 3000.0),
        ("CAST(x AS INTEGER)", 3.0),
        ("CAST(x AS VARCHAR)", "2.675"),
        ("CAST(y - 3 AS VARCHAR)", "-3"),
        ("CAST(-y AS VARCHAR)", "0"),
        ("CAST(s AS DOUBLE)", None),
        ("CAST(d AS DATE)", moment(2023, 12, 31)),
        ("CAST(e AS VARCHAR)", "2024-01-01 01:00:00"),
        ("CAST(SUBSTR(CAST(e AS VARCHAR), 1, 10) AS DATE)", moment(2024, 1, 1)),
        ("CAST(p AS VARCHAR)", "true"),
        ("LOWER(s)", "ab ÄÖ"),
        ("UPPER(s)", "AB ÄÖ"),
        ("LENGTH(s)", 5.0),
        ("TRIM(SUBSTR(s, 1, 3))", "Ab"),
        ("CONCAT(s, NULL, '!')", "Ab ÄÖ!"),
        ("s || NULL", None),
        ("LEAST(x, NULL)", None),
        ("GREATEST(x, 3, y)", 3.0),
        ("DATE_DIFF('year', d, e)", 1.0),
        ("DATE_DIFF('day', d, e)", 1.0),
        ("DATE_DIFF('hour', e, d)", -2.0),
        ("DATE_DIFF('week', d, e)", 1.0),  # a Sunday and a Monday
        ("EXTRACT(DOW FROM d)", 0.0),
        ("EXTRACT(ISODOW FROM d)", 7.0),
        ("EXTRACT(WEEK FROM d)", 52.0),
        ("EXTRACT(DOY FROM d)", 365.0),
        ("EXTRACT(QUARTER FROM d)", 4.0),
        ("p = 'yes'", True),
        ("p = 0", False),
        ("p + (x > 1) + p", 3.0),
        ("d < '2024-01-01'", True),
        ("d < TIMESTAMP '2023-12-31 22:00'", False),
        ("s LIKE 'ab%'", False),
        ("s LIKE '__ %'", True),
        ('"day minutes" / 60', 0.5),
        ("p IS NOT TRUE", False),
        ("NULL IS NULL AND p", True),
        ("CASE WHEN NULL THEN 1 WHEN p THEN x END", 2.675),
    ],
)
def test_the_meaning(sql: str, value: Value) -> None:
    step = compile_row(read_expression(sql, KINDS).tree, {name: i for i, name in enumerate(KINDS)})
    assert step(ROW) == value


@pytest.mark.parametrize("word", [*FUNCTIONS, *PARTS, *UNITS, *TYPES])
def test_every_word_is_in_the_page(word: str) -> None:
    assert f"`{word}" in PAGE


def test_every_operation_has_both_executors() -> None:
    assert columnar._BUILDERS.keys() == row._BUILDERS.keys()
    assert columnar._BUILDERS.keys() >= OPERATIONS.keys()
