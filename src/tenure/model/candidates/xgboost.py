"""Gradient boosted trees by XGBoost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenure.model.candidates.base import (
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
    "binary": {"objective": "binary:logistic", "eval_metric": "logloss"},
    "multiclass": {"objective": "multi:softprob", "eval_metric": "mlogloss"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}


@dataclass(frozen=True, slots=True)
class FittedXGBoost:
    """An XGBoost booster."""

    booster: Any
    n_outputs: int
    rounds: int
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Raw scores, shape (n, n_outputs)."""
        wanted = (0, self._among(rounds))
        raw = self.booster.predict(_matrix(part), output_margin=True, iteration_range=wanted)
        return np.asarray(raw, dtype=np.float64).reshape(len(part.X), self.n_outputs)

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The trees in the release's form."""
        return tree_document(self.booster, train.X, self._among(rounds))

    def _among(self, rounds: int | None) -> int:
        """So many rounds, or all there are: early stopping may have ended this fit before the others."""
        return min(rounds or self.rounds, int(self.booster.num_boosted_rounds()))


class XGBoost:
    """Histogram boosting, grown level by level."""

    name = "xgboost"
    boosts = True

    def style(self, params: Params) -> Style:
        """Trees read missing values as they are."""
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """Middling trees with sampling, and shallow ones."""
        rate = facts.learning_rate(0.05)
        common = {"learning_rate": rate, "subsample": 0.8, "alpha": 1e-3, "lambda": 3.0, "gamma": 1e-3}
        return [
            {**common, "max_depth": 5, "min_child_weight": 3.0, "colsample_bynode": 0.5},
            {**common, "max_depth": 3, "min_child_weight": 3.0, "colsample_bynode": 0.5},
        ]

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw depth, rate, sampling and penalties."""
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
            "max_depth": trial.suggest_int("max_depth", 2, 8),
            "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bynode": trial.suggest_float("colsample_bynode", 0.2, 1.0),
            "alpha": trial.suggest_float("alpha", 1e-3, 10.0, log=True),
            "lambda": trial.suggest_float("lambda", 1e-1, 100.0, log=True),
            "gamma": trial.suggest_float("gamma", 1e-3, 3.0, log=True),
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
        import xgboost as xgb

        class StopInTime(xgb.callback.TrainingCallback):  # type: ignore[misc]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                return context.check()

        booster = xgb.train(
            {**_fixed(context), **params, **_limits(train)},
            train.native("xgboost-bins", lambda: _bins(train)),
            num_boost_round=rounds or context.facts.most_rounds,
            evals=[(_matrix(watch), "watch")] if watch else None,
            early_stopping_rounds=PATIENCE if watch else None,
            verbose_eval=False,
            callbacks=[StopInTime()],
        )
        best = booster.best_iteration + 1 if watch is not None else booster.num_boosted_rounds()
        return FittedXGBoost(booster, context.facts.n_outputs, int(best))


def _fixed(context: FitContext) -> dict[str, Any]:
    facts = context.facts
    classes = {"num_class": facts.n_classes} if facts.task == "multiclass" else {}
    return {
        **OBJECTIVES[facts.task],
        **classes,
        "tree_method": "hist",
        "seed": context.seed,
        "nthread": context.threads,
        "verbosity": 0,
    }


def _limits(train: Part) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if any(train.signs):
        limits["monotone_constraints"] = tuple(train.signs)
    if train.groups:
        limits["interaction_constraints"] = str([list(group) for group in train.groups])
    return limits


def _bins(part: Part) -> Any:
    import xgboost as xgb

    return xgb.QuantileDMatrix(part.X, part.y, weight=part.weight, nthread=1)


def _matrix(part: Part) -> Any:
    import xgboost as xgb

    return part.native("xgboost", lambda: xgb.DMatrix(part.X, part.y, weight=part.weight, nthread=1))
