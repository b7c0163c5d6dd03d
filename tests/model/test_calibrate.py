"""Calibration mends what is wrong, and leaves alone what is right."""

import numpy as np
import pytest

from tenure.model.blend import blended, learn_weights
from tenure.model.calibrate import learn_calibration, row_losses


def binary_margins(n: int, slope: float):
    rng = np.random.default_rng(0)
    true = rng.normal(size=n) * 1.5 - 0.5
    y = (rng.random(n) < 1 / (1 + np.exp(-true))).astype(float)
    return (true / slope).reshape(-1, 1), y


def test_an_overconfident_model_is_drawn_in():
    margins, y = binary_margins(4000, slope=0.4)
    found = learn_calibration("binary", 2, margins, y)
    assert found.kind == "sigmoid"
    assert found.slope == pytest.approx(0.4, abs=0.05)


def test_probabilities_are_taken_as_log_odds():
    margins, y = binary_margins(4000, slope=0.4)
    found = learn_calibration("binary", 2, 1 / (1 + np.exp(-margins)), y, output="probability")
    assert found.output == "probability"
    assert found.slope == pytest.approx(0.4, abs=0.05)


def test_three_classes_get_a_temperature_and_biases():
    rng = np.random.default_rng(1)
    true = rng.normal(size=(4000, 3)) + np.array([0.5, 0.0, -0.5])
    y = np.array([rng.choice(3, p=np.exp(t) / np.exp(t).sum()) for t in true]).astype(float)
    found = learn_calibration("multiclass", 3, 3.0 * (true - [0.5, 0.0, -0.5]), y)
    assert found.kind == "softmax"
    assert found.slope == pytest.approx(1 / 3, abs=0.05)
    assert found.biases[0] > found.biases[1] > found.biases[2]


def test_few_rows_and_numbers_are_left_alone():
    margins, y = binary_margins(50, slope=0.2)
    assert learn_calibration("binary", 2, margins, y).kind == "none"
    assert learn_calibration("regression", 0, margins, y).kind == "none"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_blend_is_no_worse_than_its_best_member(task):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2 if task == "binary" else 3, 500).astype(float)
    truth = y.reshape(-1, 1) if task != "multiclass" else 2 * np.eye(3)[y.astype(int)]
    members = [truth + rng.normal(size=truth.shape) * noise for noise in (0.8, 0.9, 5.0)]
    weights = learn_weights(task, members, y)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > 0.3
    losses = [row_losses(task, m, y).mean() for m in members]
    assert row_losses(task, blended(members, weights), y).mean() <= min(losses) + 1e-9
