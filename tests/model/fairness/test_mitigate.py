"""What is done about a difference: weights by group and class, thresholds by group, the search for a constraint."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ErrorRate, TruePositiveRateParity
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from tenure.errors import ConfigError
from tenure.model.fairness.constrain import Attempt, search_weights, weights_of
from tenure.model.fairness.limited import LimitedDifference
from tenure.model.fairness.mitigate import check_mitigation
from tenure.model.fairness.reweigh import reweighing, tilt_of
from tenure.model.fairness.thresholds import FINEST, choose_by_group
from tenure.model.threshold import worth_of_counts

THEIRS = {
    "demographic_parity_difference": demographic_parity_difference,
    "equal_opportunity_difference": equal_opportunity_difference,
    "equalized_odds_difference": equalized_odds_difference,
}


def biased(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, probabilities, groups: the scores of group b are too low, those of group c rest on a few rows."""
    rng = np.random.default_rng(seed)
    groups = np.array(["a", "b", "c"], dtype=object)[rng.choice(3, n, p=[0.55, 0.445, 0.005])]
    worth = rng.normal(size=n)
    y = (worth + rng.normal(0, 0.5, n) > 0.3).astype(float)
    p = 1 / (1 + np.exp(-2 * (worth - 0.3 - 0.9 * (groups == "b") + rng.normal(0, 0.3, n))))
    return y, p, groups


def test_reweighing_makes_group_and_outcome_independent():
    y, _, groups = biased()
    y = np.where((groups == "b") & (np.arange(len(y)) % 3 == 0), 0.0, y)
    shares = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    weights = shares * tilt_of(reweighing(groups, y, shares), groups, y)
    rates = [np.average(y[groups == g], weights=weights[groups == g]) for g in "abc"]
    assert rates == pytest.approx([np.average(y, weights=shares)] * 3)
    for g in "abc":  # no group gains or loses weight
        assert weights[groups == g].sum() == pytest.approx(shares[groups == g].sum())


def test_reweighing_leaves_small_groups_and_unseen_pairs_alone():
    y, _, groups = biased()
    weights = reweighing(groups, y, np.ones(len(y)), least=100)
    assert {group for group, _ in weights} == {"a", "b"}
    assert tilt_of(weights, np.array(["c", "z"], dtype=object), np.ones(2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("metric", THEIRS)
def test_the_limited_difference_is_fairlearns(metric: str):
    y, p, groups = biased()
    decided = (p >= 0.5).astype(np.int64)
    assert LimitedDifference(metric, y, [groups], 1).of(decided) == pytest.approx(
        THEIRS[metric](y, decided, sensitive_features=groups), abs=1e-12
    )
    known = groups != "c"
    assert LimitedDifference(metric, y, [groups], 30).of(decided) == pytest.approx(
        THEIRS[metric](y[known], decided[known], sensitive_features=groups[known]), abs=1e-12
    )


@pytest.mark.parametrize(("metric", "rule"), list(itertools.product(THEIRS, ["f1", "accuracy", "mcc", 0.3])))
def test_thresholds_by_group_keep_the_limit_at_little_loss(metric: str, rule):
    y, p, groups = biased()
    found = choose_by_group(y, p, groups, metric=metric, limit=0.05, rule=rule, common=0.5, least=30)
    assert set(found) == {"a", "b"}  # c has too few rows
    cuts = np.array([found.get(g, 0.5) for g in groups])
    decided = (p >= cuts).astype(np.int64)
    difference = LimitedDifference(metric, y, [groups], 30)
    assert difference.of(decided) <= 0.05 + 1e-12
    assert difference.of((p >= 0.5).astype(np.int64)) > 0.1

    def worth(cut: np.ndarray) -> float:
        chosen = p >= cut
        tp, fp = float(y[chosen].sum()), float((1 - y)[chosen].sum())
        return float(worth_of_counts(rule, np.array(tp), np.array(fp), y.sum(), len(y)))

    # an exhaustive search over pairs of cuts finds nothing much better
    grid = np.linspace(0.02, 0.98, 60)
    best = max(
        (
            worth(np.where(groups == "a", one, np.where(groups == "b", two, 0.5)))
            for one, two in itertools.product(grid, grid)
            if difference.of(
                (p >= np.where(groups == "a", one, np.where(groups == "b", two, 0.5))).astype(np.int64)
            )
            <= 0.05
        ),
        default=-np.inf,
    )
    assert worth(cuts) >= best - 0.004


def test_thresholds_by_group_are_as_accurate_as_fairlearns_randomized_ones():
    """Fairlearn mixes thresholds at random to be exactly equal; one threshold a group is as accurate."""
    y, p, groups = biased()
    known = groups != "c"
    y, p, groups = y[known], p[known], groups[known]

    class Scores(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.array([0.0, 1.0])
            return self

        def predict_proba(self, X):
            p = np.asarray(X)[:, 0]
            return np.column_stack([1 - p, p])

    theirs = ThresholdOptimizer(
        estimator=Scores(),
        constraints="true_positive_rate_parity",
        prefit=False,
        predict_method="predict_proba",
    )
    theirs.fit(p[:, None], y, sensitive_features=groups)
    decided = theirs.predict(p[:, None], sensitive_features=groups, random_state=0)
    found = choose_by_group(
        y,
        p,
        groups,
        metric="equal_opportunity_difference",
        limit=FINEST,
        rule="accuracy",
        common=0.5,
        least=30,
    )
    own = (p >= np.array([found[g] for g in groups])).astype(float)
    assert equal_opportunity_difference(y, own, sensitive_features=groups) <= FINEST + 1e-12
    assert np.mean(own == y) >= np.mean(decided == y) - 0.005


@pytest.mark.filterwarnings("ignore:Setting a", "ignore:Setting an")  # fairlearn's own use of pandas
@pytest.mark.parametrize(("moment", "among"), [(DemographicParity, "selected"), (TruePositiveRateParity, 1)])
def test_the_weights_of_a_constraint_are_those_of_fairlearns_reductions(moment, among):
    """Agarwal et al. (2018): fairlearn's signed weights for a multiplier are ours for a multiplier of our form."""
    y, _, groups = biased()
    y, groups = y[groups != "c"], groups[groups != "c"]
    constraint = moment()
    features = pd.DataFrame({"x": np.zeros(len(y))})
    constraint.load_data(features, y, sensitive_features=groups)
    errors = ErrorRate()
    errors.load_data(features, y, sensitive_features=groups)
    lambdas = pd.Series(0.0, index=constraint.index)
    rng = np.random.default_rng(0)
    lambdas += rng.uniform(0, 0.1, len(lambdas))
    signed = constraint.signed_weights(lambdas) + errors.signed_weights()
    theirs = {
        (g, label): float(np.asarray(signed)[(groups == g) & (y == label)][0])
        for g in "ab"
        for label in (0, 1)
    }
    assert all((w > 0) == (label == 1) for (_, label), w in theirs.items())  # no label is turned
    if among == "selected":
        multipliers = {(g, among): float(np.arctanh(theirs[g, 1] - 1.0)) for g in "ab"}
        assert all(abs(abs(theirs[g, 0]) + theirs[g, 1] - 2.0) < 1e-9 for g in "ab")
    else:
        multipliers = {(g, among): float(np.log(theirs[g, 1])) for g in "ab"}
        assert all(theirs[g, 0] == pytest.approx(-1.0) for g in "ab")
    own = weights_of(multipliers)
    assert {key: own.get(key, 1.0) for key in theirs} == pytest.approx({k: abs(w) for k, w in theirs.items()})


@pytest.mark.parametrize("metric", THEIRS)
def test_the_search_keeps_the_limit_and_takes_the_least_loss(metric: str):
    y, p, groups = biased()
    logit = np.log(p / (1 - p))
    difference = LimitedDifference(metric, y, [groups], 30)

    def attempt(weights) -> Attempt:
        """A model that answers to weights: each row's log-odds move by the logarithm of their ratio."""
        ratio = np.array([np.log(weights.get((g, 1), 1.0) / weights.get((g, 0), 1.0)) for g in groups])
        z = logit + ratio
        loss = float(np.mean(np.logaddexp(0, z) - y * z))
        decided = (z >= 0).astype(np.int64)
        return Attempt(weights, loss, difference.of(decided), decided)

    chosen, made = search_weights(
        attempt, attempt({}), y=y, groups=groups, metric=metric, limit=0.08, least=30, room=lambda: True
    )
    assert made[0].difference > 0.1
    assert chosen.difference <= 0.08
    assert chosen.loss == min(one.loss for one in made if one.difference <= 0.08)
    again, _ = search_weights(
        attempt, attempt({}), y=y, groups=groups, metric=metric, limit=0.08, least=30, room=lambda: True
    )
    assert again.weights == chosen.weights


def test_the_search_ends_with_the_time_and_makes_one_attempt_at_least():
    y, p, groups = biased()
    decided = (p >= 0.5).astype(np.int64)
    start = Attempt({}, 0.5, 0.3, decided)
    calls = []

    def attempt(weights) -> Attempt:
        calls.append(weights)
        return Attempt(weights, 0.6, 0.2, decided)

    chosen, made = search_weights(
        attempt,
        start,
        y=y,
        groups=groups,
        metric="demographic_parity_difference",
        limit=0.1,
        least=30,
        room=lambda: False,
    )
    assert len(calls) == 1
    assert chosen.difference == 0.2
    assert len(made) == 2


@given(
    st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from(["selected", 0, 1])), st.floats(-4, 4))
)
@settings(max_examples=50, deadline=None)
def test_weights_are_above_zero(multipliers):
    assert all(weight > 0 for weight in weights_of(multipliers).values())


@pytest.mark.parametrize(
    ("kind", "task", "says"),
    [
        ("threshold_by_group", "regression", "the target is a number"),
        ("reweighing", "regression", "the target is a number"),
        ("threshold_by_group", "multiclass", "one decision threshold"),
        ("constraint", "multiclass", "one decision threshold"),
    ],
)
def test_what_does_not_fit_the_task_is_told(kind, task, says):
    with pytest.raises(ConfigError, match=says):
        check_mitigation(kind, task, "fairness.mitigate")
