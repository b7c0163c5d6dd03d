"""Gradient boosted trees by LightGBM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenure.model.candidates.base import (
    LARGE_ROWS,
    PATIENCE,
    Facts,
    FitContext,
    Fitted,
    Float64,
    Params,
    Part,
    Style,
)
from tenure.model.document import ModelDocument, tree_document

if TYPE_CHECKING:
    import optuna

OBJECTIVES = {
    "binary": {"objective": "binary", "metric": "binary_logloss"},
    "multiclass": {"objective": "multiclass", "metric": "multi_logloss"},
    "regression": {"objective": "regression", "metric": "rmse"},
}


@dataclass(frozen=True, slots=True)
class FittedLightGBM:
    """A LightGBM booster."""

    booster: Any
    n_outputs: int
    rounds: int
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Raw scores, shape (n, n_outputs)."""
        raw = self.booster.predict(part.X, raw_score=True, num_iteration=rounds or self.rounds, num_threads=1)
        return np.asarray(raw, dtype=np.float64).reshape(len(part.X), self.n_outputs)

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The trees in the release's form."""
        return tree_document(self.booster, train.X, rounds or self.rounds)


class LightGBM:
    """Histogram boosting, grown leaf by leaf."""

    name = "lightgbm"
    boosts = True

    def style(self, params: Params) -> Style:
        """Trees read missing values as they are."""
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """A middling tree, and a nearly additive model of very small ones."""
        rate = facts.learning_rate(0.05)
        common = {"learning_rate": rate, "bagging_fraction": 0.8, "lambda_l1": 1e-3, "path_smooth": 1e-2}
        return [
            {
                **common,
                "num_leaves": 15 if facts.n_rows < LARGE_ROWS else 31,
                "min_data_in_leaf": 20,
                "feature_fraction": 0.7,
                "lambda_l2": 3.0,
            },
            {**common, "num_leaves": 4, "min_data_in_leaf": 20, "feature_fraction": 0.5, "lambda_l2": 3.0},
        ]

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw leaves, rate, sampling and penalties."""
        most_leaves = int(min(128, max(16, facts.n_rows // 50)))
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 3, most_leaves, log=True),
            "min_data_in_leaf": trial.suggest_int(
                "min_data_in_leaf", 3, max(20, min(200, facts.n_rows // 20)), log=True
            ),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
            "lambda_l1": trial.suggest_float("lambda_l1", 1e-3, 10.0, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 1e-2, 100.0, log=True),
            "path_smooth": trial.suggest_float("path_smooth", 1e-2, 30.0, log=True),
        }

    def fit(
        self,
        train: Part,
        params: Params,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> Fitted:
        """Boost; see Candidate.fit."""
        import lightgbm as lgb

        def stop_in_time(env: Any) -> None:
            if context.check() and env.iteration > 0:
                raise lgb.callback.EarlyStopException(env.iteration, env.evaluation_result_list or [])

        callbacks: list[Any] = [stop_in_time]
        if watch is not None:
            callbacks.append(lgb.early_stopping(PATIENCE, first_metric_only=True, verbose=False))
        data = train.native("lightgbm", lambda: _dataset(train, None, context))
        booster = lgb.train(
            {**_fixed(context), **params, **_limits(train), "bagging_freq": 1},
            data,
            num_boost_round=rounds or context.facts.most_rounds,
            valid_sets=[watch.native("lightgbm", lambda: _dataset(watch, data, context))] if watch else None,
            callbacks=callbacks,
        )
        best = (
            booster.best_iteration
            if watch is not None and booster.best_iteration > 0
            else booster.current_iteration()
        )
        return FittedLightGBM(booster, context.facts.n_outputs, int(best))


def _fixed(context: FitContext) -> dict[str, Any]:
    """Settings that are not searched: the task, and everything that makes two runs give the same bits."""
    facts = context.facts
    classes = {"num_class": facts.n_classes} if facts.task == "multiclass" else {}
    return {
        **OBJECTIVES[facts.task],
        **classes,
        "seed": context.seed,
        "num_threads": context.threads,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "verbosity": -1,
    }


def _limits(train: Part) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if any(train.signs):
        limits["monotone_constraints"] = list(train.signs)
        # A leaf that is smoothed towards its parent may cross its neighbour.
        limits["path_smooth"] = 0.0
    if train.groups:
        limits["interaction_constraints"] = [list(group) for group in train.groups]
    return limits


def _dataset(part: Part, reference: Any, context: FitContext) -> Any:
    import lightgbm as lgb

    names = [f"f{i}" for i in range(part.X.shape[1])]
    data = lgb.Dataset(
        part.X,
        part.y,
        reference=reference,
        weight=part.weight,
        feature_name=names,
        params={**_fixed(context), **_limits(part)},
        free_raw_data=False,
    )
    return data.construct()
