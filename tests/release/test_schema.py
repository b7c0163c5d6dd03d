"""The row's schema names every feature and lists, but does not close, its levels."""

from __future__ import annotations

import json

import pytest

from tenure.release.schema import row_schema
from tests.builders import make_recipe, make_table


@pytest.fixture(scope="module")
def schema():
    return row_schema(make_recipe(make_table()))


def test_every_feature_is_required_and_nullable(schema):
    assert ["customer", *schema["required"]] == list(schema["properties"])
    assert "churn" not in schema["properties"]
    assert all("null" in column["type"] for column in schema["properties"].values())
    assert json.loads(json.dumps(schema)) == schema


def test_levels_are_examples(schema):
    assert sorted(schema["properties"]["contract"]["examples"]) == ["Month-to-month", "One year", "Two year"]
    assert "enum" not in schema["properties"]["contract"]
    assert schema["properties"]["partner"]["description"] == "No or Yes"
    assert schema["properties"]["months"]["description"].startswith("integer, 0 to 72 in training")
