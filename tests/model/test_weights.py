"""Row weights and class weights through the whole of training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.errors import ConfigError, SourceError
from tenure.model.class_weights import class_weights
from tenure.model.evaluate import evaluate
from tenure.model.slices import measure
from tenure.model.train import TrainingTable, TrainSettings, train
from tenure.prepare.sift import sift
from tenure.prepare.weights import read_weights
from tenure.release.grouped import compared, measured
from tenure.release.metrics import METRICS, compare, metrics_for
from tests.model.training_tables import make_recipe, make_table

FEW = TrainSettings(budget_seconds=None, max_trials=1, threads=1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_weight_of_three_counts_as_three_rows_in_every_metric(task):
    rng = np.random.default_rng(0)
    table, weight = make_table(task, 90), rng.integers(1, 4, 90)
    k = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    scores = rng.normal(size=(90, 1)) if k == 1 else rng.dirichlet(np.ones(k), 90)
    weighted = metrics_for(task, table.y, scores, weight=weight)
    repeated = metrics_for(task, np.repeat(table.y, weight), np.repeat(scores, weight, axis=0))
    assert set(weighted) == set(METRICS[task])
    for name, estimate in weighted.items():
        if name != "calibration_error":  # its bins hold equal numbers of rows
            assert estimate.value == pytest.approx(repeated[name].value)
            assert estimate.low <= estimate.value <= estimate.high


def test_equal_weights_change_nothing_and_their_scale_is_nothing():
    table, p = make_table("binary", 80), np.random.default_rng(1).random(80)
    assert metrics_for("binary", table.y, p, weight=np.full(80, 7.0)) == metrics_for("binary", table.y, p)
    gain = compare("binary", table.y, p, 1 - p, "roc_auc", weight=np.full(80, 0.1))
    assert gain.value == pytest.approx(compare("binary", table.y, p, 1 - p, "roc_auc").value)


@pytest.mark.parametrize("family", ["logistic", "lightgbm", "xgboost", "catboost", "forest"])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_every_family_minds_the_weights(family, task):
    """Half of the rows lie: with small weights the model tells as if they were not there."""
    table = make_table(task, 300)
    lies = np.arange(300) % 2 == 0
    y = np.where(lies, 1 - table.y if task == "binary" else -3 * table.y, table.y)
    validation, recipe = make_table(task, 100, seed=7), make_recipe(task, 3)
    settings = replace(FEW, candidates=(family,))

    def quality(weight: np.ndarray) -> float:
        rows = TrainingTable(table.features, y, weight=weight)
        trained = train(recipe, rows, replace(validation, weight=np.full(100, 0.01)), settings)
        scores = trained.scores(validation)[:, -1]
        return float(np.corrcoef(scores, validation.y)[0, 1])

    assert quality(np.where(lies, 0.01, 1.0)) > 0.4
    assert quality(np.where(lies, 1.0, 0.01)) < -0.2


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    table, recipe, validation = (
        make_table("binary", 240),
        make_recipe("binary", 2),
        make_table("binary", 80, 7),
    )
    weight = np.where(np.arange(240) % 3 == 0, 0.0, 2.0)
    settings = replace(FEW, candidates=("logistic", "lightgbm"), max_trials=2)
    whole = train(recipe, replace(table, weight=weight), replace(validation, weight=np.ones(80)), settings)
    rest = replace(table, weight=weight).rows(np.flatnonzero(weight))
    less = train(recipe, rest, replace(validation, weight=np.ones(80)), settings)
    assert whole.document == less.document
    assert whole.calibration == less.calibration


def test_baselines_are_weighted_as_the_model_is():
    table, recipe = make_table("regression", 200), make_recipe("regression", 0)
    weight = np.where(table.y > 0, 5.0, 1.0)
    rows = replace(table, weight=weight)
    settings = replace(FEW, candidates=("logistic",))
    trained = train(recipe, rows, replace(make_table("regression", 60, 7), weight=np.ones(60)), settings)
    found = evaluate(recipe, trained, rows, rows)
    mean = np.average(table.y, weights=weight)
    rmse = np.sqrt(np.average((table.y - mean) ** 2, weights=weight))
    assert found.baselines["mean"]["rmse"].value == pytest.approx(rmse)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("family", ["logistic", "xgboost", "forest"])
def test_probabilities_stay_right_under_class_weights(task, family):
    """With too few rows to learn a calibration the shift is taken out all the same."""
    recipe, table = make_recipe(task, 3), make_table(task, 600)
    rare = np.flatnonzero((table.y != 1) | (np.arange(600) % 4 == 0))
    table, validation = table.rows(rare), make_table(task, 400, 7)
    validation = validation.rows(np.flatnonzero((validation.y != 1) | (np.arange(400) % 4 == 0)))
    settings = replace(FEW, candidates=(family,), class_weight="balanced")
    for rows in (table, table.rows(np.arange(99))):
        trained = train(recipe, rows, validation, settings)
        share = trained.scores(validation).mean(axis=0)
        actual = np.bincount(validation.y.astype(int)) / len(validation.y)
        assert share == pytest.approx(actual, abs=0.08)


def test_class_weights_name_what_is_wrong():
    y = np.array([0.0, 0.0, 1.0])
    assert class_weights({"yes": 3}, ("no", "yes"), y, np.ones(3)) == (1.0, 3.0)
    with pytest.raises(ConfigError, match="'maybe' is no class"):
        class_weights({"maybe": 3}, ("no", "yes"), y, np.ones(3))
    with pytest.raises(ConfigError, match="target is a number"):
        class_weights("balanced", (), y, np.ones(3))


@pytest.mark.parametrize(
    "cells", [["1", "-1", "2"], ["1", "nan", "2"], ["1", None, "2"], ["1", "x", "2"], ["1", "inf", "2"]]
)
def test_a_bad_weight_is_refused_with_its_row(cells):
    with pytest.raises(SourceError, match="row 2"):
        read_weights(pl.Series("w", cells))


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(SourceError, match="no row counts"):
        read_weights(pl.Series("w", [0, 0]))


def test_rows_of_weight_zero_are_left_out_and_said():
    raw = pl.DataFrame({"x": [str(i) for i in range(60)], "y": ["a", "b"] * 30, "w": ["0", "1", "2"] * 20})
    found = sift(raw.lazy(), 60, target="y", weight="w")
    assert int((found.parts >= 0).sum()) == 40
    assert "20 row(s) have the weight 0 and are left out" in found.warnings


def test_a_label_that_only_rows_of_weight_zero_have_is_no_class():
    cells = {
        name: np.random.default_rng(place).normal(size=60).astype(str) for place, name in enumerate("xz")
    }
    raw = pl.DataFrame({**cells, "y": ["a", "b", "odd"] * 20, "w": ["1", "2", "0"] * 20})
    found = sift(raw.lazy(), 60, target="y", weight="w")
    assert found.target.task == "binary"
    assert set(found.target.classes) == {"a", "b"}
    assert "20 row(s) have the weight 0 and are left out" in found.warnings


def test_a_weight_of_three_counts_as_three_rows_in_slices_and_in_intervals_of_groups():
    rng = np.random.default_rng(0)
    y, group, weight = (rng.random(400) < 0.4).astype(float), np.arange(400) // 8, rng.integers(1, 4, 400)
    p = np.clip(0.4 + 0.3 * (y - 0.4) + rng.normal(0, 0.1, 400), 0.02, 0.98)
    scores, mask = np.column_stack([1 - p, p]), np.arange(400) % 3 == 0
    one = measure("third", mask, "binary", y, scores, "roc_auc", weight=weight.astype(float))
    copied = [np.repeat(values, weight, axis=0) for values in (mask, y, scores)]
    many = measure("third", copied[0], "binary", *copied[1:], "roc_auc")
    assert one.n == mask.sum()
    assert (one.excess.value, one.metric.value) == pytest.approx((many.excess.value, many.metric.value))
    assert one.gap.value == pytest.approx(many.gap.value)
    # drawn with the same groups, copies and weights are the same thing
    ours = measured("binary", y, scores, group=group, weight=weight)
    theirs = measured("binary", *copied[1:], group=np.repeat(group, weight))
    for metric in ("roc_auc", "log_loss", "accuracy"):
        assert ours[metric].value == pytest.approx(theirs[metric].value)
    gain = compared("binary", y, 1 - scores, scores, "log_loss", group=group, weight=weight)
    copies = [np.repeat(values, weight, axis=0) for values in (y, 1 - scores, scores, group)]
    same = compared("binary", *copies[:3], "log_loss", group=copies[3])
    assert (gain.low, gain.value, gain.high) == pytest.approx((same.low, same.value, same.high))


def test_evidence_counts_by_weights_and_its_baselines_know_no_class_weights():
    table, recipe = make_table("binary", 300), make_recipe("binary", 2)
    weight = np.where(table.y > 0, 4.0, 1.0)
    rows, validation = replace(table, weight=weight), replace(make_table("binary", 80, 7), weight=np.ones(80))
    settings = replace(FEW, candidates=("lightgbm",), metric="log_loss")
    plain = train(recipe, rows, validation, settings).plan.evidence
    balanced = train(recipe, rows, validation, replace(settings, class_weight="balanced")).plan.evidence
    values = [
        {e["model"]: e["value"] for e in evidence["leaderboard"] if e["role"] == "baseline"}
        for evidence in (plain, balanced)
    ]
    assert values[0] == values[1]
    share = np.average(table.y, weights=weight)
    known = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert values[0]["majority class"]["value"] == pytest.approx(known, rel=0.02)
    assert balanced["steps"][0]["loss"] < values[1]["majority class"]["value"]
