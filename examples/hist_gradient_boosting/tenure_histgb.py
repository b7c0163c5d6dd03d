"""A candidate for tenure from outside: scikit-learn's HistGradientBoosting, as trees that a release can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from tenure.model.candidates.base import Facts, FitContext, Part
from tenure.model.document import ModelDocument, document_of_trees
from tenure.model.tree_format import Tree, from_nodes

ROUNDS = 150
ROUNDS_A_STEP = 15


@dataclass(frozen=True)
class FittedHistGradientBoosting:
    """A fitted model of scikit-learn's, and how many rounds it has."""

    model: Any
    facts: Facts
    rounds: int
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> np.ndarray:
        with threadpool_limits(1):
            raw = self.model._raw_predict(np.asarray(part.X, dtype=np.float64))
        return np.asarray(raw, dtype=np.float64).reshape(len(part.X), self.facts.n_outputs)

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        start = np.ravel(self.model._baseline_prediction)
        trees = [Tree.leaf(float(value)) for value in start]
        trees += [_tree(one.nodes) for one_round in self.model._predictors for one in one_round]
        return document_of_trees(trees, self.facts.n_outputs, train.X, self.margins(train))


def _tree(nodes: np.ndarray) -> Tree:
    return from_nodes(
        left=np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.int64)),
        right=np.where(nodes["is_leaf"], -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        values=nodes["value"],
    )


class HistGradientBoosting:
    """Histogram boosting by scikit-learn, with a fixed number of rounds."""

    name = "hist_gradient_boosting"
    boosts = False

    def style(self, params: Any) -> Literal["trees"]:
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        return [{"learning_rate": 0.05, "max_leaf_nodes": 15, "l2_regularization": 1.0}]

    def suggest(self, trial: Any, facts: Facts) -> dict[str, Any]:
        return {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 3, 31, log=True),
            "l2_regularization": trial.suggest_float("l2_regularization", 0.01, 100.0, log=True),
        }

    def fit(
        self,
        train: Part,
        params: Any,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> FittedHistGradientBoosting:
        facts = context.facts
        kind = HistGradientBoostingRegressor if facts.task == "regression" else HistGradientBoostingClassifier
        model = kind(max_iter=1, early_stopping=False, warm_start=True, random_state=context.seed, **params)
        wanted, grown = rounds or ROUNDS, 0
        # A few rounds at a time, so that the deadline is seen: check() raises OutOfTime, or says to stop.
        while grown < wanted and not (context.check() and grown > 0):
            grown = min(grown + ROUNDS_A_STEP, wanted)
            model.set_params(max_iter=grown)
            with threadpool_limits(context.threads):
                model.fit(train.X, train.y)
        return FittedHistGradientBoosting(model, facts, grown)
