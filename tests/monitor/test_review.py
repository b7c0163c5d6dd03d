"""The rules of the review as a table, and the comparison of two models."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tenure.errors import TenureError
from tenure.monitor.review import (
    DAY,
    RULES,
    VERDICTS,
    ReviewFacts,
    ReviewSettings,
    compare_challenger,
    decide,
    split_by_time,
)
from tenure.monitor.worth import Worth
from tenure.records import Estimate
from tests.monitor.builders import make_report

ENOUGH = {"n_labelled": 500, "by_class": {"no": 400, "yes": 100}}
FEW = {"n_labelled": 150, "by_class": {"no": 145, "yes": 5}}
PREVIOUS = {"previous": "1", "since_promotion": 5 * DAY}


def facts(**changes: Any) -> ReviewFacts:
    plain: dict[str, Any] = {"champion": "2", "age": 40 * DAY, "since_promotion": 40 * DAY}
    return ReviewFacts(**plain | changes)


@pytest.mark.parametrize(
    ("found", "known", "when", "verdict"),
    [
        ({}, ENOUGH, None, "keep"),
        ({"too_few": True}, FEW, None, "keep"),
        ({"drifted": True}, ENOUGH, None, "retrain"),
        ({"worse": True}, ENOUGH, None, "retrain"),
        ({}, {**ENOUGH, "age": 91 * DAY}, None, "retrain"),
        ({"drifted": True}, FEW, None, "ask"),
        ({}, {**FEW, "age": 91 * DAY}, None, "ask"),
        ({"drifted": True}, ENOUGH, ("performance",), "keep"),
        ({"worse": True}, {**ENOUGH, **PREVIOUS}, None, "roll_back"),
        ({"worse": True}, {**FEW, **PREVIOUS}, None, "roll_back"),
        ({"worse": True}, {**ENOUGH, **PREVIOUS, "since_promotion": 31 * DAY}, None, "retrain"),
        (
            {"worse": True},
            {**ENOUGH, **PREVIOUS, "previous_lead": Estimate(0.03, 0.01, 0.05)},
            None,
            "roll_back",
        ),
        (
            {"worse": True},
            {**ENOUGH, **PREVIOUS, "previous_lead": Estimate(0.01, -0.01, 0.03)},
            None,
            "retrain",
        ),
        ({"drifted": True}, {**ENOUGH, **PREVIOUS}, None, "retrain"),
    ],
)
def test_the_rules(found: Any, known: Any, when: tuple[str, ...] | None, verdict: str) -> None:
    settings = ReviewSettings(when=when) if when else ReviewSettings()
    decision = decide(make_report(**found), facts(**known), settings)
    assert decision.verdict == verdict
    assert decision.rule in {rule.name for rule in RULES}
    assert decision.reasons
    json.dumps(decision.to_dict())


def test_every_rule_gives_a_known_verdict_and_the_last_always_holds() -> None:
    assert {rule.verdict for rule in RULES} <= set(VERDICTS)
    assert RULES[-1].verdict == "keep"


def test_asking_says_what_is_missing() -> None:
    decision = decide(make_report(drifted=True), facts(**FEW))
    assert decision.reasons[-1] == "to retrain, missing: 50 more outcomes (of 200), 15 more of 'yes' (of 20)"


def test_an_alarm_that_is_not_heeded_is_still_told() -> None:
    decision = decide(make_report(drifted=True), facts(**ENOUGH), ReviewSettings(when=("age",)))
    assert decision.reasons == ("drift is not in retrain.when: charge: mean 64.8 -> 95.2",)


def test_the_worth_of_retraining_goes_with_the_verdict() -> None:
    worth = Worth(Estimate(900.0, 100.0, 1700.0), "per 1,000 rows", ("all is well",))
    assert decide(make_report(worse=True), facts(**ENOUGH, retraining_worth=worth)).expected_worth is worth
    assert decide(make_report(), facts(**ENOUGH, retraining_worth=worth)).expected_worth is None


def scored(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the scores of a model that sees half of what matters, and of one that sees all."""
    rng = np.random.default_rng(seed)
    seen, hidden = rng.normal(size=(2, n))
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * (seen + hidden)))).astype(float)
    return y, 1 / (1 + np.exp(-seen)), 1 / (1 + np.exp(-1.5 * (seen + hidden)))


def test_a_challenger_is_promoted_only_when_better_by_more_than_noise() -> None:
    y, poor, good = scored(600, 0)
    decision = compare_challenger(y, poor, good, "binary", "roc_auc")
    assert decision.verdict == "promote"
    assert decision.evidence["challenger_lead"]["low"] > 0
    assert compare_challenger(y, good, poor, "binary", "roc_auc").verdict == "keep"
    assert compare_challenger(y, good, good, "binary", "roc_auc").verdict == "keep"
    assert compare_challenger(y, poor, good, "binary", "log_loss").verdict == "promote"
    assert compare_challenger(y, poor, good, "binary", "roc_auc", promote="manual").verdict == "ask"


def test_equal_challengers_are_rarely_promoted() -> None:
    rng = np.random.default_rng(3)
    promoted = 0
    for seed in range(200):
        y, poor, _ = scored(300, seed)
        a, b = (np.clip(poor + rng.normal(0, 0.1, 300), 0.01, 0.99) for _ in range(2))
        promoted += compare_challenger(y, a, b, "binary", "roc_auc").verdict == "promote"
    assert promoted / 200 <= 0.025 + 3 * (0.025 * 0.975 / 200) ** 0.5


def test_too_few_rows_are_not_compared() -> None:
    y, poor, good = scored(40, 0)
    assert compare_challenger(y, poor, good, "binary", "roc_auc").verdict == "ask"
    assert (
        compare_challenger(np.zeros(100), np.full(100, 0.1), np.full(100, 0.2), "binary", "roc_auc").verdict
        == "ask"
    )


def test_regression_is_compared_by_its_own_metric() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    decision = compare_challenger(
        y, y + rng.normal(0, 1, 200), y + rng.normal(0, 0.2, 200), "regression", "rmse"
    )
    assert decision.verdict == "promote"


def test_earlier_rows_train_and_later_ones_compare() -> None:
    rng = np.random.default_rng(0)
    at, y = rng.permutation(1000), (rng.random(1000) < 0.3).astype(float)
    split = split_by_time(at, y, "binary")
    assert (len(split.train), len(split.compare)) == (600, 400)
    assert at[split.train].max() < at[split.compare].min()
    assert sorted([*split.train, *split.compare]) == list(range(1000))


def test_the_cut_moves_until_both_sides_have_each_class() -> None:
    y = np.r_[np.zeros(80), np.ones(10), np.zeros(10)]
    split = split_by_time(np.arange(100), y, "binary")
    assert len(split.train) == 85
    with pytest.raises(TenureError, match="5 of each class on either side"):
        split_by_time(np.arange(100), np.r_[np.zeros(96), np.ones(4)], "binary")
    with pytest.raises(TenureError, match="5 of each class"):
        split_by_time(np.arange(30), np.arange(30) % 2, "multiclass", n_classes=3)
    assert len(split_by_time(np.arange(10), np.arange(10.0), "regression").train) == 5
