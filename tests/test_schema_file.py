"""schema.json: what is wrong in it is named with file, line and key; what is right comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.config import load_schema, parse_schema
from tenure.config.schema import DEFAULTS, every_default
from tenure.errors import ConfigError

GOOD = """{
 "severity": {"levels": {"serve": "error"}, "order": "off"},
 "columns": {
  "months": {"kind": "integer", "minimum": 0, "maximum": 72, "nulls": 0, "severity": {"range": "error"}},
  "plan": {"kind": "category", "levels": ["basic", "pro"], "severity": {"levels": "off"}},
  "joined": {"kind": "date", "minimum": "2020-01-01"}
 }
}"""

WRONG = [
    ('"minimum": 0', '"minimun": 0', 4, "unknown key 'columns.months.minimun'", "'minimum'"),
    ('"range": "error"', '"rang": "error"', 4, "unknown key 'columns.months.severity.rang'", "'range'"),
    ('"range": "error"', '"range": "eror"', 4, "got 'eror'", "'error'"),
    ('{"serve": "error"}', '{"server": "error"}', 2, "unknown key 'severity.levels.server'", "'serve'"),
    ('"order": "off"', '"order": {"serve": "off"}', 2, "unknown key 'severity.order.serve'", "predict"),
    ('"integer"', '"int"', 4, "got 'int'", "'integer'"),
    ('"maximum": 72', '"maximum": -1', 4, "minimum 0 is above maximum -1", "correct"),
    ('"maximum": 72', '"maximum": "high"', 4, "a number, or a date", "correct"),
    ('"minimum": "2020-01-01"', '"minimum": 5', 6, "must be a date", "correct"),
    ('"levels": ["basic", "pro"]', '"levels": "basic"', 5, "list", "[basic]"),
    ('"kind": "category"', '"kind": "text"', 5, "levels are for categories", "correct"),
    ('"nulls": 0', '"nulls": 2', 4, "less than or equal to 1", "correct"),
    ('"plan"', '"months"', 5, "stands twice", "keep one"),
    ('"nulls": 0,', '"nulls": 0', 4, "not valid JSON", "mend the syntax"),
]


@pytest.mark.parametrize(("part", "instead", "line", "what", "todo"), WRONG)
def test_a_mistake_is_named_with_its_line(part: str, instead: str, line: int, what: str, todo: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schema(GOOD.replace(part, instead, 1), "schema.json")
    assert f"line {line}" in str(caught.value.where)
    assert what in caught.value.what
    assert todo in str(caught.value.todo)


def test_a_severity_is_the_columns_else_the_tables_else_the_default() -> None:
    schema = parse_schema(GOOD, "schema.json")
    assert schema.severity_of("range", "predict", "months") == "error"
    assert schema.severity_of("range", "predict", "joined") == "warning"
    assert schema.severity_of("levels", "serve", "plan") == "off"
    assert schema.severity_of("levels", "serve", "months") == "error"
    assert schema.severity_of("levels", "predict", "months") == "warning"
    assert schema.severity_of("order", "prepare") == "off"
    assert schema.severity_of("type", "serve") == "error"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    schema = parse_schema(GOOD, "schema.json")
    (tmp_path / "schema.json").write_text(schema.to_json())
    assert load_schema(tmp_path / "schema.json") == schema
    assert load_schema(tmp_path / "other.json") is None
    # One line a column, so that two files can be compared line by line.
    assert sum('"kind"' in line for line in schema.to_json().splitlines()) == 3


def test_the_written_defaults_are_the_defaults() -> None:
    schema = parse_schema(GOOD, "schema.json").model_copy(update={"severity": every_default()})
    for rule, stages in DEFAULTS.items():
        for stage, severity in stages.items():
            assert schema.severity_of(rule, stage) == severity
