"""Conformal intervals: what MAPIE learns, what the release keeps, and what it holds on new rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenure.model.intervals import half_width, intervals_on_test, rows_needed
from tenure.model.train import TrainSettings, train
from tenure.release.calibration import Calibration
from tests.model.training_tables import make_recipe, make_table

FEW = TrainSettings(budget_seconds=None, max_trials=1, threads=1, candidates=("logistic",), coverage=0.8)


def test_the_width_is_the_conformal_quantile_of_the_residuals():
    rng = np.random.default_rng(0)
    predicted, y = rng.normal(size=300), rng.normal(size=300)
    ranked = np.sort(np.abs(y - predicted))
    assert half_width(predicted, y, 0.9) == ranked[int(np.ceil(301 * 0.9)) - 1]
    n = rows_needed(0.9)
    assert np.isfinite(half_width(predicted[:n], y[:n], 0.9))


def test_intervals_hold_new_rows_about_as_often_as_they_say():
    trained = train(
        make_recipe("regression", 0), make_table("regression", 400), make_table("regression", 80, 7), FEW
    )
    test = make_table("regression", 500, seed=11)
    found = intervals_on_test(trained.calibration, trained.scores(test)[:, 0], test.y)["intervals"]
    assert found["on_test"]["low"] <= 0.83
    assert found["on_test"]["high"] >= 0.77
    assert found["mean_width"] == pytest.approx(2 * trained.calibration.half_width)


def test_a_row_and_a_table_have_the_same_bits_and_the_release_keeps_them():
    calibration = Calibration("regression", 0, coverage=0.9, half_width=0.1 + 0.2)
    again = Calibration.from_json(calibration.to_json())
    values = np.random.default_rng(1).normal(size=50)
    low, high = again.bounds(values)
    assert [calibration.bounds_row(v) for v in values.tolist()] == list(
        zip(low.tolist(), high.tolist(), strict=True)
    )


def test_too_few_rows_give_no_intervals_and_say_so():
    settings = replace(FEW, coverage=0.999)
    trained = train(
        make_recipe("regression", 0), make_table("regression", 200), make_table("regression", 40, 7), settings
    )
    assert trained.calibration.half_width is None
    assert any("no intervals" in warning for warning in trained.warnings)
