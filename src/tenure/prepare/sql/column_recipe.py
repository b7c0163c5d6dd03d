"""The expressions of a recipe for tables: derived features and rules, over columns that were read."""

from __future__ import annotations

import polars as pl

from tenure.prepare.expressions import squeezed
from tenure.prepare.recipe import Recipe, Rule
from tenure.prepare.sql.columnar import compile_columns
from tenure.prepare.sql.row_recipe import rule_words
from tenure.prepare.sql.tree import Expression
from tenure.prepare.tokens import SPACES
from tenure.records import CellProblem


def derive(recipe: Recipe, typed: pl.LazyFrame) -> pl.LazyFrame:
    """The table with its derived features after its other columns, not settled; columns of inputs as read."""
    for derived in recipe.derived:
        typed = typed.with_columns(_finished(derived.value).alias(derived.column.name))
    return typed


def find_broken(recipe: Recipe, typed: pl.DataFrame) -> list[tuple[Rule, pl.Series]]:
    """Each rule with the rows that break it, as a boolean series. typed: the inputs as read."""
    if not recipe.rules:
        return []
    whole = derive(recipe, typed.lazy())
    marks = [f"__rule {number}" for number in range(len(recipe.rules))]
    tests = zip(marks, recipe.rules, strict=True)
    broken = whole.with_columns(
        (~compile_columns(rule.test.tree)).fill_null(False).alias(mark) for mark, rule in tests
    )
    table = broken.select(marks).collect()
    return [(rule, table[mark]) for mark, rule in zip(marks, recipe.rules, strict=True)]


def describe_broken(recipe: Recipe, typed: pl.DataFrame, rule: Rule, rows: list[int]) -> list[CellProblem]:
    """What is wrong with rows that break a rule, by their numbers in typed."""
    names = rule.test.columns
    kinds: dict[str, str] = {column.name: column.kind for column in recipe.inputs}
    kinds |= {derived.column.name: derived.value.kind for derived in recipe.derived}
    chosen = derive(recipe, typed[rows].lazy()).select(names).collect().to_dicts()
    return [
        CellProblem(row, *rule_words(rule, values, kinds)) for row, values in zip(rows, chosen, strict=True)
    ]


def _finished(value: Expression) -> pl.Expr:
    """As row_recipe finishes a value."""
    found = compile_columns(value.tree)
    if value.kind == "number":
        return pl.when(found == 0.0).then(0.0).otherwise(found)
    if value.kind == "text":
        text = squeezed(found.str.strip_chars(SPACES))
        return pl.when(text != "").then(text)
    return found
