"""Spellings that may mean one level are proposed with their evidence; other words are left alone."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.prepare.columns import target_values
from tenure.prepare.learn import learn_column, learn_recipe, learn_target
from tenure.prepare.spellings import Proposal, distance, propose_spellings
from tests.prepare.test_parity import TABLES


def proposals(counts: dict[str, int], y: list[float] | None = None) -> list[Proposal]:
    cells = pl.Series("c", [cell for cell, n in counts.items() for _ in range(n)])
    return propose_spellings(learn_column("c", cells), cells, None if y is None else np.array(y))


@pytest.mark.parametrize(
    ("spelling", "level", "how"),
    [
        ("Month to month", "Month-to-month", "punctuation"),
        ("N.Y.", "NY", "punctuation"),
        ("Cafe", "Café", "accents"),
        ("ZÜRICH", "Zurich", "accents"),
        ("Plan-2", "Plan 2", "punctuation"),
    ],
)
def test_the_same_letters_are_the_same_level(spelling: str, level: str, how: str) -> None:
    (found,) = proposals({level: 60, spelling: 40, "Something else": 100})
    assert (found.spelling, found.level, found.how) == (spelling, level, how)
    assert (found.n_spelling, found.n_level, found.is_safe) == (40, 60, True)


@pytest.mark.parametrize(
    ("spelling", "level", "letters"),
    [
        ("Surburban", "Suburban", 1),
        ("Electornic check", "Electronic check", 1),
        ("Fibre optik", "Fiber optic", 2),
    ],
)
def test_slips_are_proposed_and_left_to_a_person(spelling: str, level: str, letters: int) -> None:
    found = proposals({level: 400, spelling: 4, "Something else": 100})
    assert [(p.spelling, p.level, p.distance, p.is_safe) for p in found] == [
        (spelling, level, letters, False)
    ]


@pytest.mark.parametrize(
    ("rare", "frequent"),
    [
        ("Male", "Female"),
        ("South Carolina", "North Carolina"),
        ("Unmarried", "Married"),
        ("A-", "A"),
        ("C++", "C"),
        ("<=50K", ">50K"),
        ("Plan 1-2", "Plan 12"),
        ("Building 12345", "Building 12346"),
        ("Austria", "Australia"),
    ],
)
def test_other_words_are_other_levels(rare: str, frequent: str) -> None:
    assert proposals({frequent: 400, rare: 5, "Something else": 100}) == []


def test_two_frequent_words_are_two_levels() -> None:
    assert proposals({"Suburban": 400, "Surburban": 100}) == []


def test_a_spelling_with_another_target_is_another_level() -> None:
    same = [0.0, 1.0] * 220
    found = proposals({"Month-to-month": 400, "Month to month": 40}, same)
    assert found[0].is_safe
    assert found[0].sigmas == 0.0
    other = [0.0, 1.0] * 200 + [1.0] * 40
    (found_apart,) = proposals({"Month-to-month": 400, "Month to month": 40}, other)
    assert not found_apart.is_safe
    assert proposals({"Suburban": 400, "Surburban": 20}, [0.0, 1.0] * 200 + [1.0] * 20) == []


def test_what_is_listed_already_is_not_proposed_again() -> None:
    cells = pl.Series("c", ["NY"] * 50 + ["N.Y."] * 20 + ["LA"] * 50)
    column = learn_recipe(
        pl.DataFrame({"c": cells, "y": ["a", "b"] * 60}),
        learn_target(pl.Series("y", ["a", "b"] * 60)),
        levels={"c": {"N.Y.": "NY"}},
    ).features[0]
    assert propose_spellings(column, cells) == []


def test_distance_is_that_of_the_matrix() -> None:
    words = ["", "a", "ab", "ba", "abc", "acb", "kitten", "sitting", "surburban", "suburban"]
    for a in words:
        for b in words:
            assert distance(a, b, 20) == distance(b, a, 20)
            assert distance(a, b, 1) == min(distance(a, b, 20), 2)
    assert distance("kitten", "sitting", 20) == 3


@pytest.mark.parametrize("name", TABLES)
def test_real_tables_are_spelled_well(shared_data: Path, name: str) -> None:
    content = (shared_data / name).read_bytes()
    raw = pl.read_csv(
        io.BytesIO(gzip.decompress(content) if name.endswith(".gz") else content), infer_schema=False
    )
    target = learn_target(raw[TABLES[name]])
    y = target_values(target, raw[TABLES[name]])
    recipe = learn_recipe(raw, target)
    assert [p for column in recipe.features for p in propose_spellings(column, raw[column.name], y)] == []
