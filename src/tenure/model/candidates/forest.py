"""Random forests by scikit-learn, kept shallow enough for exact explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenure.model.candidates.base import LARGE_ROWS, Facts, FitContext, Fitted, Float64, Params, Part, Style
from tenure.model.document import ModelDocument, tree_document

if TYPE_CHECKING:
    import optuna

TREES = 200
TREES_A_STEP = 20


@dataclass(frozen=True, slots=True)
class FittedForest:
    """A scikit-learn forest."""

    model: Any
    task: str
    rounds: int
    output: Literal["margin", "probability"]

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Probabilities (of the positive class, or one a class) or numbers, shape (n, n_outputs)."""
        if self.task == "regression":
            return np.asarray(self.model.predict(part.X), dtype=np.float64).reshape(-1, 1)
        p = np.asarray(self.model.predict_proba(part.X), dtype=np.float64)
        return p[:, 1:] if self.task == "binary" else p

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The trees in the release's form."""
        return tree_document(self.model, train.X, None)


class Forest:
    """Averaged trees on bootstrap samples."""

    name = "forest"
    boosts = False

    def style(self, params: Params) -> Style:
        """Trees read missing values as they are."""
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """Bounded trees: the depth bounds the cost of an explanation."""
        share = 0.3 if facts.task != "regression" else 0.5
        return [{"max_depth": 10, "min_samples_leaf": 5 if facts.n_rows > 200 else 2, "max_features": share}]

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw depth, leaf size and share of features a split."""
        return {
            "max_depth": trial.suggest_int("max_depth", 4, 12),
            "min_samples_leaf": trial.suggest_int(
                "min_samples_leaf", 1, max(5, min(50, facts.n_rows // 20)), log=True
            ),
            "max_features": trial.suggest_float("max_features", 0.1, 1.0),
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
        """Grow trees, a few at a time so that the deadline is seen; see Candidate.fit."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        facts = context.facts
        kind = RandomForestRegressor if facts.task == "regression" else RandomForestClassifier
        model = kind(
            n_estimators=0, warm_start=True, random_state=context.seed, n_jobs=context.threads, **params
        )
        wanted, grown = rounds or (TREES if facts.n_rows < LARGE_ROWS else TREES // 2), 0
        while grown < wanted and not (context.check() and grown > 0):
            grown = min(grown + TREES_A_STEP, wanted)
            model.set_params(n_estimators=grown)
            model.fit(train.X, train.y, sample_weight=train.weight)
        # One thread: several would add the trees' votes up in any order, and the last bits would differ.
        model.set_params(n_jobs=1)
        return FittedForest(
            model, facts.task, grown, "margin" if facts.task == "regression" else "probability"
        )
