"""Gradient boosted symmetric trees by CatBoost, on our own encoding."""

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
from tenure.model.candidates.constant import fit_constant, is_constant
from tenure.model.document import ModelDocument, tree_document

if TYPE_CHECKING:
    import optuna

OBJECTIVES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


@dataclass(frozen=True, slots=True)
class FittedCatBoost:
    """A CatBoost model."""

    model: Any
    n_outputs: int
    rounds: int
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Raw scores, shape (n, n_outputs)."""
        wanted = min(rounds or self.rounds, self.model.tree_count_)
        raw = self.model.predict(part.X, prediction_type="RawFormulaVal", ntree_end=wanted, thread_count=1)
        return np.asarray(raw, dtype=np.float64).reshape(len(part.X), self.n_outputs)

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The trees in the release's form."""
        return tree_document(self.model, train.X, min(rounds or self.rounds, self.model.tree_count_))


class CatBoost:
    """Symmetric trees: slower to fit, hard to overfit."""

    name = "catboost"
    boosts = True

    def style(self, params: Params) -> Style:
        """Trees read missing values as they are."""
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """The library's own depth, and a shallower tree."""
        rate = facts.learning_rate(0.03)
        common = {"learning_rate": rate, "random_strength": 1.0, "subsample": 0.8, "rsm": 0.7}
        return [{**common, "depth": 6, "l2_leaf_reg": 3.0}, {**common, "depth": 4, "l2_leaf_reg": 3.0}]

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw depth, rate, randomness and penalty."""
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
            "depth": trial.suggest_int("depth", 2, 8),
            "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.5, 50.0, log=True),
            "random_strength": trial.suggest_float("random_strength", 0.1, 10.0, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "rsm": trial.suggest_float("rsm", 0.3, 1.0),
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
        import catboost

        if is_constant(
            train
        ):  # the library refuses such rows; a fold of a table with one rare level may be so
            context.check()
            return fit_constant(train, context.facts, rounds or 1)
        late: list[bool] = []

        class StopInTime:
            def after_iteration(self, info: Any) -> bool:
                # An exception does not pass through the library unharmed, so it is raised afterwards.
                if context.is_late():
                    late.append(True)
                return not late

        model = catboost.CatBoost(
            {
                **params,
                "loss_function": OBJECTIVES[context.facts.task],
                "iterations": rounds or context.facts.most_rounds,
                "od_type": "Iter",
                "od_wait": PATIENCE,
                "use_best_model": False,
                # On telecom5000 over three splits: log loss 0.150, and 0.155 by the Bayesian bootstrap.
                "bootstrap_type": "MVS",
                "boosting_type": "Plain",
                "grow_policy": "SymmetricTree",
                "random_seed": context.seed,
                "thread_count": context.threads,
                "allow_writing_files": False,
                "logging_level": "Silent",
                **({"monotone_constraints": list(train.signs)} if any(train.signs) else {}),
            }
        )
        pool = train.native("catboost", lambda: _pool(train))
        watched = watch.native("catboost", lambda: _pool(watch)) if watch else None
        model.fit(pool, eval_set=watched, callbacks=[StopInTime()])
        if late:
            context.check()
        best = model.get_best_iteration() + 1 if watch is not None else model.tree_count_
        return FittedCatBoost(model, context.facts.n_outputs, int(best))


def _pool(part: Part) -> Any:
    import catboost

    return catboost.Pool(part.X, part.y, weight=part.weight, thread_count=1)
