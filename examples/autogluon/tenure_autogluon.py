"""AutoGluon as a candidate of tenure: its boosted trees and their ensemble weights, as trees for a release."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from autogluon.features.generators import IdentityFeatureGenerator
from autogluon.tabular import TabularPredictor

from tenure.model.blend import blended
from tenure.model.candidates.base import Facts, FitContext, OutOfTime, Part
from tenure.model.convert import native_scores
from tenure.model.document import ModelDocument, blend_documents, tree_document

METRICS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "root_mean_squared_error"}
# A fold of a search without a deadline gets this long; it is seldom needed.
SECONDS = 120.0
# Below this AutoGluon may end without a model; where there must be one, it is worth a little more time.
LEAST_SECONDS = 5.0
LABEL, WEIGHT = "label_", "weight_"


@dataclass(frozen=True)
class Booster:
    """One model of AutoGluon's, in its library's own form. rounds: those that are used."""

    model: Any
    rounds: int

    def margins(self, X: np.ndarray) -> np.ndarray:
        return native_scores(self.model, X, self.rounds)

    def document(self, X: np.ndarray) -> ModelDocument:
        return tree_document(self.model, X, self.rounds)


def _booster(model: Any) -> Booster:
    """model: AutoGluon's wrapping of a booster."""
    inner = model.model
    if model.ag_key == "XGB":
        best = getattr(inner, "best_iteration", None)
        booster = inner.get_booster()
        booster.feature_names = booster.feature_types = None
        return Booster(booster, booster.num_boosted_rounds() if best is None else best + 1)
    if model.ag_key == "GBM":
        return Booster(inner, inner.best_iteration if inner.best_iteration > 0 else inner.current_iteration())
    return Booster(inner, inner.tree_count_)


@dataclass(frozen=True)
class FittedAutoGluon:
    """The boosters that AutoGluon's ensemble uses, and their weights, on the scale of margins.

    AutoGluon averages probabilities; a release adds margins, and all that is measured is measured on those.
    rounds: of all boosters together.
    """

    boosters: tuple[Booster, ...]
    weights: tuple[float, ...]
    rounds: int
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> np.ndarray:
        return blended([booster.margins(part.X) for booster in self.boosters], np.asarray(self.weights))

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        return blend_documents([booster.document(train.X) for booster in self.boosters], self.weights)


class AutoGluon:
    """AutoGluon's own choice among LightGBM, CatBoost and XGBoost with its settings, with its weights."""

    name = "autogluon"
    boosts = False

    def style(self, params: Any) -> Literal["trees"]:
        return "trees"

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        return [{"families": "GBM CAT XGB"}]

    def suggest(self, trial: Any, facts: Facts) -> dict[str, Any]:
        return {"families": trial.suggest_categorical("families", ["GBM CAT XGB", "GBM CAT", "CAT"])}

    def fit(
        self,
        train: Part,
        params: Any,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> FittedAutoGluon:
        left = SECONDS if context.deadline is None else context.deadline - time.perf_counter()
        context.check()
        if left < LEAST_SECONDS and not context.soft:
            raise OutOfTime
        left = max(left, LEAST_SECONDS)
        with tempfile.TemporaryDirectory() as folder:
            predictor = _fit(_frame(train), params["families"].split(), context, left, folder)
            if context.is_late() and not context.soft:
                raise OutOfTime
            return _read(predictor)


def _frame(part: Part) -> pd.DataFrame:
    frame = pd.DataFrame(part.X, columns=[f"f{i}" for i in range(part.X.shape[1])]).assign(**{LABEL: part.y})
    return frame if part.weight is None else frame.assign(**{WEIGHT: part.weight})


def _fit(
    frame: pd.DataFrame, families: list[str], context: FitContext, seconds: float, folder: str
) -> TabularPredictor:
    task = context.facts.task
    predictor = TabularPredictor(
        LABEL,
        problem_type=task,
        eval_metric=METRICS[task],
        path=folder,
        verbosity=0,
        sample_weight=WEIGHT if WEIGHT in frame else None,
    )
    # Every column is a number already, and one that is constant must keep its place.
    common = {"ag.drop_unique": False, "ag_args_fit": {"num_cpus": context.threads}}
    special = {"XGB": {"enable_categorical": True, "seed": context.seed}, "GBM": {"seed": context.seed}}
    seeds = {**special, "CAT": {"random_seed": context.seed}}
    return predictor.fit(
        frame,
        hyperparameters={family: {**common, **seeds[family]} for family in families},
        feature_generator=IdentityFeatureGenerator(),
        time_limit=seconds,
        num_bag_folds=0,
        num_stack_levels=0,
        calibrate=False,
        num_cpus=context.threads,
        num_gpus=0,
    )


def _read(predictor: TabularPredictor) -> FittedAutoGluon:
    """The best model, or the members of the best ensemble."""
    trainer = predictor._trainer
    best = trainer.load_model(predictor.model_best)
    weights = (
        best._get_model_weights() if hasattr(best, "_get_model_weights") else {predictor.model_best: 1.0}
    )
    chosen = {name: weight for name, weight in weights.items() if weight > 0.0}
    members = [trainer.load_model(name) for name in chosen]
    boosters = tuple(map(_booster, members))
    return FittedAutoGluon(boosters, tuple(map(float, chosen.values())), sum(b.rounds for b in boosters))
