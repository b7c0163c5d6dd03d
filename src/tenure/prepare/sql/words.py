"""Words of the user's expressions that no cell holds: `plan = 'Basc'` is false in every row, and no mistake of SQL."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tenure.errors import nearest_names
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.prepare.split import PART, TRAIN
from tenure.prepare.sql.column_recipe import derive
from tenure.prepare.sql.tree import Call, Column, Constant, Node, walk
from tenure.prepare.tokens import fold

_COMPARING = ("eq", "ne", "in", "nullif")
_SHOWN = 5


def doubt_words(recipe: Recipe, sample: pl.DataFrame, rows: pl.LazyFrame) -> list[str]:
    """A warning for each text that an expression compares with a category, and that no training row holds.

    sample: training rows as read, those that rules leave out among them.  rows: as they are kept. Both are looked
    into only for texts that are none of the column's levels.
    """
    categories = {
        column.name: column
        for column in (*recipe.columns, *(derived.column for derived in recipe.derived))
        if column.kind == "category"
    }
    expressions = [(f"feature {d.column.name!r}", d.value.tree) for d in recipe.derived]
    expressions += [(f"rule {rule.test.sql!r}", rule.test.tree) for rule in recipe.rules]
    asked = [
        (where, categories[name], word)
        for where, tree in expressions
        for name, word in dict.fromkeys(_compared(tree))
        if name in categories and word not in categories[name].levels
    ]
    if not asked:
        return []
    pairs = [(column.name, word) for _, column, word in asked]
    sampled, kept = (
        _held(recipe, table, pairs) for table in (sample.lazy(), rows.filter(pl.col(PART) == TRAIN))
    )
    return [
        f"{where} compares {column.name!r} with {word!r}, which no training row holds; {_instead(column, word)}"
        for (where, column, word), *held in zip(asked, sampled, kept, strict=True)
        if not any(held)
    ]


def _compared(tree: Node) -> Iterator[tuple[str, str]]:
    """Columns and the texts they are compared with."""
    for node in walk(tree):
        if isinstance(node, Call) and node.op in _COMPARING:
            words = [arg.value for arg in node.args if isinstance(arg, Constant)]
            for column in (arg for arg in node.args if isinstance(arg, Column)):
                yield from ((column.name, word) for word in words if isinstance(word, str))


def _held(recipe: Recipe, rows: pl.LazyFrame, pairs: list[tuple[str, str]]) -> tuple[bool, ...]:
    found = derive(recipe, rows).select(
        (pl.col(name) == word).any().alias(str(number)) for number, (name, word) in enumerate(pairs)
    )
    return found.collect(engine="streaming").row(0)


def _instead(column: ColumnRecipe, word: str) -> str:
    alike = [level for level in column.levels if fold(level) == fold(word)]
    near = alike or nearest_names([word], column.levels)
    if near:
        case = "; letter case counts" if alike else ""
        return f"did you mean {near[0]!r}?{case}"
    levels = ", ".join(map(repr, column.levels[:_SHOWN]))
    return f"its levels are {levels}" + (", …" if len(column.levels) > _SHOWN else "")
