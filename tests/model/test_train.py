"""Training end to end on small tables: every task, every family, and what goes wrong in real tables."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.errors import TenureError
from tenure.model.choose import joined
from tenure.model.evaluate import evaluate
from tenure.model.fitting import fit_members
from tenure.model.settings import Clock, Plan
from tenure.model.train import Trained, TrainingTable, TrainSettings, train
from tests.model.training_tables import make_recipe, make_table

FEW = TrainSettings(budget_seconds=None, max_trials=3, candidates=("logistic", "lightgbm"), threads=1)


def run(
    task: str, settings: TrainSettings = FEW, n: int = 300, **more: object
) -> tuple[Trained, TrainingTable]:
    table = make_table(task, n)
    recipe = make_recipe(task, 3)
    return train(recipe, table, make_table(task, n // 3, seed=7), settings, **more), table  # type: ignore[arg-type]


def test_every_task_gives_a_model_better_than_the_baseline(task):
    trained, table = run(task)
    test = make_table(task, 200, seed=11)
    found = evaluate(make_recipe(task, 3), trained, table, test)
    majority = next(iter(found.gain.values()))
    assert majority.low > 0
    assert found.n_rows == 200
    assert set(trained.validation) == set(found.metrics)
    assert trained.warnings == ()
    assert 0 < trained.seconds["candidates"] <= trained.seconds["total"]


@pytest.mark.parametrize("family", ["logistic", "lightgbm", "xgboost", "catboost", "forest"])
def test_every_family_alone_on_every_task(family, task):
    settings = replace(FEW, candidates=(family,), max_trials=1)
    trained, table = run(task, settings, n=150)
    assert trained.winner == family
    scores = trained.scores(table)
    assert scores.shape == (150, {"binary": 2, "multiclass": 3, "regression": 1}[task])
    assert np.isfinite(scores).all()


def test_the_same_settings_give_the_same_bytes():
    settings = replace(FEW, candidates=("lightgbm", "xgboost"), max_trials=5)
    (first, _), (second, _) = run("binary", settings), run("binary", settings)
    assert first.document == second.document
    assert first.calibration == second.calibration
    assert first.encoding == second.encoding


def test_a_plan_is_followed_to_the_same_bytes():
    settings = replace(
        FEW, candidates=("logistic", "lightgbm", "xgboost"), budget_seconds=4.0, max_trials=None
    )
    first, _ = run("binary", settings)
    plan = Plan.from_json(first.plan.to_json())
    second, _ = run("binary", settings, plan=plan)
    assert second.document == first.document
    assert second.calibration == first.calibration
    assert second.validation == first.validation
    assert second.plan == plan


def test_threads_do_not_change_the_model():
    settings = replace(FEW, candidates=("lightgbm", "catboost"), max_trials=2)
    assert run("binary", settings)[0].document == run("binary", replace(settings, threads=2))[0].document


def test_a_tiny_budget_still_gives_a_model_and_says_so():
    started = time.perf_counter()
    trained, table = run(
        "binary", replace(FEW, candidates=("lightgbm",), budget_seconds=1e-3, max_trials=None)
    )
    assert any("too short" in warning for warning in trained.warnings)
    assert np.isfinite(trained.scores(table)).all()
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("budget", [0.3, 1.0])
def test_a_budget_that_leaves_things_out_says_which(budget: float):
    trained, table = run("binary", TrainSettings(budget_seconds=budget, threads=1), n=2000)
    told = " ".join(trained.warnings)
    tried = {trial.family for trial in trained.plan.trials if trial.state == "complete"}
    assert tried != set(TrainSettings().candidates)
    assert "left no time for" in told or "too short" in told
    assert np.isfinite(trained.scores(table)).all()
    # on the test rows all stand: one fit of each is no search
    found = evaluate(make_recipe("binary", 2), trained, table, table)
    assert len(found.baselines) == len(found.gain) == 4
    plan = replace(trained.plan, evidence={"left_out_of_test": ["default boosting"]})
    assert len(evaluate(make_recipe("binary", 2), replace(trained, plan=plan), table, table).baselines) == 3


def test_loading_libraries_is_no_part_of_the_budget():
    clock = Clock(10.0)
    clock.excuse(lambda: time.sleep(0.2))
    assert clock.loading >= 0.2
    assert clock.elapsed < 0.2
    assert clock.left() > 9.8


@pytest.mark.slow
def test_the_budget_is_kept():
    settings = TrainSettings(budget_seconds=5.0, candidates=("logistic", "lightgbm", "xgboost"), threads=1)
    trained, _ = run("binary", settings, n=600)
    assert trained.seconds["total"] < 6.5
    assert len(trained.plan.trials) > 3


def test_constant_and_all_missing_columns_do_no_harm():
    table = make_table("binary", 200)
    features = table.features.with_columns(months=pl.lit(3.0), charges=pl.lit(None, pl.Float64))
    table = replace(table, features=features)
    settings = replace(
        FEW, candidates=("logistic", "lightgbm", "xgboost", "catboost", "forest"), max_trials=9
    )
    trained = train(make_recipe("binary", 2), table, table, settings)
    assert np.isfinite(trained.scores(table)).all()


def test_thirty_rows(task):
    trained, _ = run(task, n=30)
    assert np.isfinite(trained.scores(make_table(task, 5, seed=3))).all()


def test_heavy_imbalance():
    table = make_table("binary", 400)
    y = np.zeros(400)
    y[np.argsort(table.features["months"].to_numpy())[:4]] = 1.0
    table = replace(table, y=y)
    settings = replace(FEW, candidates=("logistic", "lightgbm", "catboost", "forest"), max_trials=5)
    trained = train(make_recipe("binary", 2), table, table, settings)
    assert 0.0 < trained.calibration.threshold < 1.0
    assert trained.plan.n_folds in {4, 5}


def test_one_lone_case_cannot_be_cross_validated_but_is_trained():
    table = make_table("binary", 100)
    y = np.zeros(100)
    y[5] = 1.0
    trained = train(make_recipe("binary", 2), replace(table, y=y), table, FEW)
    assert any("cross-validation" in warning for warning in trained.warnings)


def test_rows_by_time_and_by_group():
    table = make_table("binary", 300)
    timed = replace(table, time=np.arange(300))
    grouped = replace(table, group=np.arange(300) // 4)
    for rows in (timed, grouped):
        trained = train(make_recipe("binary", 2), rows, rows.rows(np.arange(50)), FEW)
        assert trained.cross_validation["roc_auc"].value > 0.6


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(TenureError, match="does not fit"):
        run("regression", replace(FEW, metric="roc_auc"))


@pytest.fixture
def blend_of_two(monkeypatch: pytest.MonkeyPatch) -> TrainSettings:
    """Settings under which the winner is a blend of two models, whatever the rows."""

    def first_two(held_out, leaders, metric, **_):
        return joined(list(leaders)[:2], [0.5, 0.5])

    monkeypatch.setattr("tenure.model.train.choose_winner", first_two)
    return replace(FEW, candidates=("lightgbm", "xgboost"), max_trials=2)


def test_a_member_that_the_budget_cuts_is_left_out(blend_of_two, monkeypatch):
    whole, _ = run("binary", blend_of_two)
    assert whole.winner == "blend"

    def cut_the_last(*arguments):
        fits = fit_members(*arguments)
        return replace(fits, is_cut=(False,) * (len(fits.members) - 1) + (len(fits.members) > 1,))

    monkeypatch.setattr("tenure.model.last_fit.fit_members", cut_the_last)
    trained, _ = run("binary", blend_of_two)
    assert [member.weight for member in trained.plan.members] == [1.0]
    assert any("too short" in warning for warning in trained.warnings)
    monkeypatch.setattr("tenure.model.last_fit.fit_members", fit_members)
    again, _ = run("binary", blend_of_two, plan=trained.plan)
    assert again.document == trained.document
    assert again.calibration == trained.calibration


def test_members_without_time_for_them_are_not_started(blend_of_two, monkeypatch):
    monkeypatch.setattr("tenure.model.tune.CAUTION", 1e9)
    trained, _ = run("binary", replace(blend_of_two, budget_seconds=60.0))
    assert len(trained.plan.members) == 1
    assert trained.plan.validated_by == "folds"
    assert trained.validation["roc_auc"].value > 0.6
