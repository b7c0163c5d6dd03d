"""A schema made ready to be checked: what each feature must be, and how seriously, at one stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.config.schema import (
    ORDERED_KINDS,
    ColumnSchema,
    Rule,
    Severity,
    Stage,
    TableSchema,
    text_of_micros,
)
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.prepare.tokens import fold, squeeze

LEVELS_NAMED = 8


@dataclass(frozen=True, slots=True)
class Terms:
    """What one feature must be at one stage; what is None is not asked.

    low, high: numbers, or microseconds for dates.  keys: its levels, folded as the column folds them.
    nulls: the largest share of missing cells.  texts: each rule in words, as it ends a sentence.
    """

    column: ColumnRecipe
    low: float | None
    high: float | None
    keys: frozenset[str] | None
    nulls: float | None
    severities: Mapping[Rule, Severity]
    texts: Mapping[Rule, str]

    def key_of(self, word: str) -> str:
        """A spelling as it is looked up among keys."""
        return squeeze(word) if self.column.case_sensitive else fold(word)


def terms_of(schema: TableSchema, recipe: Recipe, stage: Stage) -> tuple[Terms, ...]:
    """The terms of recipe.own_features, in their order. Features that the schema does not list are free."""
    return tuple(_terms(schema, column, stage) for column in recipe.own_features)


def _terms(schema: TableSchema, column: ColumnRecipe, stage: Stage) -> Terms:
    asked = schema.columns.get(column.name, ColumnSchema(kind=column.kind))
    rules: tuple[Rule, ...] = ("presence", "type", "range", "levels", "nulls", "unique")
    severities = {rule: schema.severity_of(rule, stage, column.name) for rule in rules}
    # A column that has changed its kind is told of as such; its range or levels say nothing of it.
    same = (asked.kind == "date") == (column.kind == "date")
    ordered = column.kind in ORDERED_KINDS and same and severities["range"] != "off"
    low, high = asked.bounds if ordered else (None, None)
    levels = asked.levels if column.kind == "category" and severities["levels"] != "off" else None
    nulls = asked.nulls if severities["nulls"] != "off" else None
    key = squeeze if column.case_sensitive else fold
    return Terms(
        column,
        low,
        high,
        None if levels is None else frozenset(map(key, levels)),
        nulls,
        severities,
        {
            "range": _range_text(low, high, column.kind == "date"),
            "levels": _levels_text(levels or []),
            "nulls": "must not be missing"
            if nulls == 0
            else f"may be missing in {nulls or 0:.2%} of the rows at most",
        },
    )


def _range_text(low: float | None, high: float | None, is_date: bool) -> str:
    show = text_of_micros if is_date else _short
    ends = [
        *([f"at least {show(low)}"] if low is not None else []),
        *([f"at most {show(high)}"] if high is not None else []),
    ]
    return "must be " + " and ".join(ends)


def _short(number: float) -> str:
    return f"{number:.12g}"


def _levels_text(levels: list[str]) -> str:
    more = f", … ({len(levels)} levels)" if len(levels) > LEVELS_NAMED else ""
    return "must be one of " + ", ".join(levels[:LEVELS_NAMED]) + more
