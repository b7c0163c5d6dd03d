"""A recipe is JSON that a person can read, and comes back as it was."""

from __future__ import annotations

import json

import pytest

from tenure.errors import ReleaseError
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, TargetRecipe

RECIPE = Recipe(
    target=TargetRecipe(
        "churn", "binary", ("no", "yes"), "yes", {"no": "no", "yes": "yes", "yes.": "yes"}, ("", "?")
    ),
    columns=(
        ColumnRecipe(
            "fee",
            "number",
            ("", "?"),
            nullable=True,
            number_format=NumberFormat(",", ".", ("€",)),
            bounds=(0.1, 9.0),
        ),
        ColumnRecipe("plan", "category", ("",), levels=("Größe S", "M"), has_other=True),
        ColumnRecipe("key", "identifier"),
        ColumnRecipe("since", "date", date_formats=("year-month-day",), bounds=(-5, 10**15)),
    ),
    ignored={"key": "identifier: every cell is different"},
    id="key",
    n_rows=10,
    warnings=("one",),
)


def test_round_trip_and_features() -> None:
    again = Recipe.from_json(RECIPE.to_json())
    assert again == RECIPE
    assert again.to_json() == RECIPE.to_json()
    assert [column.name for column in again.features] == ["fee", "plan", "since"]


def test_a_person_reads_one_line_a_column() -> None:
    lines = RECIPE.to_json().splitlines()
    (line,) = [line for line in lines if '"plan"' in line]
    assert json.loads(line.strip().rstrip(","))["levels"] == ["Größe S", "M"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "tenure-recipe/9"}', '{"format": "tenure-recipe/1"}']
)
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError):
        Recipe.from_json(text)
