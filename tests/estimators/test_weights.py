"""Sample weights: a weight of two is the row given twice, of zero the row left out, and others multiply losses."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import tenure
from tenure.estimators.weights import MOST_COPIES, count_rows

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

QUICK = {"candidates": ["lightgbm"], "trials": 1, "threads": 1}


def make_rows(n: int = 300, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    frame = pl.DataFrame({"x": x, "kind": rng.choice(["a", "b", None], n).tolist(), "z": rng.normal(size=n)})
    return frame, x + rng.normal(0, 0.5, n)


@pytest.mark.parametrize("make", [tenure.Classifier, tenure.Regressor])
def test_a_whole_weight_is_so_many_rows_in_any_order(make):
    frame, y = make_rows()
    if make is tenure.Classifier:
        y = np.where(y > 0, "yes", "no")
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    mixed = rng.permutation(len(y))
    one = make(**QUICK).fit(frame[repeated], y[repeated])
    two = make(**QUICK).fit(frame[mixed], y[mixed], sample_weight=weight[mixed])
    assert one.model_.document == two.model_.document
    assert (one.predict(frame) == two.predict(frame)).all()


def test_rows_of_weight_zero_are_left_out_and_their_classes_with_them():
    frame, y = make_rows()
    labels = np.where(y > 0.5, "high", np.where(y < -2, "odd", "low"))
    weight = np.where(labels == "odd", 0.0, 0.5)
    weighted = tenure.Classifier(**QUICK).fit(frame, labels, sample_weight=weight)
    assert weighted.classes_.tolist() == ["high", "low"]


def test_weights_that_are_no_counts_shift_what_is_learned():
    frame, y = make_rows(600)
    labels = (y > 0).astype(int)
    heavy = np.where(labels == 1, 2.5, 0.5)
    plain = tenure.Classifier(**QUICK).fit(frame, labels).predict_proba(frame)[:, 1]
    shifted = tenure.Classifier(**QUICK).fit(frame, labels, sample_weight=heavy).predict_proba(frame)[:, 1]
    assert shifted.mean() > plain.mean() + 0.05
    # what is told is calibrated for the weighted rows
    assert np.average(shifted, weights=heavy) == pytest.approx(np.average(labels, weights=heavy), abs=0.05)


def test_without_copies_and_weights_rows_stay_as_they_are():
    frame, y = make_rows()
    for weight in (None, np.ones(len(y))):
        counted = count_rows(frame, y, weight)
        assert counted.frame is frame or counted.frame.equals(frame)
        assert counted.weight is None
        assert counted.copies is None


def test_copies_are_known_and_large_counts_stay_weights():
    frame, y = make_rows(20)
    counted = count_rows(frame, y, np.arange(20) % 3)
    assert len(counted.y) == (np.arange(20) % 3).sum()
    _, per_row = np.unique(counted.copies, return_counts=True)
    assert sorted(per_row.tolist()) == sorted(w for w in (np.arange(20) % 3).tolist() if w)
    for copy in np.unique(counted.copies):
        assert counted.frame.filter(counted.copies == copy).n_unique() == 1
    large = count_rows(frame, y, np.full(20, MOST_COPIES + 1.0))
    assert large.copies is None
    assert large.weight.tolist() == [MOST_COPIES + 1.0] * 20


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (np.zeros(300), "at least one non-zero"),
        (np.full(300, -1.0), "[Nn]egative"),
        (np.ones(3), "shape"),
        (np.full(300, np.nan), "NaN"),
    ],
)
def test_weights_that_are_none_are_told(weight, says):
    frame, y = make_rows()
    with pytest.raises(ValueError, match=says):
        tenure.Regressor(**QUICK).fit(frame, y, sample_weight=weight)
