"""Probabilities: the textbook's numbers, the same bits for a row and a table, nothing out of range."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.errors import ReleaseError
from tenure.release.calibration import Calibration

EVERY_KIND = [
    Calibration("binary", 2),
    Calibration("binary", 2, kind="sigmoid", slope=1.3, intercept=-0.2, threshold=0.3),
    Calibration("binary", 2, output="probability"),
    Calibration("binary", 2, kind="sigmoid", output="probability", slope=0.8, intercept=0.1),
    Calibration("multiclass", 3),
    Calibration("multiclass", 3, kind="softmax", slope=0.7, biases=(0.1, -0.2, 0.0)),
    Calibration("multiclass", 3, output="probability"),
    Calibration("multiclass", 3, kind="softmax", output="probability", slope=0.7, biases=(0.1, -0.2, 0.0)),
]


def make_margins(calibration: Calibration, n_rows: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(0)
    if calibration.output == "probability":
        shares = rng.dirichlet([0.3, 0.3, 0.3], n_rows)
        return shares if calibration.task == "multiclass" else shares[:, :1].copy()
    margins = rng.normal(size=(n_rows, calibration.n_outputs)) * 10.0 ** rng.integers(-3, 4, (n_rows, 1))
    margins[:4] = np.array([[0.0], [1e308], [-1e308], [5e-324]])
    return margins


@pytest.mark.parametrize("calibration", EVERY_KIND, ids=lambda c: f"{c.task}-{c.kind}-{c.output}")
def test_row_equals_table_and_probabilities_sum_to_one(calibration):
    margins = make_margins(calibration)
    table = calibration.probabilities(margins)
    rows = [calibration.probabilities_row(tuple(row)) for row in margins.tolist()]
    assert rows == [tuple(row) for row in table.tolist()]
    assert table.shape == (len(margins), calibration.n_classes)
    assert table.min() >= 0.0
    np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@given(st.floats(-30, 30))
def test_sigmoid_is_the_logistic_function(margin):
    calibration = Calibration("binary", 2, kind="sigmoid", slope=1.5, intercept=0.25)
    expected = 1 / (1 + np.exp(-(1.5 * margin + 0.25)))
    assert calibration.probabilities_row((margin,))[1] == pytest.approx(expected, rel=1e-12)


def test_softmax_is_scipys():
    from scipy.special import softmax

    calibration = EVERY_KIND[5]
    margins = np.random.default_rng(1).normal(size=(50, 3)) * 5
    expected = softmax(0.7 * margins + [0.1, -0.2, 0.0], axis=1)
    np.testing.assert_allclose(calibration.probabilities(margins), expected, rtol=1e-12)


def test_forest_probabilities_of_zero_and_one_stay_finite():
    calibration = EVERY_KIND[3]
    low, high = (calibration.probabilities_row((p,))[1] for p in (0.0, 1.0))
    assert 0.0 < low < 1e-4
    assert 1 - 1e-4 < high < 1.0
    assert Calibration("binary", 2, output="probability").probabilities_row((1.0 + 1e-16,)) == (0.0, 1.0)


def test_regression_has_no_probabilities():
    assert Calibration("regression", 0).probabilities_row((3.0,)) == ()
    assert Calibration("regression", 0).probabilities(np.ones((4, 1))).shape == (4, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Calibration("multiclass", 3, kind="sigmoid"), "does not fit"),
        (lambda: Calibration("multiclass", 3, kind="softmax", biases=(0.0,)), "as many biases"),
        (lambda: Calibration.from_json({"format": "x"}), "'x'"),
    ],
)
def test_wrong_calibrations_are_refused(make, message):
    with pytest.raises(ReleaseError, match=message):
        make()
