"""Everything that is told of a model's fairness on one set of rows, as JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tenure.model.fairness.differences import Z95, Apart, bounds, largest_difference, smallest_ratio
from tenure.model.fairness.rates import (
    GroupValue,
    Judged,
    Rates,
    Words,
    measured_classes,
    rates_by_group,
)
from tenure.records import Task
from tenure.release.groups import TOGETHER

_OF_CLASSES = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}
_OF_NUMBERS = ("mean_prediction", "mean_error", "mean_absolute_error")


def measure_fairness(judged: Judged, groups: Mapping[str, Words], least: int) -> list[dict[str, Any]]:
    """Rates, differences and ratios by each column of groups, and by their intersections.

    groups: column -> shape (n,), the group of each row.  least: rows that a value needs before it is compared.
    """
    groupings: list[tuple[str, ...]] = [(name,) for name in groups]
    if len(groups) > 1:
        groupings.append(tuple(groups))
    return [_grouping(judged, {n: groups[n] for n in names}, least, len(groupings)) for names in groupings]


def measures_of(judged: Judged, metric: str) -> tuple[str, ...]:
    """The measures whose largest difference a metric is."""
    stem = metric.removesuffix("_difference").removesuffix("_ratio")
    names = _OF_CLASSES.get(stem, (stem,))
    if judged.task != "multiclass" or stem == "benefit":
        return names
    labels = [judged.classes[index] for index in measured_classes(judged)]
    return tuple(f"{name}[{label}]" for label in labels for name in names)


def metrics_of(task: Task) -> tuple[str, ...]:
    """The differences that tenure.yaml may set a limit to."""
    stems: Sequence[str] = _OF_NUMBERS if task == "regression" else tuple(_OF_CLASSES)
    return tuple(f"{stem}_difference" for stem in stems)


def _grouping(judged: Judged, groups: Mapping[str, Words], least: int, n_groupings: int) -> dict[str, Any]:
    rates = rates_by_group(judged, groups)
    stems = [metric.removesuffix("_difference") for metric in metrics_of(judged.task)]
    more = [] if judged.task == "regression" else ["calibration_gap", "benefit"]
    differences = {
        f"{stem}_difference": largest_difference(rates, measures_of(judged, stem), least, n_groupings)
        for stem in [*stems, *more]
    }
    ratios = {
        f"{stem}_ratio": smallest_ratio(rates, measures_of(judged, stem), least)
        for stem in ([] if judged.task == "regression" else stems)
    }
    return {
        "columns": list(groups),
        "groups": _groups(rates, groups, least),
        "differences": {name: _told(apart) for name, apart in differences.items() if apart is not None},
        "ratios": {name: _told(apart) for name, apart in ratios.items() if apart is not None},
    }


def _groups(rates: Rates, groups: Mapping[str, Words], least: int) -> list[dict[str, Any]]:
    keys = sorted({group for values in rates.values() for group in values})
    rows = np.array([TOGETHER.join(cells) for cells in zip(*groups.values(), strict=True)], dtype=object)
    return [
        {
            "group": TOGETHER.join(key),
            "n": int(np.sum(rows == TOGETHER.join(key))),
            "rates": {name: _rate(values[key], least) for name, values in rates.items() if key in values},
        }
        for key in keys
    ]


def _rate(group: GroupValue, least: int) -> dict[str, Any]:
    low, high = bounds(group, Z95) if group.support > 1 or group.deviation is None else (None, None)
    told = {"value": group.value, "low": low, "high": high, "n": group.support}
    return told if group.support >= least else {**told, "few": True}


def _told(apart: Apart) -> dict[str, Any]:
    told = {key: value for key, value in asdict(apart).items() if value is not None}
    return {**told, "between": [TOGETHER.join(group) for group in apart.between]}
