"""tenure.Classifier and tenure.Regressor pass every check that scikit-learn has for an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tenure

# What is warned of is part of the answer, and scikit-learn's checks use rows that deserve it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

QUICK = {"candidates": ["logistic"], "trials": 1, "threads": 1}
BOOSTED = {"candidates": ["lightgbm"], "trials": 1, "threads": 1}


@parametrize_with_checks([tenure.Classifier(**QUICK), tenure.Regressor(**QUICK)])
def test_the_linear_family_passes_every_check(estimator: Any, check: Any):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([tenure.Classifier(), tenure.Regressor(), tenure.Classifier(**BOOSTED)])
def test_the_defaults_pass_every_check(estimator: Any, check: Any):
    check(estimator)


def test_it_is_searched_and_validated_as_any_estimator_is():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), tenure.Classifier(**QUICK))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.9
    search = GridSearchCV(tenure.Classifier(**QUICK), {"trials": [1, 2]}, cv=2, scoring="neg_log_loss")
    search.fit(X, y)
    assert search.best_score_ > -0.4
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()


def test_equal_random_states_give_equal_bits():
    X, y = make_classification(400, 6, random_state=0)
    settings = {"candidates": ["logistic", "lightgbm"], "trials": 4, "threads": 2}
    first, second = (tenure.Classifier(**settings, random_state=7).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert [e["score"] for e in first.leaderboard_] == [e["score"] for e in second.leaderboard_]
