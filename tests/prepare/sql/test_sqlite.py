"""The language means what SQL means: its results beside SQLite's on generated rows."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from tenure.prepare.sql.expression import read_expression
from tenure.prepare.sql.row import compile_row

KINDS = {"a": "number", "b": "number", "p": "boolean", "q": "boolean", "s": "text", "t": "text"}


def generated_rows() -> list[tuple[object, ...]]:
    choose = random.Random(0)

    def number() -> float | None:
        return choose.choice([None, float(choose.randint(-5, 5)), choose.uniform(-100.0, 100.0)])

    def boolean() -> bool | None:
        return choose.choice([None, True, False])

    def text() -> str | None:
        return choose.choice([None, "".join(choose.choices("abAB ", k=choose.randint(0, 4)))])

    return [(number(), number(), boolean(), boolean(), text(), text()) for _ in range(400)]


ROWS = generated_rows()

EXPRESSIONS = [
    "a + b * 2 - -a",
    "a / b",
    "a / NULLIF(b, 0)",
    "(a + 1) / (b - 1)",
    "a < b",
    "a <= 2 AND b >= -2 OR a = b",
    "NOT (a > 0 AND b > 0)",
    "NOT a > 0 OR b <> 3",
    "p AND q",
    "p OR q",
    "p AND NOT q OR NOT p AND q",
    "a IS NULL",
    "a IS NOT NULL AND b IS NULL",
    "p IS TRUE",
    "q IS NOT TRUE",
    "p IS FALSE",
    "a IN (1, 2, 3)",
    "a NOT IN (1, 2, 3)",
    "a IN (1, NULL)",
    "a NOT IN (1, NULL)",
    "a IN (b, 1)",
    "a BETWEEN 0 AND b",
    "a NOT BETWEEN -1 AND 1",
    "CASE WHEN a > 0 THEN 'up' WHEN a < 0 THEN 'down' END",
    "CASE WHEN a > b THEN a ELSE b END",
    "CASE s WHEN 'a' THEN 1 WHEN t THEN 2 ELSE 3 END",
    "CASE WHEN p THEN s ELSE t END",
    "COALESCE(a, b, 0)",
    "COALESCE(s, t, 'none')",
    "NULLIF(a, b)",
    "NULLIF(s, 'a')",
    "ABS(a - b)",
    "ABS(-a)",
    "s || t",
    "s || '-' || COALESCE(t, '?')",
    "s < t",
    "s = t OR s >= 'b'",
    "LENGTH(s)",
    "LOWER(s)",
    "UPPER(s || t)",
    "REPLACE(s, 'a', 'xy')",
    "SUBSTR(s, 2)",
    "SUBSTR(s, 1, 2)",
    "SUBSTR(s, 2, 1)",
    "s LIKE 'a%'",
    "s NOT LIKE '%b'",
    "s LIKE '_a%B_'",
    "CASE WHEN a > 0 THEN 1 ELSE 0 END + CASE WHEN b > 0 THEN 1 ELSE 0 END",
]
# The same meaning under another name in SQLite.
RENAMED = [
    ("LEAST(a, b)", "MIN(a, b)"),
    ("GREATEST(a, b, 0)", "MAX(a, b, 0)"),
    ("SIGN(a)", "CASE WHEN a > 0 THEN 1 WHEN a < 0 THEN -1 WHEN a = 0 THEN 0 END"),
    ("IF(a > b, a, b)", "CASE WHEN a > b THEN a ELSE b END"),
    ("CAST(p AS DOUBLE) + 1", "p + 1"),
    ("CAST(a > b AS INTEGER)", "a > b"),
    ("a % b", "CASE WHEN b <> 0 THEN a - b * TRUNC(a / b) END"),
]


@pytest.mark.parametrize(("ours", "theirs"), [*((sql, sql) for sql in EXPRESSIONS), *RENAMED])
def test_the_results_are_those_of_sqlite(ours: str, theirs: str) -> None:
    step = compile_row(read_expression(ours, KINDS).tree, {name: i for i, name in enumerate(KINDS)})
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("PRAGMA case_sensitive_like = ON")
        db.execute("CREATE TABLE rows (a REAL, b REAL, p INTEGER, q INTEGER, s TEXT, t TEXT)")
        db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", ROWS)
        expected = [value for (value,) in db.execute(f"SELECT {theirs} FROM rows ORDER BY rowid")]
    for row, value in zip(ROWS, expected, strict=True):
        assert step(row) == (pytest.approx(value) if isinstance(value, float) else value), row
