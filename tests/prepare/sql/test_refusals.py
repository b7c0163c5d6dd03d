"""A wrong expression is refused with what is wrong, its place in the expression, and what to do."""

from __future__ import annotations

import pytest

from tenure.errors import ExpressionError, ReleaseError
from tenure.prepare.sql.expression import read_expression
from tenure.prepare.sql.parse import parse
from tenure.prepare.sql.tree import Expression

KINDS = {"a": "number", "b": "number", "p": "boolean", "s": "text", "d": "date", "e": "date"}

WRONG = [
    # expression, what the mark is under, part of what is said, part of what to do
    ("", "", "empty", "write"),
    ("a +", "+", "not valid SQL", "at the mark"),
    ("(a", "a", "not valid SQL", "at the mark"),
    ("'abc", "'abc", "quotation is not closed", "close"),
    ("a b", "a b", "another word", "one expression"),
    ("a; b", "a; b", "one expression", "one"),
    ("SELECT a", "a", "subquery", "data.tables"),
    ("a IN (SELECT 1)", "1", "subquery", "data.tables"),
    ("SUM(a) / b", "SUM", "aggregate", "own row"),
    ("SUM(a) OVER (ORDER BY b)", "SUM(a) OVER (ORDER BY b", "window", "own row"),
    ("COUNT(*)", "COUNT", "aggregate", "own row"),
    ("DATE_DIFF('day', d, NOW())", "NOW", "day to day", "date column"),
    ("d < CURRENT_DATE", "CURRENT_DATE", "day to day", "date column"),
    ("RANDOM()", "RANDOM", "another value", "leave it out"),
    ("SUBSTRR(s, 1)", "SUBSTRR", "SUBSTRR is not known", "SUBSTR"),
    ("YEAR(d)", "YEAR", "YEAR is not known", "EXTRACT(YEAR"),
    ("XQZ(a)", "XQZ", "XQZ is not known", "ABS, ROUND"),
    ("ABS(a, b)", "ABS(a, b", "1 argument(s), not 2", "expressions.md"),
    ("COALESCE()", "COALESCE", "1 or more", "expressions.md"),
    ("a ILIKE 'x'", "a ILIKE 'x'", "ILIKE", "LOWER"),
    ("s LIKE 'x' ESCAPE '!'", "s LIKE 'x' ESCAPE '!'", "ESCAPE", "expressions.md"),
    ("a ^ 2", "a ^ 2", "^", "POWER"),
    ("t.a + 1", "t.a", "names a table", '"t.a"'),
    ("CAST(a AS BLOB)", "a", "BLOB", "DOUBLE"),
    ("1e39 + a", "1e39", "1e38", "smaller"),
    ("1 / aa", "aa", "'aa' is not known", "did you mean 'a'"),
    ("label = 1", "label", "the target", "leave it out"),
    ("1 + 2", "1 + 2", "same in every row", "column"),
    ("a + s", "s", "a number is expected here, and this is a text", "CAST"),
    ("e - d", "e", "a number is expected here, and this is a date", "DATE_DIFF"),
    ("s = 3", "s = 3", "do not go together", "CAST"),
    ("p = 'maybe'", "p = 'maybe'", "do not go together", "'yes'"),
    ("d > 'soon'", "d > 'soon'", "do not go together", "2024-12-31"),
    ("1 < a < 3", "1 < a < 3", "do not go together", "compare"),
    ("p < p", "p < p", "no order", "="),
    ("a AND p", "a", "a boolean is expected here", "x > 0"),
    ("CASE WHEN p THEN 1 ELSE 'x' END", "p THEN 1 ELSE 'x'", "do not go together", "CAST"),
    ("EXTRACT(YAER FROM d)", "d", "'YAER' is not known", "YEAR"),
    ("DATE_DIFF('dayz', d, e)", "'dayz'", "'dayz' is not known", "day"),
    ("DATE '2023-02-30' < d", "'2023-02-30'", "no date", "2024-12-31"),
    ("CAST(d AS DOUBLE)", "d", "cannot be cast", "EXTRACT"),
    ("ROUND(a, b)", "b", "whole number", "digits"),
    ("ROUND(a, 99)", "99", "at most 15", "fewer"),
    ("SUBSTR(s, 0)", "0", "below 1", "count from 1"),
    ("REPLACE(s, '', 'x')", "''", "empty text", "write"),
    ("s LIKE s", "s", "text in quotes", "'text'"),
]


@pytest.mark.parametrize(("sql", "mark", "what", "todo"), WRONG)
def test_refused_with_its_place(sql: str, mark: str, what: str, todo: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_expression(sql, KINDS, where="tenure.yaml, line 7", unusable={"label": "it is the target"})
    error = caught.value
    assert what in error.what
    assert todo in str(error.todo)
    assert error.where == "tenure.yaml, line 7"
    assert sql[slice(*error.at)] == mark


def test_the_mark_stands_under_the_line_of_an_expression_of_several() -> None:
    with pytest.raises(ExpressionError) as caught:
        read_expression("CASE\n\tWHEN aa > 1 THEN 2\nEND", KINDS)
    assert "     WHEN aa > 1 THEN 2\n          ^^\n" in str(caught.value)


@pytest.mark.parametrize(
    "sql", ["(" * 5000 + "a" + ")" * 4900, "-" * 99 + " a", "NOT " * 2000 + "p", "a" * 20_000]
)
def test_deep_and_long_expressions_end_in_an_error_too(sql: str) -> None:
    with pytest.raises(ExpressionError):
        read_expression(sql, {"p": "boolean"})


def test_a_kind_that_is_wanted_must_come_out() -> None:
    with pytest.raises(ExpressionError, match="a boolean is expected, and this is a number"):
        read_expression("a + 1", KINDS, want="boolean")


def test_syntax_is_read_without_a_table() -> None:
    assert parse("nobody + knows", "here") is not None


@pytest.mark.parametrize("body", [{}, {"sql": "a", "tree": 3}, {"sql": "a", "tree": ["column", "number"]}])
def test_a_damaged_expression_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ReleaseError, match="cannot be read"):
        Expression.from_json(body)
