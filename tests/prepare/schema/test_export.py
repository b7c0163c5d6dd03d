"""Frictionless and pandera load what is exported, accept the table it was inferred from, and refuse a broken one."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tenure.config import TableSchema
from tenure.prepare.columns import read, read_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.schema.export import to_frictionless, to_pandera
from tenure.release.schema import row_schema
from tests.builders import make_table
from tests.prepare.schema.test_rules import RAW, RECIPE, SCHEMA, with_rules

BREAKS: list[tuple[str, Any]] = [
    ("months", 500),
    ("contract", "Weekly"),
    ("customer", RAW["customer"][0]),
    ("partner", None),
    ("churn", "Perhaps"),
]


@pytest.fixture(scope="module")
def frictionless() -> Callable[[TableSchema, Path], Any]:
    pytest.importorskip("frictionless")
    from frictionless import Resource, Schema, system

    def validate(schema: TableSchema, path: Path) -> Any:
        descriptor = json.loads(json.dumps(to_frictionless(schema, RECIPE)))
        with system.use_context(trusted=True):
            return Resource(path=str(path), schema=Schema.from_descriptor(descriptor)).validate()

    return validate


def broken(column: str, value: Any) -> pl.DataFrame:
    return RAW.with_columns(
        pl.when(pl.int_range(pl.len()) == 5)
        .then(pl.lit(value, dtype=RAW.schema[column]))
        .otherwise(column)
        .alias(column)
    )


def pandera_schema(text: str, folder: Path) -> Any:
    path = folder / "asked.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("asked", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.schema


def kept(raw: pl.DataFrame, recipe: Recipe = RECIPE) -> pl.DataFrame:
    """Rows as `tenure prepare` keeps them."""
    typed = read(recipe, raw.lazy()).collect()
    target = raw.select(read_target(recipe.target, raw.schema[recipe.target.name])).to_series()
    return raw.with_columns(*typed).with_columns(target)


@pytest.mark.filterwarnings("ignore")
def test_frictionless_accepts_the_table_and_refuses_a_broken_one(
    frictionless: Callable[..., Any], tmp_path: Path
) -> None:
    RAW.write_csv(tmp_path / "good.csv")
    assert frictionless(SCHEMA, tmp_path / "good.csv").valid
    for column, value in BREAKS:
        broken(column, value).write_csv(tmp_path / "bad.csv")
        report = frictionless(SCHEMA, tmp_path / "bad.csv")
        assert not report.valid, column
        found = report.flatten(["rowNumber", "fieldName", "type"])
        assert any(row == 7 for row, _, _ in found), found


@pytest.mark.filterwarnings("ignore")
def test_pandera_accepts_the_kept_rows_and_refuses_broken_ones(tmp_path: Path) -> None:
    pa = pytest.importorskip("pandera.polars")
    schema = pandera_schema(to_pandera(SCHEMA, RECIPE), tmp_path)
    assert isinstance(schema, pa.DataFrameSchema)
    assert schema.validate(kept(RAW)).height == RAW.height
    for column, value in BREAKS:
        bad = kept(broken(column, value))
        if column == "churn":
            bad = bad.with_columns(churn=pl.lit("Perhaps"))
        with pytest.raises(Exception, match=column):
            schema.validate(bad)


@pytest.mark.filterwarnings("ignore")
def test_rules_that_are_off_are_not_exported(frictionless: Callable[..., Any], tmp_path: Path) -> None:
    off = with_rules(dict.fromkeys(("range", "levels", "nulls", "unique"), "off"))
    table = RAW
    for column, value in BREAKS[:4]:
        table = table.with_columns(pl.lit(value, dtype=RAW.schema[column]).alias(column))
    table.write_csv(tmp_path / "odd.csv")
    assert frictionless(off, tmp_path / "odd.csv").valid
    pandera_schema(to_pandera(off, RECIPE), tmp_path).validate(kept(table))


def test_json_schema_closes_what_the_service_refuses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    strict = with_rules({"range": "error", "levels": "error", "nulls": "error"})
    row = make_table(1, seed=8).drop("churn").row(0, named=True) | {"months": 5, "contract": "One year"}
    jsonschema.validate(row, row_schema(RECIPE, strict))
    for column, value in (("months", 500), ("contract", "Weekly"), ("partner", None)):
        odd = row | {column: value}
        jsonschema.validate(odd, row_schema(RECIPE, SCHEMA))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(odd, row_schema(RECIPE, strict))
