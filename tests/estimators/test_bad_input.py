"""Odd and bad tables given to the estimators: a right answer, or a ValueError that names what is wrong."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import tenure

QUICK = {"candidates": ["logistic", "lightgbm"], "trials": 2, "threads": 1}


def noise(n: int, width: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width))


def two_classes(X: np.ndarray, seed: int = 1) -> np.ndarray:
    return (X[:, 0] + np.random.default_rng(seed).normal(size=len(X)) > 0).astype(int)


def test_a_perfect_predictor_is_suspicious():
    X = noise(400)
    y = (X[:, 0] > 0).astype(int)
    X[:, 0] = 2.0 * y - 1.0 + 0.1 * X[:, 0]
    with pytest.warns(UserWarning, match=r"M301: roc_auc of 1.0000 \[0.9\d+, 1.0000\] on held-out rows"):
        model = tenure.Classifier(**QUICK).fit(X, y)
    assert (model.predict(X) == y).all()


def test_a_number_that_is_the_outcome_is_suspicious():
    X = noise(400)
    with pytest.warns(UserWarning, match="M301: r2 of "):
        tenure.Regressor(**QUICK).fit(X, X[:, 0])


def test_an_honest_predictor_is_not_suspicious():
    X = noise(400)
    tenure.Classifier(**QUICK).fit(X, two_classes(X))  # warnings are errors


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.ones((60, 2)), "no column of the table can be a feature.*constant"),
        (
            pl.DataFrame({"key": [f"k{i}z" for i in range(60)]}),
            "no column of the table can be a feature.*identifier",
        ),
    ],
)
def test_a_table_without_a_feature_is_refused(X, says):
    with pytest.raises(ValueError, match=says):
        tenure.Classifier(**QUICK).fit(X, np.arange(60) % 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, pl.Null])
def test_a_row_without_an_outcome_is_refused(bad):
    X = noise(60)
    numbers, labels = X[:, 0].astype(object), np.where(X[:, 0] > 0, "yes", "no").astype(object)
    numbers[3] = labels[3] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity|no outcome in 1 row.*position 3|cannot be ordered"):
        tenure.Classifier(**QUICK).fit(X, labels)
    if bad is not pl.Null:
        with pytest.raises(ValueError, match=r"NaN|infinity|no outcome in 1 row.*position 3"):
            tenure.Regressor(**QUICK).fit(X, numbers)


def test_a_class_of_two_cases_and_ten_rows_give_probabilities():
    X = noise(200)
    y = two_classes(X)
    y[[3, 90]] = 2
    found = tenure.Classifier(**QUICK).fit(X, y).predict_proba(X)
    assert found.sum(axis=1) == pytest.approx(np.ones(200))
    assert found.mean(axis=0)[2] == pytest.approx(0.01, abs=0.03)
    ten = tenure.Classifier(**QUICK).fit(X[:10], np.arange(10) % 2).predict_proba(X[:10])
    assert ((ten > 0.0) & (ten < 1.0)).all()


def test_rows_of_weight_zero_may_hold_anything():
    X = noise(300)
    y = np.where(two_classes(X), "yes", "no")
    weight = np.where(np.arange(300) % 3, 1.0, 0.0)
    spoilt, wrong = X.copy(), y.copy()
    spoilt[weight == 0], wrong[weight == 0] = 1e6, "never"
    kept = weight > 0
    plain = tenure.Classifier(**QUICK).fit(X[kept], y[kept])
    weighted = tenure.Classifier(**QUICK).fit(spoilt, wrong, sample_weight=weight)
    assert weighted.model_.document == plain.model_.document
    assert weighted.model_.cross_validation == plain.model_.cross_validation
    assert weighted.importance_ == plain.importance_


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the budget:UserWarning", "ignore:generated features:UserWarning")
def test_five_hundred_classes_each_have_a_probability():
    y = np.repeat(np.arange(500), 4)
    X = np.column_stack([y + 0.1 * noise(2000)[:, 0], noise(2000)[:, 1]])
    model = tenure.Classifier(budget=5, candidates=["logistic"], threads=1).fit(X, y)
    found = model.predict_proba(X)
    assert found.shape == (2000, 500)
    assert found.sum(axis=1) == pytest.approx(np.ones(2000))
    assert model.score(X, y) > 4 / 500


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the budget:UserWarning", "ignore:generated features:UserWarning")
def test_five_thousand_columns_find_the_one_that_matters():
    X = noise(200, 5000)
    y = (X[:, 7] + 0.2 * noise(200, 1, 5)[:, 0] > 0).astype(int)
    model = tenure.Classifier(budget=5, candidates=["lightgbm"], threads=1).fit(X, y)
    assert next(iter(model.importance_)) == "x7"
