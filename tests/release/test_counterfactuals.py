"""What is proposed really changes the answer, and changes nothing that may not change."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import RowsRefused, TenureError
from tenure.monitor.reference import reference_of
from tenure.prepare.columns import clean
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, Rule, TargetRecipe
from tenure.prepare.rows import cell_reader
from tenure.prepare.sql.expression import read_expression
from tenure.release.calibration import Calibration
from tenure.release.changes import Limits, Step, steps_of
from tenure.release.counterfactuals import goal_of, search
from tenure.release.encoding import Encoding, Feature
from tenure.release.linear import LinearPredictor
from tenure.release.scorer import Scorer, load_predictor
from tests.builders import make_parts, make_table

LIMITS = Limits(immutable=("partner", "senior"), only_up=("months", "joined"), only_down=("charges",))


def scorer_of(task: str = "binary", linear: bool = False) -> tuple[Scorer, dict[str, Any]]:
    parts = make_parts(task, linear=linear)
    name = "linear.json" if linear else "model.txt"
    scorer = Scorer(
        parts.recipe, parts.encoding, load_predictor({name: parts.model.encode()}), parts.calibration
    )
    features = clean(parts.recipe, make_table(task=task).lazy()).collect()
    return scorer, reference_of(parts.recipe, features, None)


@pytest.fixture(scope="module")
def binary() -> tuple[Scorer, dict[str, Any]]:
    return scorer_of()


def row_of(number: int, task: str = "binary", seed: int = 5) -> dict[str, Any]:
    return make_table(300, seed=seed, task=task).row(number, named=True)


@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, 299), to=st.sampled_from([None, "0.2", "0.6", "0.9"]))
def test_what_is_found_reaches_the_goal_and_keeps_to_the_limits(binary, number, to):
    scorer, reference = binary
    row = row_of(number)
    before = scorer.score_row(row)
    kept = dict(row)
    steps = steps_of(scorer, reference, LIMITS, row)
    found = search(scorer, row, steps, goal_of(scorer, before, to), 3)
    assert row == kept
    columns = {column.name: column for column in scorer.recipe.inputs}
    for one in found.found:
        changed = {**row, **{step.column: step.value for step in one.steps}}
        after = scorer.score_row(changed)
        assert after == one.score
        if to is None:
            assert after.prediction != before.prediction
        elif before.probability < float(to):
            assert after.probability >= float(to)
        else:
            assert after.probability <= float(to)
        # as a table, where cells are text, it is the same row
        table = pl.DataFrame({key: [None if value is None else str(value)] for key, value in changed.items()})
        assert scorer.score_table(table).margins[0].tolist() == list(after.margins)
        assert len({step.column for step in one.steps}) == len(one.steps)
        for step in one.steps:
            assert step.column not in (*LIMITS.immutable, "note", "customer")
            read = cell_reader(columns[step.column])
            old, new = read(row[step.column]), read(step.value)
            assert new is not None
            assert new != old
            if columns[step.column].bounds:
                low, high = columns[step.column].bounds
                assert low <= new <= high
            if columns[step.column].kind == "category":
                assert new in columns[step.column].levels
            if step.column in LIMITS.only_up:
                assert old is not None
                assert new > old
            if step.column in LIMITS.only_down:
                assert old is not None
                assert new < old


@pytest.mark.parametrize("number", range(0, 60, 7))
def test_single_changes_are_the_smallest_that_there_are(binary, number):
    scorer, reference = binary
    row = row_of(number)
    before = scorer.score_row(row)
    steps = steps_of(scorer, reference, Limits(), row)
    found = search(scorer, row, steps, goal_of(scorer, before), 1).found
    flips = [s for s in steps if scorer.score_row({**row, s.column: s.value}).prediction != before.prediction]
    smallest: dict[str, float] = {}
    for step in flips:
        smallest[step.column] = min(step.size, smallest.get(step.column, 9.0))
    assert {one.steps[0].column: one.size for one in found} == dict(
        sorted(smallest.items(), key=lambda item: item[1])[:5]
    )
    assert [one.size for one in found] == sorted(one.size for one in found)


def test_several_changes_are_told_only_where_fewer_do_not_suffice(binary):
    scorer, reference = binary
    seen = set()
    for number in range(120):
        row = row_of(number)
        before = scorer.score_row(row)
        steps = steps_of(scorer, reference, LIMITS, row)
        found = search(scorer, row, steps, goal_of(scorer, before), 3).found
        sizes = {len(one.steps) for one in found}
        seen |= sizes
        if sizes == {2}:
            for step in steps:
                assert scorer.score_row({**row, step.column: step.value}).prediction == before.prediction
        for one in found:
            for rest in itertools.combinations(one.steps, len(one.steps) - 1):
                changed = {**row, **{step.column: step.value for step in rest}}
                assert scorer.score_row(changed).prediction == before.prediction
    assert seen >= {1, 2}


def test_that_nothing_was_found_is_said(binary):
    scorer, reference = binary
    row = row_of(0)
    everything = Limits(immutable=tuple(column.name for column in scorer.recipe.inputs))
    steps = steps_of(scorer, reference, everything, row)
    found = search(scorer, row, steps, goal_of(scorer, scorer.score_row(row)), 3)
    assert (steps, found.found, found.up_to, found.whole) == ([], (), 3, True)


def test_classes_and_numbers():
    scorer, reference = scorer_of("multiclass")
    row = row_of(3, "multiclass")
    before = scorer.score_row(row)
    steps = steps_of(scorer, reference, Limits(), row)
    for label in scorer.classes:
        if label == before.prediction:
            with pytest.raises(TenureError, match="already"):
                goal_of(scorer, before, label)
            continue
        for one in search(scorer, row, steps, goal_of(scorer, before, label), 3).found:
            assert one.score.prediction == label
    assert search(scorer, row, steps, goal_of(scorer, before), 3).found
    with pytest.raises(TenureError, match="did you mean 'plus'"):
        goal_of(scorer, before, "plsu")
    with pytest.raises(TenureError, match="names one"):
        goal_of(scorer, before, "0.5")

    scorer, reference = scorer_of("regression")
    row = row_of(3, "regression")
    before = scorer.score_row(row)
    with pytest.raises(TenureError, match="--to VALUE"):
        goal_of(scorer, before)
    for wanted in (before.prediction + 5, before.prediction - 5):
        found = search(
            scorer, row, steps_of(scorer, reference, Limits(), row), goal_of(scorer, before, str(wanted))
        )
        assert found.found
        for one in found.found:
            assert (one.score.prediction >= wanted) == (wanted > before.prediction)


def test_rules_are_kept_those_that_warn_too():
    scorer, reference = scorer_of()
    kinds = {"months": "number", "charges": "number"}
    rule = read_expression("charges < 60 or months > 40", kinds, where="test", want="boolean")
    helpers = tuple(column for column in scorer.recipe.inputs if column.name in kinds)
    for then in ("leave_out", "warn"):
        recipe = replace(scorer.recipe, rules=(Rule(rule, then),), helpers=helpers)
        strict = Scorer(recipe, scorer.encoding, scorer.predictor, scorer.calibration)
        n_found = 0
        for number in range(40):
            row = row_of(number)
            try:
                before = strict.score_row(row)
            except RowsRefused:
                continue
            if before.warnings:
                continue
            steps = steps_of(strict, reference, Limits(), row)
            for one in search(strict, row, steps, goal_of(strict, before), 2).found:
                n_found += 1
                assert not one.score.warnings
                changed = {**row, **{step.column: step.value for step in one.steps}}
                charges, months = changed["charges"], changed["months"]
                assert charges is None or float(charges) < 60 or months is None or float(months) > 40
        assert n_found


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        (
            ColumnRecipe("x", "number", number_format=NumberFormat(decimal=","), bounds=(0.5, 9.0)),
            [0.5, 2.25],
            "2,25",
        ),
        (
            ColumnRecipe("x", "number", number_format=NumberFormat(percent=True), bounds=(0.1, 0.9)),
            [0.1, 0.5],
            "0.5",
        ),
        (ColumnRecipe("x", "integer", bounds=(1.0, 7.0)), [1.0, 7.0], 7),
        (
            ColumnRecipe("x", "date", date_formats=("day/month/year",), bounds=(0, 9e14)),
            [0, 864 * 10**11],
            "27/09/1972",
        ),
    ],
)
def test_values_are_written_as_the_data_are(column, cells, expected):
    recipe = Recipe(TargetRecipe("y", "regression"), (column,))
    encoding = Encoding((Feature("x", "x", "missing"),))
    scorer = Scorer(recipe, encoding, LinearPredictor([[1.0]], [0.0], [0.0]), Calibration("regression", 0))
    features = pl.DataFrame({"x": pl.Series(cells, dtype=pl.Int64 if column.kind == "date" else pl.Float64)})
    steps = steps_of(scorer, reference_of(recipe, features, None), Limits(), {"x": None})
    assert expected in [step.value for step in steps]
    read = cell_reader(column)
    assert {read(step.value) for step in steps} == set(cells)


def test_a_missing_number_that_may_go_one_way_only_stays_missing(binary):
    scorer, reference = binary
    row = {**row_of(0), "months": None, "charges": None}
    columns = {step.column for step in steps_of(scorer, reference, LIMITS, row)}
    assert columns == {"contract", "joined"}
    free = {step.column: step for step in steps_of(scorer, reference, Limits(), row)}
    assert free["months"] == Step("months", free["months"].value, 1.0)


def test_the_search_is_bounded():
    names = [f"x{i}" for i in range(400)]
    columns = tuple(ColumnRecipe(name, "number", bounds=(0.0, 1.0)) for name in names)
    recipe = Recipe(TargetRecipe("y", "binary", ("no", "yes"), "yes"), columns)
    encoding = Encoding(tuple(Feature(name, name, "value", fill=0.0) for name in names))
    scorer = Scorer(
        recipe, encoding, LinearPredictor([[0.01] * 400], [-30.0], [0.0] * 400), Calibration("binary", 2)
    )
    rng = np.random.default_rng(0)
    features = pl.DataFrame({name: rng.random(200) for name in names})
    row = features.row(0, named=True)
    steps = steps_of(scorer, reference_of(recipe, features, None), Limits(), row)
    found = search(scorer, row, steps, goal_of(scorer, scorer.score_row(row)), 3)
    assert found.found == ()
    assert found.scored <= 1_500_000 // 400
    assert not found.whole
