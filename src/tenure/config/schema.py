"""schema.json: what each column of the project's tables must be, and how seriously that is taken."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from tenure.config.load import explain_mistake, key_lines
from tenure.config.values import Strict
from tenure.errors import ConfigError

SCHEMA_FILE = "schema.json"

Severity = Literal["error", "warning", "off"]
Stage = Literal["prepare", "predict", "serve"]
Rule = Literal["presence", "type", "range", "levels", "nulls", "unique", "new_columns", "order"]
Kind = Literal["number", "integer", "boolean", "category", "date", "text", "identifier", "constant"]
Role = Literal["feature", "target", "id", "time", "group", "unused"]
ORDERED_KINDS = ("number", "integer", "date")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What stands where schema.json says nothing: what tenure did before there was one.
DEFAULTS: Mapping[Rule, Mapping[Stage, Severity]] = {
    "presence": {"prepare": "error", "predict": "error", "serve": "error"},
    "type": {"prepare": "warning", "predict": "warning", "serve": "error"},
    "range": {"prepare": "warning", "predict": "warning", "serve": "warning"},
    "levels": {"prepare": "warning", "predict": "warning", "serve": "warning"},
    "nulls": {"prepare": "warning", "predict": "warning", "serve": "warning"},
    "unique": {"prepare": "warning", "predict": "off", "serve": "off"},
    "new_columns": {"prepare": "warning", "predict": "warning", "serve": "off"},
    "order": {"prepare": "warning", "predict": "warning", "serve": "off"},
}


class OfTables(Strict):
    """A severity for each stage that sees tables; None: the default."""

    prepare: Severity | None = None
    predict: Severity | None = None


class OfStages(OfTables):
    """A severity for each stage; None: the default."""

    serve: Severity | None = None


class ColumnSeverities(Strict):
    """How seriously each rule of a column is taken; None: as the table says."""

    presence: Severity | OfStages | None = Field(None, description="the column is there; asked of features")
    type: Severity | OfStages | None = Field(None, description="cells can be read as the column's kind")
    range: Severity | OfStages | None = Field(None, description="minimum and maximum")
    levels: Severity | OfStages | None = Field(None, description="the cell is one of the levels")
    nulls: Severity | OfStages | None = Field(None, description="the share of missing cells")
    unique: Severity | OfTables | None = Field(
        None, description="no value is there twice; no rule of single rows"
    )


class TableSeverities(ColumnSeverities):
    """How seriously each rule is taken; None: the default."""

    new_columns: Severity | OfStages | None = Field(None, description="no column that is not listed here")
    order: Severity | OfTables | None = Field(None, description="the columns stand in the order listed here")


class ColumnSchema(Strict):
    """What is known, and asked, of one column. What is null is not asked."""

    kind: Kind | None = Field(None, description="what its cells are read as; null: not looked at")
    role: Role = Field(
        "feature", description="features are needed to predict; the others to train, if at all"
    )
    minimum: int | float | str | None = Field(None, description="a number, or a date as ISO 8601 writes it")
    maximum: int | float | str | None = Field(None, description="a number, or a date as ISO 8601 writes it")
    levels: list[str] | None = Field(None, min_length=1, description="all levels of a category")
    nulls: float | None = Field(None, ge=0, le=1, description="the largest share of missing cells; 0: none")
    unique: bool = Field(False, description="no value is there twice")
    description: str = Field("", description="for people; not read")
    severity: ColumnSeverities = ColumnSeverities()

    @field_validator("minimum", "maximum")
    @classmethod
    def _can_be_compared(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, str):
            micros_of_text(value)
        elif value is not None and not math.isfinite(value):
            raise ValueError(f"a finite number or a date is expected, got {value}")
        return value

    @model_validator(mode="after")
    def _rules_fit_the_kind(self) -> ColumnSchema:
        for name in ("minimum", "maximum"):
            value = getattr(self, name)
            if value is None:
                continue
            if self.kind is not None and self.kind not in ORDERED_KINDS:
                raise ValueError(f"{name} is for numbers and dates, the kind is {self.kind}")
            if isinstance(value, str) != (self.kind == "date"):
                wanted = 'a date such as "2024-01-31"' if self.kind == "date" else "a number"
                raise ValueError(f"{name} must be {wanted}, got {value!r}")
        if self.levels is not None and self.kind != "category":
            raise ValueError(f"levels are for categories, the kind is {self.kind}")
        low, high = self.bounds
        if low is not None and high is not None and low > high:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Minimum and maximum as numbers; dates in microseconds since 1970-01-01 UTC."""
        return _as_number(self.minimum), _as_number(self.maximum)


class TableSchema(Strict):
    """The whole of schema.json."""

    format: Literal["tenure-schema/1"] = "tenure-schema/1"
    severity: TableSeverities = TableSeverities()
    columns: dict[str, ColumnSchema] = Field(min_length=1)

    def severity_of(self, rule: Rule, stage: Stage, column: str | None = None) -> Severity:
        """How seriously a rule is taken: as the column says, else the table, else the default.

        >>> schema = TableSchema(columns={"a": ColumnSchema(severity={"levels": {"serve": "error"}})})
        >>> schema.severity_of("levels", "serve", "a"), schema.severity_of("levels", "predict", "a")
        ('error', 'warning')
        """
        if stage == "serve" and rule in ("unique", "order"):
            return "off"
        told: list[Severity | OfTables | None] = [getattr(self.severity, rule)]
        if column in self.columns and rule in ColumnSeverities.model_fields:
            told.insert(0, getattr(self.columns[column].severity, rule))
        for severity in told:
            found: Severity | None = getattr(severity, stage) if isinstance(severity, OfTables) else severity
            if found is not None:
                return found
        return DEFAULTS[rule][stage]

    @property
    def features(self) -> dict[str, ColumnSchema]:
        """The columns that a model may use."""
        return {name: column for name, column in self.columns.items() if column.role == "feature"}

    def to_document(self) -> dict[str, Any]:
        """The schema as JSON data, without what says nothing."""
        columns = {
            name: column.model_dump(mode="json", exclude_defaults=True)
            | {"kind": column.kind, "role": column.role}
            for name, column in self.columns.items()
        }
        body = {name: {"kind": c.pop("kind"), "role": c.pop("role"), **c} for name, c in columns.items()}
        severity = self.severity.model_dump(mode="json", exclude_none=True)
        return {"format": self.format, "severity": severity, "columns": body}

    def to_json(self) -> str:
        """The schema as text, one line a column; parse_schema gives an equal schema back."""
        document = self.to_document()
        rules = ",\n  ".join(f"{_line(rule)}: {_line(value)}" for rule, value in document["severity"].items())
        columns = ",\n  ".join(f"{_line(name)}: {_line(c)}" for name, c in document["columns"].items())
        severity = f"{{\n  {rules}\n }}" if rules else "{}"
        return f'{{\n "format": "{self.format}",\n "severity": {severity},\n "columns": {{\n  {columns}\n }}\n}}\n'


def every_default() -> TableSeverities:
    """The default severities, written out, for a file that people edit."""
    return TableSeverities.model_validate(
        {rule: _shortest(rule, stages) for rule, stages in DEFAULTS.items()}
    )


def load_schema(path: Path) -> TableSchema | None:
    """Read and check a schema.json; None when there is none. Raises ConfigError with file, line and key."""
    try:
        return parse_schema(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file cannot be read: {error}", where=str(path)) from error


def parse_schema(text: str, where: str) -> TableSchema:
    """Check the text of a schema.json; where: its name for messages.

    >>> parse_schema('{"columns": {\\n "a": {"kind": "number", "minimun": 0}}}', "schema.json")
    Traceback (most recent call last):
    ...
    tenure.errors.ConfigError: unknown key 'columns.a.minimun'
      where: schema.json, line 2
      next:  did you mean 'minimum'?
    """
    try:
        document = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, text, where))
    except ValueError as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError(
            f"not valid JSON: {getattr(error, 'msg', error)}", where=f"{where}{line}", todo="mend the syntax"
        ) from error
    if not isinstance(document, dict):
        raise ConfigError("an object of keys is expected", where=where, todo="start from `tenure prepare`")
    try:
        return TableSchema.model_validate(document)
    except ValidationError as error:
        raise explain_mistake(error, key_lines(text, where), where, TableSchema) from None


def micros_of_text(text: str) -> int:
    """Microseconds since 1970-01-01 UTC of a date as ISO 8601 writes it. Raises ValueError.

    >>> micros_of_text("1970-01-02")
    86400000000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'a number, or a date such as "2024-01-31", is expected, got {text!r}') from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def text_of_micros(micros: float) -> str:
    """The date, or the date and time, of microseconds since 1970-01-01 UTC.

    >>> text_of_micros(86400000000), text_of_micros(86400000001)
    ('1970-01-02', '1970-01-02T00:00:00.000001')
    """
    moment = (_EPOCH + timedelta(microseconds=int(micros))).replace(tzinfo=None).isoformat()
    return moment.removesuffix("T00:00:00")


def _once(pairs: list[tuple[str, Any]], text: str, where: str) -> dict[str, Any]:
    """The object of these keys; where one stands twice, key_lines says so with its line."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key_lines(text, where)
    return found


def _as_number(value: float | str | None) -> float | None:
    return micros_of_text(value) if isinstance(value, str) else value


def _shortest(rule: str, stages: Mapping[Stage, Severity]) -> str | dict[str, str]:
    """One word where all stages that the rule knows agree."""
    known = {s: v for s, v in stages.items() if not (s == "serve" and rule in ("unique", "order"))}
    words = set(known.values())
    return words.pop() if len(words) == 1 else {str(stage): severity for stage, severity in known.items()}


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
