"""Prediction sets of several classes: what the cut is, what the release keeps, and what they hold on new rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from tenure.model.prediction_sets import set_cut, sets_on_test
from tenure.model.train import TrainSettings, train
from tenure.release.calibration import Calibration
from tests.model.training_tables import make_recipe, make_table

FEW = TrainSettings(budget_seconds=None, max_trials=1, threads=1, candidates=("logistic",), coverage=0.8)


def make_scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.7, 0.7, 0.7], n)
    return p, np.array([rng.choice(3, p=row) for row in p]).astype(float)


@pytest.mark.parametrize("coverage", [0.6, 0.8, 0.9, 0.95])
def test_the_sets_are_those_of_mapie(coverage: float):
    from mapie.classification import SplitConformalClassifier

    class AsScored(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.arange(3)
            return self

        def predict_proba(self, X):
            return np.asarray(X)

        def predict(self, X):
            return np.asarray(X).argmax(axis=1)

    (p, y), (new, _) = make_scores(400), make_scores(300, 1)
    theirs = SplitConformalClassifier(
        AsScored().fit(p, y), confidence_level=coverage, conformity_score="lac", prefit=True
    )
    theirs.conformalize(p, y.astype(int))
    _, sets = theirs.predict_set(new)
    own = Calibration("multiclass", 3, coverage=coverage, set_cut=set_cut(p, y, coverage)).sets(new)
    likely = new.argmax(axis=1)
    expected = sets[:, :, 0].copy()
    expected[np.arange(len(new)), likely] = True  # MAPIE's may be empty, ours hold the most probable class
    assert (own == expected).all()


def test_over_many_worlds_the_sets_hold_what_they_say():
    held = []
    for seed in range(60):
        (p, y), (new, truth) = make_scores(100, seed), make_scores(400, seed + 1000)
        sets = Calibration("multiclass", 3, coverage=0.9, set_cut=set_cut(p, y, 0.9)).sets(new)
        held.append(sets[np.arange(len(truth)), truth.astype(int)].mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.015)


def test_a_trained_model_has_sets_that_hold_new_rows_about_as_often_as_they_say():
    trained = train(
        make_recipe("multiclass", 3), make_table("multiclass", 400), make_table("multiclass", 80, 7), FEW
    )
    test = make_table("multiclass", 500, seed=11)
    found = sets_on_test(trained.calibration, trained.scores(test), test.y)["sets"]
    assert found["coverage"] == 0.8
    assert found["on_test"]["high"] >= 0.77
    assert sum(found["sizes"].values()) == pytest.approx(1.0)
    assert sum(int(k) * share for k, share in found["sizes"].items()) == pytest.approx(found["mean_size"])


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=20), st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_a_row_and_a_table_have_the_same_set_and_it_is_never_empty(rows, cut):
    calibration = Calibration("multiclass", 3, coverage=0.9, set_cut=cut)
    again = Calibration.from_json(calibration.to_json())
    table = again.sets(np.array(rows))
    of_rows = [calibration.set_row(tuple(row)) for row in rows]
    assert [tuple(np.flatnonzero(row).tolist()) for row in table] == of_rows
    assert all(of_rows)


def test_two_classes_and_numbers_have_none():
    assert Calibration("binary", 2).set_row((0.4, 0.6)) is None
    trained = train(make_recipe("binary", 0), make_table("binary", 200), make_table("binary", 40, 7), FEW)
    assert trained.calibration.set_cut is None


def test_too_few_rows_give_no_sets_and_say_so():
    settings = replace(FEW, coverage=0.999)
    trained = train(
        make_recipe("multiclass", 3), make_table("multiclass", 200), make_table("multiclass", 40, 7), settings
    )
    assert trained.calibration.set_cut is None
    assert any("no prediction sets" in warning for warning in trained.warnings)
