"""What may be said of a model, in one or two sentences, made from what was measured."""

from __future__ import annotations

from tenure.model.checks import ModelFinding
from tenure.model.evaluate import Evaluation

TITLES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}


def claim_of(evaluation: Evaluation, found: list[ModelFinding]) -> str:
    """The claim. Accuracy never stands without that of the majority class."""
    metric = TITLES.get(evaluation.metric, evaluation.metric)
    dummy, base = next(iter(evaluation.baselines.items()))
    rows = f"On {evaluation.n_rows:,} test rows that no choice was made by"
    if evaluation.metric not in evaluation.metrics or dummy not in evaluation.gain:
        return f"{rows}, nothing may be claimed: {metric} has no value there."
    gain = evaluation.gain[dummy]
    own = evaluation.metrics[evaluation.metric]
    if gain.low <= 0.0:
        return (
            f"{rows}, there is no signal: the model is not told apart from the {dummy} "
            f"({metric} {own}, gain {gain}). It must not be used to decide."
        )
    other = base.get(evaluation.metric)
    beside = "" if other is None else f"; the {dummy} has {other.value:.4f}"
    claim = f"{rows}, {metric} is {own}{beside}: better by {gain}."
    if evaluation.metric != "accuracy" and "accuracy" in evaluation.metrics:
        right, often = evaluation.metrics["accuracy"], base["accuracy"].value
        claim += f" It is right in {right} of the rows, the {dummy} in {often:.4f}."
    doubts = [finding.code for finding in found if finding.waived is None]
    return claim + (f" To be read with {', '.join(dict.fromkeys(doubts))}." if doubts else "")
