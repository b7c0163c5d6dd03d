"""A schema in the formats of others: Frictionless Table Schema as JSON, pandera as Python."""

from __future__ import annotations

import json
from typing import Any

from tenure.config.schema import ColumnSchema, Rule, TableSchema
from tenure.prepare.recipe import OTHER, ColumnRecipe, NumberFormat, Recipe

FRICTIONLESS = "https://datapackage.org/profiles/2.0/tableschema.json"
_NUMBERS = ("number", "integer")
_DTYPES = {"number": "pl.Float64", "integer": "pl.Float64", "boolean": "pl.Boolean"}


def to_frictionless(schema: TableSchema, recipe: Recipe) -> dict[str, Any]:
    """A Frictionless Table Schema of the file as it is written: number formats, yes and no, missing values.

    Rules that are off at `prepare` are left out; a share of missing cells above 0 and the severities have no place
    in that format. A date is described as a text where it is written otherwise than ISO 8601 does.
    """
    studied = {column.name: column for column in recipe.columns}
    tokens = sorted({token for column in recipe.own_features for token in column.null_tokens} - {""})
    spellings = {spelling for token in tokens for spelling in (token, token.upper(), token.capitalize())}
    fields = [
        _field(name, column, studied.get(name), _asked(schema, name))
        for name, column in schema.columns.items()
    ]
    return {"$schema": FRICTIONLESS, "fields": fields, "missingValues": ["", " ", *sorted(spellings)]}


def to_pandera(schema: TableSchema, recipe: Recipe) -> str:
    """A Python module with a pandera.polars schema of the table as `tenure prepare` keeps it.

    Columns are coerced, so that a file read with types fits too; words for yes and no do not become booleans.
    Rules that are off at `prepare`, and a share of missing cells above 0, are left out.
    """
    features = {column.name for column in recipe.own_features}
    lines = [
        f"        {json.dumps(name, ensure_ascii=False)}: {_pandera_column(column, _asked(schema, name))},"
        for name, column in schema.columns.items()
        if name in features or column.role == "target" or column.unique
    ]
    return "\n".join(
        [
            f'"""What tenure asks of the rows that predict {json.dumps(recipe.target.name)[1:-1]}."""',
            "",
            "from datetime import datetime",
            "",
            "import pandera.polars as pa",
            "import polars as pl",
            "",
            "schema = pa.DataFrameSchema(",
            "    {",
            *lines,
            "    }",
            ")",
            "",
        ]
    )


def _asked(schema: TableSchema, name: str) -> frozenset[Rule]:
    rules: tuple[Rule, ...] = ("presence", "type", "range", "levels", "nulls", "unique")
    return frozenset(rule for rule in rules if schema.severity_of(rule, "prepare", name) != "off")


def _field(
    name: str, column: ColumnSchema, recipe: ColumnRecipe | None, asked: frozenset[Rule]
) -> dict[str, Any]:
    field: dict[str, Any] = {"name": name, "type": "any"}
    if column.description:
        field["description"] = column.description
    if "type" in asked and recipe is not None:
        field |= _written_as(column, recipe)
    elif column.role == "target":
        field["type"] = "number" if column.kind == "number" else "string"
    constraints: dict[str, Any] = {}
    if column.nulls == 0 and "nulls" in asked:
        constraints["required"] = True
    if column.unique and "unique" in asked:
        constraints["unique"] = True
    if "range" in asked and field["type"] in (*_NUMBERS, "date", "datetime"):
        ends = {"minimum": column.minimum, "maximum": column.maximum}
        constraints |= {key: value for key, value in ends.items() if value is not None}
    if "levels" in asked and column.levels is not None and field["type"] == "string":
        # A table that was cleaned has one more level.
        constraints["enum"] = column.levels if column.role == "target" else [*column.levels, OTHER]
    return field | ({"constraints": constraints} if constraints else {})


def _written_as(column: ColumnSchema, recipe: ColumnRecipe) -> dict[str, Any]:
    """The type of a field, and how its cells are written."""
    if column.kind in _NUMBERS:
        style = recipe.number_format or NumberFormat()
        if style.accounting:
            return {"type": "any"}
        found: dict[str, Any] = {"type": "number"}
        if style.decimal != ".":
            found["decimalChar"] = style.decimal
        if style.thousands:
            found["groupChar"] = style.thousands
        if style.currency or style.percent:
            found["bareNumber"] = False
        return found
    if column.kind == "boolean":
        return {
            "type": "boolean",
            "trueValues": _spellings(recipe.true_tokens, recipe.labels[1:], "true"),
            "falseValues": _spellings(recipe.false_tokens, recipe.labels[:1], "false"),
        }
    if column.kind == "date":
        iso = recipe.date_formats == ("year-month-day",)
        midnight = all(not isinstance(end, str) or "T" not in end for end in (column.minimum, column.maximum))
        return {"type": "date" if iso and midnight else "any"}
    return {"type": "string" if column.kind in ("category", "text") else "any"}


def _spellings(tokens: tuple[str, ...], labels: tuple[str, ...], plain: str) -> list[str]:
    words = [*labels, *(w for t in (*tokens, plain) for w in (t, t.upper(), t.capitalize()))]
    return list(dict.fromkeys(words))


def _pandera_column(column: ColumnSchema, asked: frozenset[Rule]) -> str:
    kind = column.kind or "text"
    is_typed = "type" in asked
    dtype = 'pl.Datetime("us")' if kind == "date" else _DTYPES.get(kind, "pl.String")
    checks = []
    if "range" in asked:
        for check, end in (("ge", column.minimum), ("le", column.maximum)):
            if end is not None:
                checks.append(f"pa.Check.{check}({_literal(end)})")
    if "levels" in asked and column.levels is not None:
        levels = column.levels if column.role == "target" else [*column.levels, OTHER]
        checks.append(f"pa.Check.isin({json.dumps(levels, ensure_ascii=False)})")
    arguments = [
        *([dtype] if is_typed else []),
        *([f"checks=[{', '.join(checks)}]"] if checks else []),
        f"nullable={not (column.nulls == 0 and 'nulls' in asked)}",
        *(["unique=True"] if column.unique and "unique" in asked else []),
        *(["coerce=True"] if is_typed else []),
        *(["required=False"] if "presence" not in asked else []),
    ]
    return f"pa.Column({', '.join(arguments)})"


def _literal(end: float | str) -> str:
    return f"datetime.fromisoformat({end!r})" if isinstance(end, str) else repr(end)
