"""The final word on the test rows: the model's metrics beside what anyone would get without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenure.model.baselines import Baseline, baselines
from tenure.model.candidates.base import Facts, Float64, Part, Style
from tenure.model.encode import Learned, encode_part, learn_encoding
from tenure.model.threshold import ThresholdRule, choose_threshold
from tenure.model.train import Trained
from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import Recipe
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.grouped import compared, measured

OWN_ROWS = 20_000
"""Of the rows that the model was fitted on so many are scored, to see how much it knows them by heart."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics on the test rows.

    baselines: name -> metrics on the same rows, the simplest first; see model.baselines.
    gain: of the chosen metric over each baseline, paired; positive: the model is better.
    own: the model's metrics on rows that it was fitted on.  All count the rows by their weights.
    """

    n_rows: int
    metric: str
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    gain: Mapping[str, Estimate]
    own: Mapping[str, Estimate] = field(default_factory=dict)


def evaluate(
    recipe: Recipe,
    trained: Trained,
    fitted_on: TrainingTable,
    test: TrainingTable,
    rule: ThresholdRule | float = "f1",
) -> Evaluation:
    """Score the test rows once with the model, and with the baselines fitted on the model's own rows.

    rule: by which the model's threshold was chosen; a baseline's is chosen by the same on its own rows.
    Where rows belong to groups, intervals are those of whole groups.
    A baseline that the budget of the search had no time for is left out here, too: see model.evidence.
    """
    fitted_on, test = fitted_on.weighed, test.weighed
    task, y, group, weight = recipe.target.task, test.y, test.group, test.weight
    threshold = trained.thresholds(test)
    scores = trained.scores(test)
    left_out = trained.plan.evidence.get("left_out_of_test", ())
    others = _baseline_scores(recipe, fitted_on, test, rule, left_out)
    gain = {}
    for name, (baseline, cut) in others.items():
        try:
            gain[name] = compared(
                task,
                y,
                baseline,
                scores,
                trained.metric,
                thresholds=(cut, threshold),
                group=group,
                weight=weight,
            )
        except ValueError:  # one class only among the test rows: the metric has no value there
            continue
    own = fitted_on.rows(_spread(len(fitted_on.y)))
    return Evaluation(
        n_rows=len(y),
        metric=trained.metric,
        metrics=measured(task, y, scores, threshold, group, weight),
        baselines={
            name: measured(task, y, found, cut, group, weight) for name, (found, cut) in others.items()
        },
        gain=gain,
        own=measured(task, own.y, trained.scores(own), trained.thresholds(own), own.group, own.weight),
    )


def _spread(n: int) -> np.ndarray:
    """At most OWN_ROWS positions, evenly over all."""
    return np.unique(np.linspace(0, n - 1, min(n, OWN_ROWS)).astype(np.int64))


def _baseline_scores(
    recipe: Recipe,
    fitted_on: TrainingTable,
    test: TrainingTable,
    rule: ThresholdRule | float,
    left_out: Collection[str] = (),
) -> dict[str, tuple[Float64, float]]:
    """Scores of the test rows by each baseline, and its decision threshold (of use for two classes only).

    left_out: names of those that there was no time for.
    """
    facts = Facts(recipe.target.task, len(recipe.target.classes), len(fitted_on.y), len(recipe.features))
    styles: dict[Style, tuple[Learned, Part]] = {}
    found = {}
    with threadpool_limits(1, user_api="blas"):
        for baseline in baselines(facts.task):
            if baseline.name in left_out:
                continue
            style = baseline.style or "linear"
            if style not in styles:
                learned = learn_encoding(
                    recipe, style, fitted_on.features, fitted_on.y, weight=fitted_on.weight
                )
                styles[style] = (learned, encode_part(learned.encoding, test.features, test.y))
            found[baseline.name] = _scored(baseline, facts, styles[style][0].part, styles[style][1], rule)
    return found


def _scored(
    baseline: Baseline, facts: Facts, inside: Part, outside: Part, rule: ThresholdRule | float
) -> tuple[Float64, float]:
    fitted = baseline.fit(inside, facts, 0, None)
    if facts.task == "regression":
        return fitted.margins(outside), 0.5
    plain = replace(Calibration(facts.task, facts.n_classes), output=fitted.output)
    scores = plain.probabilities(fitted.margins(outside))
    # the dummy knows one number: it says the commonest class, whatever the rule
    if facts.task == "multiclass" or baseline.style is None:
        return scores, 0.5
    own = plain.probabilities(fitted.margins(inside))[:, 1]
    return scores, choose_threshold(inside.y, own, rule, inside.weight)
