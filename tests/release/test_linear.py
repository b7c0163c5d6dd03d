"""The linear runtime: equal bits for a row and a table, contributions that add up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenure.errors import ReleaseError
from tenure.release.linear import LinearPredictor


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_row_equals_table_bit_for_bit(n_outputs):
    rng = np.random.default_rng(0)
    predictor = LinearPredictor.from_intercept(
        rng.normal(size=(n_outputs, 12)), rng.normal(size=n_outputs), rng.normal(size=12)
    )
    X = (rng.normal(size=(3000, 12)) * 10.0 ** rng.integers(-20, 20, (3000, 12))).astype(np.float32)
    table = predictor.margins(X)
    assert [predictor.margin_row(x) for x in X] == [tuple(row) for row in table.tolist()]
    again = LinearPredictor.from_json(json.loads(json.dumps(predictor.to_json())))
    np.testing.assert_array_equal(again.margins(X), table)


def test_contributions_sum_to_the_margin_and_the_base_is_the_margin_at_the_means():
    predictor = LinearPredictor.from_intercept([[2.0, -1.0], [0.0, 3.0]], [1.0, 2.0], [0.5, 4.0])
    X = np.array([[1, 2], [0.5, 4]], dtype=np.float32)
    phi = predictor.contributions(X)
    assert phi.shape == (2, 2, 3)
    np.testing.assert_allclose(phi.sum(axis=2), X @ np.array([[2.0, 0.0], [-1.0, 3.0]]) + [1.0, 2.0])
    assert phi[0, :, -1].tolist() == predictor.margins(X)[1].tolist() == [-2.0, 14.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearPredictor([[1.0, 2.0]], [0.0], [0.0]), "2 means"),
        (lambda: LinearPredictor([[1.0]], [0.0, 1.0], [0.0]), "1 base values"),
        (lambda: LinearPredictor([[np.nan]], [0.0], [0.0]), "finite"),
        (lambda: LinearPredictor.from_json({"format": "other"}), "'other'"),
    ],
)
def test_wrong_models_are_refused(make, message):
    with pytest.raises(ReleaseError, match=message):
        make()
