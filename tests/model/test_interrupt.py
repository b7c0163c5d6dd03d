"""Ctrl-C during the search: the best so far is fitted and said, or the interrupt goes on where there is none."""

from __future__ import annotations

import pytest

from tenure.model.train import TrainSettings, train
from tenure.model.workbench import Workbench
from tests.model.training_tables import make_recipe, make_table

SETTINGS = TrainSettings(
    budget_seconds=None, max_trials=5, threads=1, candidates=("logistic", "lightgbm"), blend=False
)


def interrupted_in(monkeypatch: pytest.MonkeyPatch, trial: int):
    """Train with a Ctrl-C that arrives in this trial, while a fold is awaited."""
    whole, seen = Workbench._fit_fold, []

    def fit_fold(self, candidate, params, k, *rest):
        if k == 0:
            seen.append(params)
        if len(seen) > trial:
            raise KeyboardInterrupt
        return whole(self, candidate, params, k, *rest)

    monkeypatch.setattr(Workbench, "_fit_fold", fit_fold)
    return train(make_recipe("binary", 2), make_table("binary", 200), make_table("binary", 80, 7), SETTINGS)


def test_the_best_so_far_is_fitted_and_said(monkeypatch):
    trained = interrupted_in(monkeypatch, trial=1)
    assert trained.winner == "logistic"
    assert trained.plan.stopped == "interrupted"
    assert any("interrupted" in warning for warning in trained.warnings)
    assert trained.validation["roc_auc"].value > 0.7


def test_an_interrupt_before_there_is_anything_ends_training(monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        interrupted_in(monkeypatch, trial=0)
