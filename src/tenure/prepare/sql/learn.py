"""Join the config's features and rules to a recipe: read, checked against its columns, studied on training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from tenure.errors import ConfigError
from tenure.prepare.learn import Study, learn_column
from tenure.prepare.levels import study_words
from tenure.prepare.recipe import FEATURE_KINDS, VALUE_KINDS, ColumnRecipe, Derived, Kind, Recipe, Rule, Then
from tenure.prepare.sql.column_recipe import derive
from tenure.prepare.sql.expression import Written, read_expression
from tenure.prepare.sql.tree import Expression, ValueKind


def with_expressions(
    recipe: Recipe,
    training: pl.DataFrame,
    features: Mapping[str, Written],
    rules: Sequence[tuple[Written, Then]] = (),
) -> Recipe:
    """The recipe with derived features, in the order of their names' mapping, and rules.

    training: raw training rows to study the features on.  A feature may read those before it.
    Raises ExpressionError for an expression that does not fit the table, ConfigError for a feature that has
    the name of a column.
    """
    if not features and not rules:
        return recipe
    reader = _Reader(recipe, training)
    for name, written in features.items():
        reader.add_feature(name, written)
    tests = [Rule(reader.read(written, want="boolean"), then) for written, then in rules]
    return replace(reader.recipe, rules=tuple(tests))


def with_features(recipe: Recipe, typed: pl.DataFrame, features: Mapping[str, str]) -> Recipe:
    """The recipe with more derived features that read nothing but its inputs, so that a row needs no more columns.

    typed: training rows as they are kept, to study the features on.  features: name -> SQL; the names are of no column.
    What the recipe has, its rules too, stays as it is. Raises ExpressionError for SQL that does not fit the inputs.
    """
    kinds: dict[str, ValueKind] = {column.name: VALUE_KINDS[column.kind] for column in recipe.inputs}
    drafts = []
    for name, sql in features.items():
        value = read_expression(sql, kinds, where=f"the generated feature {name}")
        drafts.append(Derived(ColumnRecipe(name, _FIRST_KIND[value.kind]), value))
    read = {name for draft in drafts for name in draft.value.columns} - {c.name for c in recipe.helpers}
    helpers = (*recipe.helpers, *(_bare(column) for column in recipe.inputs if column.name in read))
    values = derive(replace(recipe, derived=tuple(drafts)), typed.lazy()).select(list(features)).collect()
    studies = [_study(draft, values[draft.column.name]) for draft in drafts]
    derived = tuple(replace(d, column=study.column) for d, study in zip(drafts, studies, strict=True))
    ignored = {study.column.name: study.why for study in studies if study.why is not None}
    return replace(
        recipe,
        helpers=helpers,
        derived=(*recipe.derived, *derived),
        ignored={**recipe.ignored, **ignored},
    )


class _Reader:
    """Reads expressions one after the other, with the columns that they may read."""

    def __init__(self, recipe: Recipe, training: pl.DataFrame) -> None:
        self.recipe = recipe
        self.training = training
        self.columns = {c.name: c for column in recipe.columns if (c := _readable(column)) is not None}
        if recipe.time is not None and (moment := _time(recipe.time, training)) is not None:
            self.columns[recipe.time] = moment
        self.kinds: dict[str, ValueKind] = {name: VALUE_KINDS[c.kind] for name, c in self.columns.items()}
        self.unusable = {name: why for name, why in recipe.ignored.items() if name not in self.columns}
        self.unusable[recipe.target.name] = "it is the target"

    def read(self, written: Written, want: ValueKind | None = None) -> Expression:
        found = read_expression(
            written.sql, self.kinds, where=written.where, unusable=self.unusable, want=want
        )
        known = {column.name for column in self.recipe.helpers}
        used = (
            _bare(self.columns[name]) for name in found.columns if name in self.columns and name not in known
        )
        self.recipe = replace(self.recipe, helpers=(*self.recipe.helpers, *used))
        return found

    def add_feature(self, name: str, written: Written) -> None:
        if name in self.training.columns:
            raise ConfigError(
                f"the feature {name!r} has the name of a column",
                where=written.where,
                todo="name it otherwise",
            )
        value = self.read(written)
        draft = Derived(ColumnRecipe(name, _FIRST_KIND[value.kind]), value)
        self.recipe = replace(self.recipe, derived=(*self.recipe.derived, draft))
        study = _study(draft, self._values_of(name))
        ignored = dict(self.recipe.ignored)
        if study.why is not None:
            ignored[name] = study.why
        derived = (*self.recipe.derived[:-1], replace(draft, column=study.column))
        self.recipe = replace(self.recipe, derived=derived, ignored=ignored)
        self.kinds[name] = value.kind

    def _values_of(self, name: str) -> pl.Series:
        from tenure.prepare.columns import read

        return derive(self.recipe, read(self.recipe, self.training.lazy())).select(name).collect().to_series()


_FIRST_KIND: dict[ValueKind, Kind] = {
    "number": "number",
    "boolean": "boolean",
    "text": "category",
    "date": "date",
}


def _readable(column: ColumnRecipe) -> ColumnRecipe | None:
    """The column as an expression reads it, or None. What identifies rows has values too: names, numbers."""
    if column.kind in FEATURE_KINDS:
        return column
    if column.kind == "identifier":
        return replace(column, kind="text" if column.number_format is None else "integer")
    return None


def _bare(column: ColumnRecipe) -> ColumnRecipe:
    """The column without what is known of its values: how its cells are read is all that an expression needs."""
    return replace(column, bounds=None, levels=(), nullable=False, has_other=False)


def _time(name: str, training: pl.DataFrame) -> ColumnRecipe | None:
    column = learn_column(name, training[name], as_time=True)
    return column if column.kind in ("date", "number", "integer") else None


def _study(derived: Derived, values: pl.Series) -> Study:
    """What training knows of a derived feature."""
    column = replace(derived.column, nullable=values.null_count() > 0)
    found = values.drop_nulls()
    if found.is_empty():
        return Study(replace(column, kind="constant"), "constant: it is always missing")
    if column.kind == "category":
        counts = found.value_counts(name="n")
        words = Counter(dict(zip(counts[values.name].to_list(), counts["n"].to_list(), strict=True)))
        return Study(*study_words(column, words))
    if found.n_unique() == 1 and not column.nullable:
        return Study(replace(column, kind="constant"), f"constant: it is always {found[0]}")
    if column.kind == "boolean":
        labels = ("false", "true")
        return Study(replace(column, labels=labels, false_tokens=("false",), true_tokens=("true",)))
    low, high = found.min(), found.max()
    is_whole = column.kind == "number" and bool((found == found.floor()).all())
    return Study(replace(column, kind="integer" if is_whole else column.kind, bounds=(low, high)))  # type: ignore[arg-type]
