"""Permutation importance: scikit-learn's numbers, exact zeros, and what follows a column."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import permutation_importance as theirs

from tenure.model.explain.permutation import draw_orders, mean_rise, permutation_importance
from tests.model.explain.worlds import NAMES, linear_scorer, number_rows


def outcome(rows, coefficients, seed=1):
    noise = np.random.default_rng(seed).normal(size=rows.height)
    return rows.select(NAMES).to_numpy() @ np.array(coefficients) + noise


class Wrapped(RegressorMixin, BaseEstimator):
    """Our model as scikit-learn calls one."""

    def __init__(self, scorer=None):
        self.scorer = scorer

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return self.scorer.predictor.margins(np.asarray(X, dtype=np.float32))[:, 0]


def test_it_is_exactly_scikit_learns_with_the_same_permutations():
    rows, model = number_rows(200), linear_scorer([1.0, -0.5, 0.2])
    y = outcome(rows, [1.0, -0.5, 0.2])
    X = rows.to_numpy()
    found = theirs(
        Wrapped(model).fit(X, y), X, y, scoring="neg_mean_squared_error", n_repeats=4, random_state=7
    )
    for place, name in enumerate(NAMES):
        # as scikit-learn draws: one stream a column, each shuffle on top of the one before
        stream = np.random.RandomState(np.random.RandomState(7).randint(np.iinfo(np.int32).max + 1))
        order, at, orders = np.arange(len(y)), np.arange(len(y)), []
        for _ in range(4):
            stream.shuffle(order)
            at = at[order]
            orders.append(at)
        mine = permutation_importance(model.recipe, rows, y, [model], orders, [name])
        assert mine[name].value == pytest.approx(found.importances_mean[place], rel=1e-5)


def test_a_column_without_a_part_in_the_model_has_exactly_nothing():
    rows, model = number_rows(100), linear_scorer([1.0, 0.0, 0.0])
    y = outcome(rows, [1.0, 0.0, 0.0])
    found = permutation_importance(model.recipe, rows, y, [model], draw_orders(100, 3, 0), NAMES)
    assert found["a"].low > 0.5
    for name in ("b", "c"):
        assert (found[name].value, found[name].low, found[name].high) == (0.0, 0.0, 0.0)


def test_it_is_about_twice_the_squared_coefficient_of_a_linear_model():
    rows, model = number_rows(4000), linear_scorer([1.0, -0.5, 0.2])
    y = outcome(rows, [1.0, -0.5, 0.2])
    found = permutation_importance(model.recipe, rows, y, [model], draw_orders(4000, 5, 0), NAMES)
    for name, coefficient in zip(NAMES, (1.0, -0.5, 0.2), strict=True):
        assert found[name].low <= 2 * coefficient**2 <= found[name].high, name


def test_what_is_computed_from_a_column_follows_it():
    rows, model = number_rows(2000), linear_scorer([0.0, 0.0, 0.0, 1.0], product="a * b")
    y = (rows["a"] * rows["b"]).to_numpy()
    found = permutation_importance(model.recipe, rows, y, [model], draw_orders(2000, 4, 0), NAMES)
    assert found["a"].low > 1.5
    assert found["b"].low > 1.5
    assert found["c"].value == 0.0


def test_the_models_take_turns():
    rows, y = number_rows(500), outcome(number_rows(500), [1.0, 0.0, 0.0])
    with_a, without = linear_scorer([1.0, 0.0, 0.0]), linear_scorer([0.0, 0.0, 0.0])
    orders = draw_orders(500, 2, 0)
    both = permutation_importance(with_a.recipe, rows, y, [with_a, without], orders, ["a"])["a"]
    alone = permutation_importance(with_a.recipe, rows, y, [with_a], orders[:1], ["a"])["a"]
    assert both.value == pytest.approx(alone.value / 2)


def test_log_loss_is_that_of_the_classes():
    rows, model = number_rows(3000), linear_scorer([2.0, 0.0, 0.0], task="binary")
    p = 1 / (1 + np.exp(-2.0 * rows["a"].to_numpy()))
    y = (np.random.default_rng(2).random(3000) < p).astype(float)
    found = permutation_importance(model.recipe, rows, y, [model], draw_orders(3000, 3, 0), ["a", "b"])
    shuffled = p[draw_orders(3000, 3, 0)[0]]
    expected = -np.mean(np.log(np.where(y == 1, shuffled, 1 - shuffled))) + np.mean(
        np.log(np.where(y == 1, p, 1 - p))
    )
    assert found["a"].low <= expected <= found["a"].high
    assert found["b"].value == 0.0


def test_rows_of_one_group_are_one_in_the_interval_and_weights_count_in_proportion():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 5)
    orders = draw_orders(200, 3, 0)
    rises = rng.normal(size=(1, 40)).repeat(5, axis=1).repeat(3, axis=0)
    alone, together = mean_rise(rises, orders, np.ones(200)), mean_rise(rises, orders, np.ones(200), group)
    assert alone.value == together.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)

    weight = rng.uniform(0.5, 2.0, 200)
    shares = weight / weight.mean()
    noise = rng.normal(size=(3, 200))
    counts = np.stack([shares * shares[order] for order in orders])
    assert mean_rise(noise, orders, shares).value == pytest.approx(np.sum(noise * counts) / np.sum(counts))


def test_a_row_without_weight_counts_neither_by_its_loss_nor_by_its_cell():
    shares = np.ones(6)
    shares[0] = 0.0
    order = np.array([1, 2, 0, 3, 4, 5])
    rises = np.array(
        [[100.0, 1.0, 100.0, 1.0, 1.0, 1.0]]
    )  # row 0 itself, and row 2, which gets the cell of row 0
    assert mean_rise(rises, [order], shares).value == 1.0
