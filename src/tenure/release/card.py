"""The model card: one short page that says what the model is, how good, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tenure.prepare.recipe import Recipe
from tenure.release.card_judged import card_of_judged, claim_lines
from tenure.release.explanations import explanation_sections
from tenure.release.fairness import fairness_section

TOP_FEATURES = 10
TITLES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}
_BASELINES = {
    "majority": "majority class",
    "mean": "always the mean",
    "logistic": "plain logistic",
    "linear": "plain linear",
}


def model_card(
    *,
    name: str,
    recipe: Recipe,
    family: str,
    data_version: str,
    metrics: Mapping[str, Any],
    importance: Mapping[str, float],
    threshold: float | None,
    warnings: Sequence[str],
    fairness: Mapping[str, Any] | None = None,
    explanations: Mapping[str, Any] | None = None,
) -> str:
    """Write the card as Markdown. The same inputs give the same text: it has no date in it."""
    target = recipe.target
    lines = [
        f"# {name}: predicts {target.name}",
        "",
        f"- Task: {task_of(recipe)}",
        f"- Model: {family}",
        f"- Learned from: {_rows_of(metrics, recipe)}, {len(recipe.features)} columns",
        f"- Data version: `{data_version}`",
    ]
    if threshold is not None:
        lines.append(f"- Decision: `{target.positive}` from a probability of {threshold:.4g} on")
    lines += [
        "",
        "## How good",
        "",
        *claim_lines(metrics),
        *_metrics_table(metrics),
        "",
        "## What it looks at",
        "",
    ]
    unit = "the number predicted" if target.task == "regression" else "the probability"
    lines.append(f"Mean absolute effect on {unit}, over training rows:")
    lines.append("")
    top = list(importance.items())[:TOP_FEATURES]
    lines += [f"{place}. {column}: {effect:.4g}" for place, (column, effect) in enumerate(top, start=1)]
    if explanations is not None:
        lines += explanation_sections(explanations)
    lines += card_of_judged(metrics)
    if recipe.derived:
        lines += ["", "Computed from the columns:", "", *_derived(recipe)]
    if recipe.ignored:
        lines += ["", "Not looked at:", "", *(f"- {column}: {why}" for column, why in recipe.ignored.items())]
    if fairness is not None:
        lines += ["", "## Fairness", "", *fairness_section(fairness)]
    lines += ["", "## Limits", "", *(f"- {text}" for text in limits_of(recipe))]
    if warnings:
        lines += ["", "## Warnings from training", "", *(f"- {text}" for text in dict.fromkeys(warnings))]
    return "\n".join(lines) + "\n"


def _rows_of(metrics: Mapping[str, Any], recipe: Recipe) -> str:
    """Rows the model was fitted on: the training part, which taught recipe and settings, and the validation part."""
    rows = metrics.get("rows") or {}
    fitted = int(rows.get("train", recipe.n_rows)) + int(rows.get("validation", 0))
    return f"{fitted:,} rows (recipe and settings from {recipe.n_rows:,} of them)"


def _derived(recipe: Recipe) -> list[str]:
    return [f"- {derived.column.name}: `{' '.join(derived.value.sql.split())}`" for derived in recipe.derived]


def task_of(recipe: Recipe) -> str:
    """The task in words, with its classes."""
    target = recipe.target
    if target.task == "regression":
        return f"regression, the number {target.name}"
    if target.task == "binary":
        negative, positive = target.classes
        return f"two classes, `{negative}` and `{positive}`; the probability is that of `{positive}`"
    classes = ", ".join(f"`{label}`" for label in target.classes)
    return f"{len(target.classes)} classes: {classes}"


def _metrics_table(metrics: Mapping[str, Any]) -> list[str]:
    test = metrics.get("test", {})
    baselines = {key: body for key, body in metrics.get("baselines", {}).items() if isinstance(body, Mapping)}
    if not test:
        return ["Not measured."]
    heads = ["on test rows", "model", *(_BASELINES.get(key, key) for key in baselines)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for metric, value in test.items():
        cells = [value, *(body.get(metric) for body in baselines.values())]
        lines.append(_row([TITLES.get(metric, metric.replace("_", " ")), *map(_estimate, cells)]))
    return [*lines, "", "In brackets: the 95 % interval of each number."]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _estimate(value: Any) -> str:
    if isinstance(value, Mapping) and {"value", "low", "high"} <= set(value):
        return f"{value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
    return f"{value:.4f}" if isinstance(value, (int, float)) else "–"


def limits_of(recipe: Recipe) -> list[str]:
    """What no model of ours can do, in sentences."""
    limits = [
        "It speaks of rows like those it learned from; values outside the training range are clipped to it, "
        "and unseen levels are read as rare ones.",
        "It finds what goes together, not what causes what: an effect is the model's, not the world's.",
        "Its numbers hold while the data stay as they were; watch drift and outcomes.",
    ]
    if recipe.target.task == "binary":
        limits.append("Accuracy means nothing without the majority class beside it.")
    return limits
