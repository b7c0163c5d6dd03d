"""The JSON Schema of one raw row: what the service accepts, for clients and for OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from tenure.prepare.recipe import ColumnRecipe, Recipe

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_EXAMPLES = 20

# What the row executor reads for each kind; texts are parsed by the recipe, and null is "missing".
_TYPES = {
    "number": ["number", "string", "null"],
    "integer": ["number", "string", "null"],
    "boolean": ["boolean", "string", "number", "null"],
    "category": ["string", "number", "boolean", "null"],
    "date": ["string", "integer", "null"],
    "text": ["string", "number", "boolean", "null"],
}


def row_schema(recipe: Recipe) -> dict[str, Any]:
    """Describe one raw row as JSON Schema (draft 2020-12).

    Every feature is required, null standing for "missing"; the id column is optional and names the row in the
    journal; other keys are allowed and not read.
    Levels are examples, no closed list: an unseen level is scored as a rare one.
    """
    return {
        "$schema": DIALECT,
        "title": "Row",
        "description": f"One row to predict {recipe.target.name} for.",
        "type": "object",
        "properties": {
            **_id_schema(recipe),
            **{column.name: _column_schema(column) for column in recipe.features},
        },
        "required": [column.name for column in recipe.features],
        "additionalProperties": True,
    }


def _id_schema(recipe: Recipe) -> dict[str, Any]:
    if recipe.id is None:
        return {}
    return {recipe.id: {"type": ["string", "number", "null"], "description": "names the row; not a feature"}}


def _column_schema(column: ColumnRecipe) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": list(_TYPES[column.kind]), "description": _describe(column)}
    examples = _examples(column)
    if examples:
        schema["examples"] = examples
    return schema


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
