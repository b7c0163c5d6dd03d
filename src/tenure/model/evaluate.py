"""The final word on the test rows: the model's metrics beside what anyone would get without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenure.model.candidates.base import Facts, FitContext, Float64
from tenure.model.candidates.logistic import Logistic
from tenure.model.encode import encode_part, learn_encoding
from tenure.model.threshold import ThresholdRule, choose_threshold
from tenure.model.train import Trained
from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import Recipe
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.metrics import compare, metrics_for

MAJORITY = {"binary": "majority class", "multiclass": "majority class", "regression": "mean"}
LINEAR = {
    "binary": "logistic regression",
    "multiclass": "logistic regression",
    "regression": "ridge regression",
}


@dataclass(frozen=True)
class Evaluation:
    """Metrics on the test rows.

    baselines: name -> metrics, of the share of each class (or the mean) and of a plain linear model, on
    the same rows.  All count the rows by their weights.
    gain: of the chosen metric over each baseline, paired; positive: the model is better.
    """

    n_rows: int
    metric: str
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    gain: Mapping[str, Estimate]


def evaluate(
    recipe: Recipe,
    trained: Trained,
    fitted_on: TrainingTable,
    test: TrainingTable,
    rule: ThresholdRule | float = "f1",
) -> Evaluation:
    """Score the test rows once with the model, and with the baselines fitted on the model's own rows.

    rule: by which the model's threshold was chosen; the linear baseline's is chosen by the same on its own rows.
    """
    fitted_on, test = fitted_on.weighed, test.weighed
    task, y, weight = recipe.target.task, test.y, test.weight
    threshold = trained.calibration.threshold
    scores = trained.scores(test)
    linear, linear_threshold = _linear_scores(recipe, fitted_on, test, rule)
    others = {
        MAJORITY[task]: (_majority_scores(recipe, fitted_on, len(y)), 0.5),
        LINEAR[task]: (linear, linear_threshold),
    }
    gain = {}
    for name, (baseline, cut) in others.items():
        try:
            gain[name] = compare(
                task, y, baseline, scores, trained.metric, thresholds=(cut, threshold), weight=weight
            )
        except ValueError:  # one class only among the test rows: the metric has no value there
            continue
    return Evaluation(
        n_rows=len(y),
        metric=trained.metric,
        metrics=metrics_for(task, y, scores, threshold, weight),
        baselines={
            name: metrics_for(task, y, baseline, cut, weight) for name, (baseline, cut) in others.items()
        },
        gain=gain,
    )


def _majority_scores(recipe: Recipe, fitted_on: TrainingTable, n: int) -> Float64:
    if recipe.target.task == "regression":
        return np.full((n, 1), float(np.mean(fitted_on.shares * fitted_on.y)))
    labels, n_classes = fitted_on.y.astype(np.int64), len(recipe.target.classes)
    counts = np.bincount(labels, weights=fitted_on.shares, minlength=n_classes)
    return np.tile(counts / counts.sum(), (n, 1))


def _linear_scores(
    recipe: Recipe, fitted_on: TrainingTable, test: TrainingTable, rule: ThresholdRule | float
) -> tuple[Float64, float]:
    """Scores of the test rows, and the decision threshold (of use for two classes only)."""
    task, n_classes = recipe.target.task, len(recipe.target.classes)
    learned = learn_encoding(recipe, "linear", fitted_on.features, fitted_on.y, weight=fitted_on.weight)
    facts = Facts(task, n_classes, len(fitted_on.y), len(recipe.features))
    with threadpool_limits(1, user_api="blas"):
        fitted = Logistic().fit(learned.part, {"strength": 1.0}, FitContext(facts, 0, 1))
    margins = fitted.margins(encode_part(learned.encoding, test.features, test.y))
    if task == "regression":
        return margins, 0.5
    plain = Calibration(task, n_classes)
    if task == "multiclass":
        return plain.probabilities(margins), 0.5
    own = plain.probabilities(fitted.margins(learned.part))[:, 1]
    return plain.probabilities(margins), choose_threshold(fitted_on.y, own, rule, fitted_on.weight)
