"""The JSON Schema of one raw row: what the service accepts, for clients and for OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tenure.config.schema import Rule, TableSchema
from tenure.prepare import date_text
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.prepare.schema.infer import schema_of_recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_EXAMPLES = 20
# JSON Schema's own readers pass over keywords that they do not know.
KEYWORD = "x-tenure"

# What the row executor reads for each kind; texts are parsed by the recipe, and null is "missing".
_TYPES = {
    "number": ["number", "string", "null"],
    "integer": ["number", "string", "null"],
    "boolean": ["boolean", "string", "number", "null"],
    "category": ["string", "number", "boolean", "null"],
    "date": ["string", "integer", "null"],
    "text": ["string", "number", "boolean", "null"],
}


def row_schema(
    recipe: Recipe, schema: TableSchema | None = None, beside: Collection[str] = ()
) -> dict[str, Any]:
    """Describe one raw row as JSON Schema (draft 2020-12).

    A column that is read is required, null standing for "missing"; derived features are no keys of a row. The id
    column is optional and names the row in the journal; other keys are allowed and not read.
    Levels are examples, no closed list: an unseen level is scored as a rare one. What schema makes an error at serving
    becomes a constraint: a range, a closed list of levels (other spellings are taken too), no null; what it makes
    less than an error is not required.
    beside: columns that a decision asks for and no feature is made of; a row without one is decided all the same.
    """
    schema = schema or schema_of_recipe(recipe)
    columns = {column.name: _column_schema(column, schema) for column in recipe.inputs}
    return {
        "$schema": DIALECT,
        "title": "Row",
        "description": f"One row to predict {recipe.target.name} for.",
        "type": "object",
        "properties": {**_id_schema(recipe), **columns, **dict.fromkeys(beside, _BESIDE)},
        "required": [name for name in columns if schema.severity_of("presence", "serve", name) == "error"],
        "additionalProperties": schema.severity_of("new_columns", "serve") != "error",
    }


_BESIDE = {
    "type": ["string", "number", "boolean", "null"],
    "description": "the decision threshold depends on it; not a feature. Without it the common threshold is used",
}


def release_schema(recipe: Recipe, schema: TableSchema, beside: Collection[str] = ()) -> dict[str, Any]:
    """The schema.json of a release: the row's JSON Schema, with the whole tenure-schema under `x-tenure`."""
    return {**row_schema(recipe, schema, beside), KEYWORD: schema.to_document()}


def read_release_schema(body: dict[str, Any], recipe: Recipe) -> TableSchema:
    """The tenure-schema of a release; what its recipe knows where it was made without one. Raises ValueError."""
    return TableSchema.model_validate(body[KEYWORD]) if KEYWORD in body else schema_of_recipe(recipe)


def _id_schema(recipe: Recipe) -> dict[str, Any]:
    if recipe.id is None:
        return {}
    return {recipe.id: {"type": ["string", "number", "null"], "description": "names the row; not a feature"}}


def _column_schema(column: ColumnRecipe, schema: TableSchema) -> dict[str, Any]:
    types = list(_TYPES[column.kind])
    if column.kind == "date" and date_text.COMPACT not in column.date_formats:
        types.remove("integer")
    found: dict[str, Any] = {"type": types, "description": _describe(column)}
    examples = _examples(column)
    if examples:
        found["examples"] = examples
    return found | _constraints(column, schema, found["type"])


def _constraints(column: ColumnRecipe, schema: TableSchema, types: list[str]) -> dict[str, Any]:
    """What the service refuses by the schema, as far as JSON Schema can say it of raw cells."""
    asked = schema.columns.get(column.name)
    if asked is None:
        return {}

    def is_error(rule: Rule) -> bool:
        return schema.severity_of(rule, "serve", column.name) == "error"

    found: dict[str, Any] = {}
    may_be_null = not (asked.nulls == 0 and is_error("nulls"))
    if not may_be_null:
        found["type"] = [name for name in types if name != "null"]
    if is_error("range") and column.kind in ("number", "integer"):
        found |= {key: value for key in ("minimum", "maximum") if (value := getattr(asked, key)) is not None}
    if is_error("levels") and asked.levels is not None and column.kind == "category":
        found["enum"] = [*asked.levels, *([None] if may_be_null else [])]
    return found


def _describe(column: ColumnRecipe) -> str:
    if column.kind in ("number", "integer") and column.bounds is not None:
        low, high = column.bounds
        return f"{column.kind}, {low:.12g} to {high:.12g} in training; values beyond are clipped"
    if column.kind == "boolean":
        return " or ".join(column.labels) if column.labels else "true or false"
    if column.kind == "category":
        return f"category of {len(column.levels)} levels"
    return column.kind


def _examples(column: ColumnRecipe) -> list[Any]:
    if column.kind in ("number", "integer") and column.bounds is not None:
        low, high = column.bounds
        middle = (low + high) / 2
        return [round(middle) if column.kind == "integer" else float(f"{middle:.6g}")]
    if column.kind == "boolean":
        return list(column.labels) or [False, True]
    return list(column.levels[:MOST_EXAMPLES])
