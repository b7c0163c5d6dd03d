"""Infer a schema from what training rows show, and propose how one must change to fit them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tenure.config.schema import ORDERED_KINDS, ColumnSchema, Role, TableSchema, every_default, text_of_micros
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.prepare.tokens import fold, squeeze


def infer_schema(
    recipe: Recipe, nulls: Mapping[str, float], columns: Sequence[str], unique: Mapping[str, bool]
) -> TableSchema:
    """What training rows show of each column of their table, with the default severities.

    nulls: feature -> share of cells that are missing or cannot be read.
    columns: every column of the table, in its order.
    unique: columns that were looked at -> whether no value is there twice.
    """
    studied = {column.name: column for column in recipe.columns}
    features = {column.name for column in recipe.own_features}
    found = {}
    for name in columns:
        if name in features:
            found[name] = _feature(studied[name], nulls[name])
        elif name == recipe.target.name:
            found[name] = _target(recipe)
        else:
            kind = studied[name].kind if name in studied else None
            found[name] = ColumnSchema(kind=kind, role=_role(recipe, name), unique=unique.get(name, False))
    return TableSchema(severity=every_default(), columns=found)


def schema_of_recipe(recipe: Recipe) -> TableSchema:
    """What a recipe alone knows of its features, for releases that were made without a schema."""
    return TableSchema(columns={column.name: describe_column(column) for column in recipe.own_features})


def describe_column(column: ColumnRecipe) -> ColumnSchema:
    """What a column's recipe knows of it."""
    return _column(column, _levels(column), None if column.nullable else 0.0)


def propose(written: TableSchema, inferred: TableSchema) -> TableSchema:
    """The written schema, widened by no more than what the rows behind inferred break it by.

    Severities and descriptions stay; columns that are gone go, new ones are added; a new kind is taken over with
    what was inferred of it.
    """
    columns = {
        name: _widened(written.columns[name], column) if name in written.columns else column
        for name, column in inferred.columns.items()
    }
    return TableSchema(severity=written.severity, columns=columns)


def widen(schema: TableSchema, recipe: Recipe) -> TableSchema:
    """The schema, with its features widened by what the training rows of a newer recipe hold.

    A challenger that learned from live rows must not warn of what it has learned.
    """
    columns = dict(schema.columns)
    for column in recipe.own_features:
        seen = _column(column, list(column.levels), None if column.nullable else 0.0)
        written = columns.get(column.name, seen)
        update = {"nulls": None} if column.nullable and written.nulls == 0 else {}
        columns[column.name] = _widened(written, seen).model_copy(update=update)
    return TableSchema(severity=schema.severity, columns=columns)


def name_differences(before: TableSchema, after: TableSchema) -> list[str]:
    """What differs between two schemas, one line a fact."""
    lines = [f"{name!r} is gone" for name in before.columns if name not in after.columns]
    lines += [f"{name!r} is new" for name in after.columns if name not in before.columns]
    for name, old in before.columns.items():
        new = after.columns.get(name)
        if new is None or new == old:
            continue
        for fact in ("kind", "role", "minimum", "maximum", "nulls", "unique"):
            if getattr(old, fact) != getattr(new, fact):
                lines.append(f"{name!r}: {fact} {getattr(old, fact)} -> {getattr(new, fact)}")
        if old.levels != new.levels:
            more = [level for level in new.levels or [] if level not in (old.levels or [])]
            shown = ", ".join(map(repr, more[:5])) + (", …" if len(more) > 5 else "")
            lines.append(
                f"{name!r}: {len(more)} more level(s): {shown}" if more else f"{name!r}: levels differ"
            )
    return lines


def is_retyped(old: ColumnSchema, new: ColumnSchema) -> bool:
    """Whether a column is no longer of the kind that was written; whole numbers are numbers too."""
    if old.kind is None or new.kind is None or old.kind == new.kind:
        return False
    return (old.kind, new.kind) != ("number", "integer")


def _widened(written: ColumnSchema, inferred: ColumnSchema) -> ColumnSchema:
    if is_retyped(written, inferred):
        return inferred.model_copy(update={"severity": written.severity, "description": written.description})
    update: dict[str, object] = {"unique": written.unique and (inferred.unique or inferred.role == "feature")}
    (low, high), (seen_low, seen_high) = written.bounds, inferred.bounds
    if low is not None and seen_low is not None and seen_low < low:
        update["minimum"] = inferred.minimum
    if high is not None and seen_high is not None and seen_high > high:
        update["maximum"] = inferred.maximum
    if written.levels is not None and inferred.kind == "category":
        seen = inferred.levels or []
        key = fold if len(set(map(fold, seen))) == len(seen) else squeeze
        known = set(map(key, written.levels))
        more = None if inferred.levels is None else [level for level in seen if key(level) not in known]
        update["levels"] = None if more is None else written.levels + more
    if written.nulls is not None and inferred.nulls is not None and exceeds(inferred.nulls, written.nulls, 0):
        update["nulls"] = inferred.nulls
    return written.model_copy(update=update)


def exceeds(share: float, limit: float, n_rows: int) -> bool:
    """Whether a share of n_rows is above a limit by more than 3 standard errors; above 0, any is. 0: by any."""
    allowance = 3.0 * math.sqrt(limit * (1.0 - limit) / n_rows) if n_rows else 0.0
    return share > limit + allowance


def _feature(column: ColumnRecipe, nulls: float) -> ColumnSchema:
    # Rounded up, so that the rows it was taken from keep to it.
    return _column(column, _levels(column), math.ceil(nulls * 10_000) / 10_000)


def _column(column: ColumnRecipe, levels: list[str] | None, nulls: float | None) -> ColumnSchema:
    low: float | str | None = None
    high: float | str | None = None
    if column.bounds is not None and column.kind in ORDERED_KINDS:  # a constant has bounds, too
        low, high = column.bounds
        if column.kind == "date":
            low, high = text_of_micros(low), text_of_micros(high)
        elif column.kind == "integer":
            low, high = int(low), int(high)
    return ColumnSchema(
        kind=column.kind,
        minimum=low,
        maximum=high,
        levels=levels if column.kind == "category" and levels else None,
        nulls=nulls,
    )


def _levels(column: ColumnRecipe) -> list[str] | None:
    """Every level of a category; None where training rows held more, too rare to be kept.

    There a word that is not known is no surprise, and rare words may be of one person.
    """
    return None if column.has_other else list(column.levels)


def _target(recipe: Recipe) -> ColumnSchema:
    if recipe.target.classes:
        return ColumnSchema(kind="category", role="target", levels=list(recipe.target.classes))
    return ColumnSchema(kind="number", role="target")


def _role(recipe: Recipe, name: str) -> Role:
    roles: tuple[tuple[str | None, Role], ...] = (
        (recipe.id, "id"),
        (recipe.time, "time"),
        (recipe.group, "group"),
    )
    return next((role for column, role in roles if column == name), "unused")
