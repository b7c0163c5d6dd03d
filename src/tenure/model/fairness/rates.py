"""What a model does to each group, by fairlearn's MetricFrame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.errors import ExtraMissing
from tenure.records import Task

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
Group = tuple[str, ...]

MOST_CLASSES = 20
"""Of more classes the most frequent ones are measured."""


@dataclass(frozen=True, slots=True)
class GroupValue:
    """One measure in one group.

    support: the rows that it is a mean over.  deviation: standard deviation of these rows' values; None for a share.
    """

    value: float
    support: int
    deviation: float | None = None


Rates = Mapping[str, Mapping[Group, GroupValue]]
"""Measure -> group -> value. A measure of one of several classes ends in its label in brackets."""


@dataclass(frozen=True)
class Judged:
    """Rows with their outcome, and what the model made of them.

    y: shape (n,), class index or number.  scores: shape (n, n_classes) of probabilities, or (n, 1) of numbers.
    decided: shape (n,), the class index that was decided; None for regression.
    benefit: shape (n,), what the decision brought; None for regression.
    unit: what errors of a regression are divided by.
    """

    task: Task
    classes: tuple[str, ...]
    y: Floats
    scores: Floats
    decided: npt.NDArray[np.int64] | None = None
    benefit: Floats | None = None
    unit: float = 1.0


def need_fairlearn() -> None:
    """Raise ExtraMissing unless fairlearn is there."""
    try:
        import fairlearn.metrics  # noqa: F401
    except ImportError:
        raise ExtraMissing("fairlearn", "fair") from None


def rates_by_group(judged: Judged, groups: Mapping[str, Words]) -> Rates:
    """Every measure of the task in every group that occurs.

    groups: column -> shape (n,), the group of each row; of several columns the intersections are measured.
    """
    if judged.task == "regression":
        return _of_numbers(judged, groups)
    found: dict[str, Mapping[Group, GroupValue]] = {}
    for index in measured_classes(judged):
        suffix = "" if judged.task == "binary" else f"[{judged.classes[index]}]"
        for name, values in _of_class(judged, index, groups).items():
            found[name + suffix] = values
    if judged.benefit is not None:
        found["benefit"] = _means(judged.benefit, groups)
    return found


def measured_classes(judged: Judged) -> Sequence[int]:
    """The positive class, or of several classes the most frequent."""
    if judged.task == "binary":
        return [1]
    counts = np.bincount(judged.y.astype(np.int64), minlength=len(judged.classes))
    return sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist())


def _of_class(judged: Judged, index: int, groups: Mapping[str, Words]) -> dict[str, dict[Group, GroupValue]]:
    from fairlearn.metrics import count, false_positive_rate, selection_rate, true_positive_rate

    assert judged.decided is not None
    actual = (judged.y == index).astype(np.int64)
    decided = (judged.decided == index).astype(np.int64)
    frame = _frame(
        {
            "selection_rate": selection_rate,
            "true_positive_rate": true_positive_rate,
            "false_positive_rate": false_positive_rate,
            "n": count,
            "base_rate": lambda y_true, y_pred: float(np.mean(y_true)),
            "positives": lambda y_true, y_pred: int(np.sum(y_true)),
        },
        actual,
        decided,
        groups,
    )
    shares: dict[str, dict[Group, GroupValue]] = {
        name: {} for name in ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate")
    }
    for group, row in frame.items():
        n, positives = int(row["n"]), int(row["positives"])
        support = {"true_positive_rate": positives, "false_positive_rate": n - positives}
        for name, values in shares.items():
            if support.get(
                name, n
            ):  # without a row to be a share of there is no rate, though fairlearn says 0
                values[group] = GroupValue(float(row[name]), support.get(name, n))
    return {**shares, "calibration_gap": _means(judged.scores[:, index] - actual, groups)}


def _of_numbers(judged: Judged, groups: Mapping[str, Words]) -> Rates:
    predicted = judged.scores[:, 0]
    error = (predicted - judged.y) / judged.unit
    return {
        "mean_outcome": _means(judged.y, groups),
        "mean_prediction": _means(predicted / judged.unit, groups),
        "mean_error": _means(error, groups),
        "mean_absolute_error": _means(np.abs(error), groups),
    }


def _means(values: Floats, groups: Mapping[str, Words]) -> dict[Group, GroupValue]:
    from fairlearn.metrics import count

    frame = _frame(
        {
            "mean": lambda y_true, y_pred: float(np.mean(y_pred)),
            "deviation": lambda y_true, y_pred: float(np.std(y_pred, ddof=1)) if len(y_pred) > 1 else 0.0,
            "n": count,
        },
        values,
        values,
        groups,
    )
    return {g: GroupValue(row["mean"], int(row["n"]), row["deviation"]) for g, row in frame.items()}


def _frame(
    metrics: Mapping[str, Callable[..., Any]], y_true: Any, y_pred: Any, groups: Mapping[str, Words]
) -> dict[Group, Mapping[str, float]]:
    from fairlearn.metrics import MetricFrame

    by_group = MetricFrame(
        metrics=dict(metrics), y_true=y_true, y_pred=y_pred, sensitive_features=dict(groups)
    ).by_group
    table = by_group[by_group["n"] > 0]  # of intersections it tells those, too, that no row is in
    return {
        key if isinstance(key, tuple) else (key,): dict(row)
        for key, row in zip(table.index.tolist(), table.to_dict("records"), strict=True)
    }
