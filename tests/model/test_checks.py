"""Numbered checks, claim and leaderboard: each fires on what it is for, and is silent elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenure.config.checks import CHECK_CODES, ChecksConfig
from tenure.model.candidates.base import Facts
from tenure.model.checks import Measured, check_model, level_with
from tenure.model.claim import claim_of
from tenure.model.evaluate import Evaluation, evaluate
from tenure.model.settings import Member, Plan
from tenure.model.slices import Slice
from tenure.model.train import TrainSettings, train
from tenure.model.workbench import Trial
from tenure.records import Estimate
from tests.model.training_tables import make_recipe, make_table
from tests.test_docs import DOCS


def near(value: float, margin: float = 0.01) -> Estimate:
    return Estimate(value, value - margin, value + margin)


GOOD = Measured(
    Evaluation(
        n_rows=1000,
        metric="roc_auc",
        metrics={"roc_auc": near(0.85), "accuracy": near(0.8)},
        baselines={
            "majority class": {"roc_auc": near(0.5, 0.0), "accuracy": near(0.7)},
            "small tree": {"roc_auc": near(0.8)},
        },
        gain={"majority class": near(0.35), "small tree": near(0.05)},
        own={"roc_auc": near(0.87)},
    ),
    Plan((Member("lightgbm", {"learning_rate": 0.05}, 100, 100),)),
    Facts("binary", 2, 5000, 3),
    {"a": 0.1, "b": 0.1, "c": 0.1},
)
RATE = {"num_leaves": 8, "min_data_in_leaf": 20, "feature_fraction": 0.5, "bagging_fraction": 0.8}
RATE |= {"lambda_l1": 0.1, "lambda_l2": 1.0, "path_smooth": 1.0}
STABLE = {"measured": True, "fits": 5, "moved": {"median": 0.1, "most": 0.2}, "columns": []}
WEAK = Slice("a = x", 100, None, None, near(0.2), 0.001)


def coded(measured: Measured) -> list[str]:
    return [finding.code for finding in check_model(measured, {})[0]]


def with_metrics(**changes: object) -> Measured:
    return replace(GOOD, evaluation=replace(GOOD.evaluation, **changes))  # type: ignore[arg-type]


def test_what_the_dummy_reaches_and_a_few_rows_without_an_error_are_not_too_good():
    few = with_metrics(metrics={"roc_auc": Estimate(1.0, 0.8, 1.0)}, own={})
    rare = {"majority class": {"accuracy": Estimate(0.999, 0.99, 1.0)}}
    easy = with_metrics(metrics={"accuracy": Estimate(1.0, 0.998, 1.0)}, baselines=rare, own={})
    assert "M301" not in coded(few) + coded(easy)


@pytest.mark.parametrize(
    ("code", "measured"),
    [
        ("M101", with_metrics(own={"roc_auc": near(0.99)}, metrics={"roc_auc": near(0.6)})),
        ("M102", with_metrics(gain={"majority class": near(0.35), "small tree": near(-0.05)})),
        ("M201", replace(GOOD, plan=Plan((Member("lightgbm", {**RATE, "learning_rate": 0.15}, 9, 9),)))),
        ("M301", with_metrics(metrics={"roc_auc": Estimate(0.999, 0.998, 1.0)}, own={})),
        ("M301", with_metrics(metrics={"accuracy": Estimate(1.0, 0.93, 1.0)}, own={})),
        ("M302", replace(GOOD, importance={"a": 9.0, "b": 0.5, "c": 0.5})),
        ("M401", replace(GOOD, weak=(WEAK,))),
        (
            "M501",
            replace(
                GOOD,
                plan=replace(
                    GOOD.plan,
                    trials=(Trial("lightgbm", {"learning_rate": 0.05}, "complete", (0.2, 0.9, 0.5)),),
                ),
            ),
        ),
        ("M502", replace(GOOD, stability={**STABLE, "moved": {"median": 0.4, "most": 0.5}})),
        (
            "M502",
            replace(GOOD, stability={**STABLE, "columns": [{"column": "a", "share": 0.6, "same_sign": 0.5}]}),
        ),
        ("M601", with_metrics(gain={"majority class": near(0.005)})),
        ("M602", with_metrics(gain={"majority class": near(0.35), "small tree": near(0.005)})),
    ],
)
def test_each_check_finds_what_it_is_for(code: str, measured: Measured):
    assert check_model(GOOD, {})[0] == []
    found, _ = check_model(measured, {})
    assert code in {finding.code for finding in found}
    waived, unused = check_model(measured, ChecksConfig(waive={code: "known"}).waive)
    assert {f.waived for f in waived if f.code == code} == {"known"}
    assert unused == ()


def test_stability_is_no_finding_where_it_is_good_or_was_not_measured():
    for stability in (STABLE, {"measured": False, "why": "no folds"}):
        assert check_model(replace(GOOD, stability=stability), {})[0] == []


def test_what_is_surely_better_is_not_called_level():
    better = with_metrics(gain={"majority class": near(0.35), "small tree": near(-0.2)})
    assert {finding.code for finding in check_model(better, {})[0]} == {"M102"}
    assert level_with(better.evaluation, "lightgbm") is None


def test_every_code_is_documented():
    text = (DOCS / "checks.md").read_text()
    assert [code for code, title in CHECK_CODES.items() if f"### {code}: {title}\n" not in text] == []


def test_a_waiver_needs_a_known_code_and_a_reason():
    with pytest.raises(ValueError, match="did you mean M201"):
        ChecksConfig(waive={"M2O1": "known"})
    with pytest.raises(ValueError, match="without a reason"):
        ChecksConfig(waive={"M201": " "})
    assert check_model(GOOD, {"M201": {"*": "known"}})[1] == (("M201", "*"),)


def test_shuffled_labels_are_said_to_hold_no_signal():
    rng = np.random.default_rng(3)
    tables = [make_table("binary", n, seed) for n, seed in ((300, 0), (100, 7), (300, 11))]
    shuffled = [replace(table, y=rng.permutation(table.y)) for table in tables]
    few = TrainSettings(budget_seconds=None, max_trials=2, candidates=("logistic", "lightgbm"), threads=1)
    claims = []
    for parts in (shuffled, tables):
        recipe = make_recipe("binary", 2)
        trained = train(recipe, parts[0], parts[1], few)
        evaluation = evaluate(recipe, trained, parts[0], parts[2])
        measured = replace(GOOD, evaluation=evaluation, plan=trained.plan)
        found = check_model(measured, {})[0]
        claims.append((claim_of(evaluation, found), "M601" in {finding.code for finding in found}))
        board = trained.plan.evidence["leaderboard"]
        assert [row["model"] for row in board if row["role"] == "baseline"] == list(evaluation.baselines)
        assert board[0]["role"] == "winner"
    assert "no signal" in claims[0][0]
    assert claims[0][1]
    assert "ROC-AUC" in claims[1][0]
    assert "majority class" in claims[1][0]
    assert not claims[1][1]


@pytest.mark.parametrize(
    ("metric", "own", "lead", "named"),
    [
        ("roc_auc", 0.85, 0.0019, False),
        ("roc_auc", 0.85, 0.0021, True),
        ("rmse", 500.0, 4.9, False),
        ("rmse", 500.0, 5.1, True),
    ],
)
def test_a_simpler_model_is_named_better_from_a_difference_that_matters(
    metric: str, own: float, lead: float, named: bool
) -> None:
    hair = Estimate(-lead, -lead - 1e-4, -lead + 1e-4)
    measured = with_metrics(
        metric=metric,
        metrics={metric: near(own)},
        baselines={"majority class": {metric: near(own)}, "small tree": {metric: near(own)}},
        gain={"majority class": near(0.35), "small tree": hair},
        own={},
    )
    assert ("M102" in coded(measured)) == named
