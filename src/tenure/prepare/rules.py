"""What a cell must be, in words: the rules that both executors name when they refuse a cell."""

from __future__ import annotations

from tenure.prepare.recipe import ColumnRecipe, Rule

MISSING_KEY = "is missing"
A_RULE = "must satisfy the rule "
A_NUMBER = "must be a number within ±1e38"  # tokens.LARGEST_NUMBER


def rule_of(column: ColumnRecipe) -> str:
    """The rule of one column, as it ends a sentence that starts with the column's name.

    >>> rule_of(ColumnRecipe("Partner", "boolean", labels=("No", "Yes")))
    'must be No or Yes'
    """
    if column.kind in ("number", "integer"):
        return A_NUMBER
    if column.kind == "boolean":
        return "must be " + " or ".join(column.labels)
    if column.kind == "date":
        formats = ", ".join(column.date_formats) or "year-month-day"
        return f"must be a date written as {formats}"
    return "must be a text or a whole number"


def words_of(rule: Rule) -> str:
    """A rule of the config, as it ends a sentence."""
    return A_RULE + rule.test.sql
