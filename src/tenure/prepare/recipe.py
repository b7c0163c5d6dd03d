"""The recipe: what preparation learned from the training rows, as data that a person can read.

Two executors apply it: prepare.columns to tables, prepare.rows to one dict. Both give the same clean values:

    number, integer -> float64, inside the training range   boolean -> bool
    category -> one of the levels, or OTHER                 text    -> str, stripped
    date     -> int64, microseconds since 1970-01-01 UTC    missing -> null / None (never NaN)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tenure.errors import ReleaseError
from tenure.prepare.sql.tree import Expression, ValueKind
from tenure.records import Task

Kind = Literal["number", "integer", "boolean", "category", "date", "text", "identifier", "constant"]

FEATURE_KINDS: tuple[Kind, ...] = ("number", "integer", "boolean", "category", "date", "text")
FORMAT = "tenure-recipe/1"
OTHER = "(other)"

Then = Literal["leave_out", "warn", "refuse"]

# What a cell of each kind is as a value of an expression.
VALUE_KINDS: dict[str, ValueKind] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "category": "text",
    "text": "text",
    "date": "date",
}


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are written as text.

    decimal: "." or ",".  thousands: "", ",", ".", " " or "'".  currency: symbols or codes that may stand
    before or after.  percent: "12%" is read as 0.12.  accounting: "(5)" is read as -5.
    """

    decimal: str = "."
    thousands: str = ""
    currency: tuple[str, ...] = ()
    percent: bool = False
    accounting: bool = False

    @property
    def plain(self) -> bool:
        """Whether numbers are written as a program writes them: 12, -0.5, 1e3."""
        return self == NumberFormat()


@dataclass(frozen=True, slots=True)
class ColumnRecipe:
    """What is known of one column.

    null_tokens: texts that mean "missing", lower-case, without spaces around.
    null_values: numbers (or microseconds, for dates) that mean "missing".
    nan_is_null: a float NaN means "missing" too, as it did in the training rows; else NaN is refused.
    nullable: whether the training rows had missing values.
    levels: the canonical spelling of each level of a category, the most frequent first, without OTHER.
    has_other: whether training rows held levels too rare to be kept, so that OTHER was seen in training.
    case_sensitive: levels that differ in letter case only are different levels.
    aliases: spelling (folded; squeezed where case matters) -> the level of a category that it stands for.
    labels: how (false, true) are most often written in a boolean column.
    false_tokens, true_tokens: every spelling of false and of true, lower-case.
    number_format: how numbers are written.
    date_formats: names of prepare.date_text formats, tried in this order.
    bounds: smallest and largest training value; floats, or microseconds for dates. Values beyond are clipped.
    """

    name: str
    kind: Kind
    null_tokens: tuple[str, ...] = ()
    nan_is_null: bool = False
    nullable: bool = False
    levels: tuple[str, ...] = ()
    has_other: bool = False
    case_sensitive: bool = False
    labels: tuple[str, ...] = ()
    false_tokens: tuple[str, ...] = ()
    true_tokens: tuple[str, ...] = ()
    number_format: NumberFormat | None = None
    date_formats: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    null_values: tuple[float, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetRecipe:
    """How the target column is read.

    classes: labels as most often written in the data, (negative, positive) for binary; () for regression.
    positive: the class that a binary probability speaks of.
    spellings: folded spelling (lower-case, single spaces) -> class.
    """

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    spellings: Mapping[str, str] = field(default_factory=dict)
    null_tokens: tuple[str, ...] = ()
    number_format: NumberFormat | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature that is computed from a row's read values. column: what training knows of its values."""

    column: ColumnRecipe
    value: Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of a row's read values; a null result counts as holding, as in SQL's CHECK.

    then: what happens to a training row that breaks it: it is left out, or only counted ("warn"), or nothing
    is prepared ("refuse"). The service refuses a row that breaks it, but for "warn".
    """

    test: Expression
    then: Then = "leave_out"


@dataclass(frozen=True)
class Recipe:
    """Everything preparation learned, from n_rows training rows.

    columns: every column that was studied, in table order, with those that turned out to be useless.
    ignored: column -> why it is no feature (identifier, constant, excluded, id, time, group or weight column).
    helpers: the columns that derived features and rules read, features themselves or not.
    derived: in the order in which they are computed; one may read those before it.
    """

    target: TargetRecipe
    columns: tuple[ColumnRecipe, ...]
    ignored: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    n_rows: int = 0
    warnings: tuple[str, ...] = ()
    helpers: tuple[ColumnRecipe, ...] = ()
    derived: tuple[Derived, ...] = ()
    rules: tuple[Rule, ...] = ()

    @cached_property
    def own_features(self) -> tuple[ColumnRecipe, ...]:
        """The columns of the table that a model may use, in table order: the first of inputs and of features."""
        return tuple(c for c in self.columns if self._is_feature(c))

    @cached_property
    def inputs(self) -> tuple[ColumnRecipe, ...]:
        """The columns that a raw row must have: features in table order, then those that only expressions read."""
        names = {column.name for column in self.own_features}
        return self.own_features + tuple(column for column in self.helpers if column.name not in names)

    @cached_property
    def features(self) -> tuple[ColumnRecipe, ...]:
        """What a model may use: columns of the table in its order, then derived features."""
        return self.own_features + tuple(d.column for d in self.derived if self._is_feature(d.column))

    def _is_feature(self, column: ColumnRecipe) -> bool:
        return column.kind in FEATURE_KINDS and column.name not in self.ignored

    def to_json(self) -> str:
        """The recipe as JSON text; from_json gives an equal recipe back."""
        token_sets = _token_sets(self)
        head = {
            "format": FORMAT,
            "n_rows": self.n_rows,
            "id": self.id,
            "time": self.time,
            "group": self.group,
            **({"weight": self.weight} if self.weight else {}),
            "null_tokens": {name: list(tokens) for tokens, name in token_sets.items()},
            "target": _plain(self.target, token_sets),
        }
        # One line a column: a table that a person can read and compare.
        columns = ",\n  ".join(_line(_plain(column, token_sets)) for column in self.columns)
        lines = [f' "{key}": {_line(value)},' for key, value in head.items()]
        lines += [f' "columns": [\n  {columns}\n ],'] if columns else [' "columns": [],']
        for name, entries in self._expressions(token_sets).items():
            table = ",\n  ".join(map(_line, entries))
            lines += [f' "{name}": [\n  {table}\n ],'] if entries else []
        lines += [f' "ignored": {_line(dict(self.ignored))},', f' "warnings": {_line(list(self.warnings))}']
        return "{\n" + "\n".join(lines) + "\n}\n"

    def _expressions(self, token_sets: Mapping[tuple[str, ...], str]) -> dict[str, list[dict[str, Any]]]:
        return {
            "helpers": [_plain(column, token_sets) for column in self.helpers],
            "derived": [
                {"column": _plain(derived.column, token_sets), **derived.value.to_json()}
                for derived in self.derived
            ],
            "rules": [{"then": rule.then, **rule.test.to_json()} for rule in self.rules],
        }

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read what to_json wrote. Raises ReleaseError when it is no recipe of a known format."""
        try:
            body = json.loads(text)
            if body["format"] != FORMAT:
                raise ValueError(f"the format is {body['format']!r}, this version reads {FORMAT!r}")
            tokens = body["null_tokens"]
            return cls(
                target=TargetRecipe(**_fields(body["target"], tokens)),
                columns=tuple(ColumnRecipe(**_fields(column, tokens)) for column in body["columns"]),
                ignored=body["ignored"],
                id=body["id"],
                time=body["time"],
                group=body["group"],
                weight=body.get("weight"),
                n_rows=body["n_rows"],
                warnings=tuple(body["warnings"]),
                helpers=tuple(ColumnRecipe(**_fields(c, tokens)) for c in body.get("helpers", [])),
                derived=tuple(
                    Derived(ColumnRecipe(**_fields(entry["column"], tokens)), Expression.from_json(entry))
                    for entry in body.get("derived", [])
                ),
                rules=tuple(
                    Rule(Expression.from_json(entry), entry["then"]) for entry in body.get("rules", [])
                ),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ReleaseError(f"the recipe cannot be read: {error}", todo="train again") from error


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _token_sets(recipe: Recipe) -> dict[tuple[str, ...], str]:
    """Each different set of null tokens -> its name in the JSON, so that it is written once."""
    sets: dict[tuple[str, ...], str] = {}
    columns = (*recipe.columns, *recipe.helpers, *(derived.column for derived in recipe.derived))
    for tokens in (recipe.target.null_tokens, *(column.null_tokens for column in columns)):
        sets.setdefault(tokens, f"set {len(sets) + 1}")
    return sets


def _plain(record: ColumnRecipe | TargetRecipe, token_sets: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    """The fields of a record that are not at their default, so that a person sees only what matters."""
    fields: dict[str, Any] = {}
    for name, spec in record.__dataclass_fields__.items():
        value = getattr(record, name)
        if name == "null_tokens":
            fields[name] = token_sets[value]
        elif value in (spec.default, {}):
            continue
        elif isinstance(value, NumberFormat):
            fields[name] = {part: getattr(value, part) for part in value.__dataclass_fields__}
        elif isinstance(value, Mapping):
            fields[name] = dict(value)
        else:
            fields[name] = list(value) if isinstance(value, tuple) else value
    return fields


def _fields(body: dict[str, Any], tokens: Mapping[str, list[str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in body.items():
        fields[name] = tuple(value) if isinstance(value, list) else value
    fields["null_tokens"] = tuple(tokens[body["null_tokens"]])
    if style := fields.get("number_format"):
        fields["number_format"] = NumberFormat(**{**style, "currency": tuple(style["currency"])})
    return fields
