"""Live rows from the journal's predictions to samples and labelled tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tenure.monitor.samples import SCORE, LevelSample, NumberSample
from tenure.monitor.windows import choose_window, collect_labelled, collect_live, raw_table
from tenure.prepare.recipe import OTHER, ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tests.monitor.builders import START, make_prediction

TARGET = TargetRecipe("churned", "binary", ("no", "yes"), "yes", {"no": "no", "yes": "yes"})
RECIPE = Recipe(
    TARGET,
    (
        ColumnRecipe("charge", "number", null_tokens=("",), nullable=True, bounds=(0.0, 100.0)),
        ColumnRecipe("plan", "category", null_tokens=("",), levels=("Basic", "Plus")),
        ColumnRecipe("auto", "boolean", null_tokens=("",), false_tokens=("no",), true_tokens=("yes",)),
        ColumnRecipe("note", "text", null_tokens=("",)),
    ),
)


def row(charge: object, plan: object, auto: object = "yes", note: object = "abc") -> dict[str, object]:
    return {"charge": charge, "plan": plan, "auto": auto, "note": note, "customer_id": "x"}


def test_the_window_ends_now_and_outcomes_are_given_time_to_arrive() -> None:
    until = datetime(2026, 3, 31, tzinfo=UTC)
    window = choose_window(7 * 86400, 30 * 86400, until=until)
    assert (window.since, window.until) == (until - timedelta(days=7), until)
    assert window.outcomes_since == until - timedelta(days=37)
    given = choose_window(1.0, 1.0, since=datetime(2026, 3, 1), until=datetime(2026, 3, 31))
    assert given.since == given.outcomes_since == datetime(2026, 3, 1, tzinfo=UTC)
    assert given.until == until
    assert choose_window(60, 0).until <= datetime.now(UTC)


def test_live_rows_are_cleaned_by_the_recipe_and_counted() -> None:
    rows = [
        row("12.5", " basic "),
        row(500, "Family"),
        row(None, None, "no", ""),
        row(1, "Plus", "yes", "abcde"),
    ]
    predictions = [make_prediction(i, row=r, probability=0.1 * i) for i, r in enumerate(rows)]
    predictions.append(make_prediction(9, row={"other": 1}))
    live = collect_live([predictions[:2], predictions[2:]], RECIPE, "abc")
    assert (live.n, live.unreadable) == (4, 1)
    charge, note, score = live.samples["charge"], live.samples["note"], live.samples[SCORE]
    assert isinstance(charge, NumberSample)
    assert (charge.points.tolist(), charge.nulls) == ([1.0, 12.5, 100.0], 1)
    assert live.samples["plan"] == LevelSample(3, 1, {"Basic": 1, OTHER: 1, "Plus": 1})
    assert live.samples["auto"] == LevelSample(4, 0, {"true": 3, "false": 1})
    assert isinstance(note, NumberSample)
    assert (note.mean, note.nulls) == (pytest.approx(11 / 3), 1)
    assert isinstance(score, NumberSample)
    assert score.n == 5


def test_a_row_that_is_predicted_every_day_counts_once_and_scores_are_of_the_release() -> None:
    predictions = [make_prediction(i, row=row(i, "Plus"), row_id="same") for i in range(5)]
    predictions += [make_prediction(9, row=row(9, "Plus"), row_id=None, release="old")] * 2
    live = collect_live([predictions], RECIPE, "abc")
    charge = live.samples["charge"]
    assert isinstance(charge, NumberSample)
    assert (live.n, charge.points.tolist()) == (3, [0.0, 9.0])
    score = live.samples[SCORE]
    assert isinstance(score, NumberSample)
    assert score.n == 1
    assert collect_live([], RECIPE, "abc").n == 0


def test_labelled_rows_carry_class_indices_scores_and_releases() -> None:
    pairs = [(make_prediction(i, probability=0.2), "YES" if i % 2 else "no") for i in range(4)]
    pairs.append((make_prediction(5, release="old"), "perhaps"))
    pairs.append((make_prediction(6, row_id="c0"), "yes"))  # the same row again
    labelled = collect_labelled(pairs, TARGET)
    assert labelled.y[:4].tolist() == [0, 1, 0, 1]
    assert np.isnan(labelled.y[4])
    assert len(labelled) == 5
    assert labelled.scores[0].tolist() == [0.8, 0.2]
    assert labelled.at[1] - labelled.at[0] == 3_600_000_000
    assert labelled.by_class(TARGET.classes) == {"no": 2, "yes": 2}
    assert len(labelled.known()) == 4
    assert labelled.of_release("old").outcomes == ("perhaps",)
    assert labelled.take([3, 0]).y.tolist() == [1, 0]
    assert len(collect_labelled([], TARGET)) == 0


def test_multiclass_and_regression_scores() -> None:
    three = TargetRecipe("y", "multiclass", ("a", "b", "c"), None, {"a": "a", "b": "b", "c": "c"})
    chances = {"c": 0.1, "a": 0.7, "b": 0.2}
    labelled = collect_labelled([(make_prediction(0, probabilities=chances), "b")], three)
    assert (labelled.scores.tolist(), labelled.y.tolist()) == ([[0.7, 0.2, 0.1]], [1])
    number = TargetRecipe("y", "regression", number_format=NumberFormat())
    pairs = [(make_prediction(0, prediction=3.5, probability=None), 4.25)]
    labelled = collect_labelled(pairs, number)
    assert (labelled.scores.tolist(), labelled.y.tolist()) == ([[3.5]], [4.25])


def test_labelled_rows_become_a_table_of_text() -> None:
    recipe = Recipe(TARGET, (ColumnRecipe("price", "number", number_format=NumberFormat(decimal=",")),))
    rows = [
        {"price": 1.5, "n": 3, "flag": True, "x": 0.25},
        {"price": "2,5", "n": None, "late": "z", "x": float("nan")},
    ]
    labelled = collect_labelled([(make_prediction(i, row=r), "yes") for i, r in enumerate(rows)], TARGET)
    assert raw_table(labelled, recipe).to_dict(as_series=False) == {
        "price": ["1,5", "2,5"],
        "n": ["3", None],
        "flag": ["true", None],
        "x": ["0.25", None],
        "late": [None, "z"],
        "churned": ["yes", "yes"],
    }
    assert START.tzinfo is UTC
