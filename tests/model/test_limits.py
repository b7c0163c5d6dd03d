"""Monotone limits and interaction limits, shown on the scores of what would be released."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.errors import ConfigError
from tenure.model.limits import Limits
from tenure.model.train import TrainingTable, TrainSettings, train
from tests.model.training_tables import make_features, make_recipe, make_table

FEW = TrainSettings(budget_seconds=None, max_trials=1, threads=1)


def fitted(task: str, family: str, limits: Limits, trials: int = 1):
    settings = replace(FEW, candidates=(family,), limits=limits, max_trials=trials)
    recipe = make_recipe(task, 3)
    return train(recipe, make_table(task, 160), make_table(task, 60, seed=7), settings)


def raised(features: pl.DataFrame, column: str, steps: int = 15):
    """The same rows with ever higher values of a column."""
    for value in np.linspace(features[column].min(), features[column].max(), steps):
        yield features.with_columns(pl.lit(float(value)).alias(column))


@pytest.mark.parametrize(
    ("family", "task"), [("lightgbm", "binary"), ("xgboost", "binary"), ("catboost", "regression")]
)
def test_scores_never_move_against_a_monotone_limit(family, task):
    # against the data's own direction for months, so that an unheeded limit would show
    limits = Limits({"months": "increasing", "charges": "increasing"})
    trained = fitted(task, family, limits, trials=1)
    rows = make_features(60, seed=3)
    for column in limits.monotone:
        tables = [TrainingTable(f, np.zeros(60)) for f in raised(rows, column)]
        scores = np.stack([trained.scores(t)[:, -1] for t in tables])
        assert np.diff(scores, axis=0).min() >= 0.0
    free = fitted(task, family, Limits())
    scores = np.stack([free.scores(TrainingTable(f, np.zeros(60)))[:, -1] for f in raised(rows, "months")])
    assert np.diff(scores, axis=0).min() < 0.0


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
def test_columns_in_different_groups_do_not_act_together(family):
    limits = Limits(interactions=(("months",), ("charges", "contract")))
    trained = fitted("regression", family, limits)
    low, high = list(raised(make_features(50, seed=4), "months", 2))

    def gained(features: pl.DataFrame) -> np.ndarray:
        tables = [f.with_columns(features["charges"]) for f in (low, high)]
        scores = [trained.scores(TrainingTable(f, np.zeros(50)))[:, 0] for f in tables]
        return scores[1] - scores[0]

    other = make_features(50, seed=5)
    assert gained(low) == pytest.approx(gained(other), abs=1e-9)
    assert not np.allclose(gained(low), 0.0)


def test_a_family_that_cannot_keep_a_limit_is_left_out_and_said():
    kept, warnings = Limits({"months": "decreasing"}).able(["logistic", "forest", "catboost"])
    assert kept == ["catboost"]
    assert "logistic was left out: it cannot keep model.monotone" in warnings
    assert Limits(interactions=(("a", "b"),)).able(["catboost", "logistic"])[0] == ["logistic"]
    with pytest.raises(ConfigError, match="no candidate"):
        Limits({"months": "decreasing"}).able(["forest"])


@pytest.mark.parametrize(
    ("limits", "task", "message"),
    [
        (Limits({"contract": "increasing"}), "binary", "levels have no order"),
        (Limits({"joined": "increasing"}), "binary", "come round again"),
        (Limits({"month": "increasing"}), "binary", "did you mean 'months'"),
        (Limits({"months": "increasing"}), "multiclass", "more classes"),
        (Limits(interactions=(("months", "nothing"),)), "binary", "no feature 'nothing'"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(limits, task, message):
    with pytest.raises(ConfigError, match=message):
        limits.check(make_recipe(task, 3))
