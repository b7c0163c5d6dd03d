"""What a mitigation costs and brings: the model with it beside the model without, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tenure.model.fairness.limited import LimitedDifference, all_groupings
from tenure.model.fairness.measure import measure_fairness
from tenure.model.fairness.rates import Judged, Words
from tenure.records import Estimate
from tenure.release.decide import Thresholds
from tenure.release.grouped import around, compared
from tenure.release.influence import of_mean
from tenure.release.metrics import metric_value

SHOWN = ("log_loss", "roc_auc", "accuracy", "f1")
DRAWS, FEWEST_DRAWS, MOST_CELLS = 500, 100, 20_000_000


def price_of(
    without: Judged,
    with_it: Judged,
    groups: Mapping[str, Words],
    *,
    metric: str,
    least: int,
    thresholds: tuple[Thresholds, Thresholds],
    group: Any = None,
    weight: Any = None,
) -> dict[str, Any]:
    """Both models' figures on the same rows, and their paired differences, as JSON data.

    without, with_it: the same rows.  groups: column -> the group of each row.  metric, least: of the fairness.
    thresholds: of the two.  group, weight: as in a TrainingTable; the figures of quality go by them.
    change: with minus without, for losses and for measures alike; the paired interval is that of the same rows.
    """
    found: dict[str, Any] = {}
    for name in SHOWN:
        try:
            gain = compared(
                without.task,
                without.y,
                without.scores,
                with_it.scores,
                name,
                thresholds=thresholds,
                group=group,
                weight=weight,
            )
            one, two = (
                metric_value(judged.task, judged.y, judged.scores, name, cut, weight)
                for judged, cut in zip((without, with_it), thresholds, strict=True)
            )
        except ValueError:  # one class only: the metric has no value
            continue
        change = (
            gain if name != "log_loss" else Estimate(*(0.0 - v for v in (gain.value, gain.high, gain.low)))
        )
        found[name] = {"without": one, "with": two, "change": asdict(change)}
    if without.benefit is not None and with_it.benefit is not None:
        before, after = of_mean(without.benefit), of_mean(with_it.benefit)
        change = around(after.value - before.value, (after.rows - before.rows) / len(without.y), group)
        found["benefit"] = {"without": before.value, "with": after.value, "change": asdict(change)}
    return {"quality": found, "fairness": _differences(without, with_it, groups, metric, least)}


def _differences(
    without: Judged, with_it: Judged, groups: Mapping[str, Words], metric: str, least: int
) -> list[dict[str, Any]]:
    """The limited difference by each grouping, for both."""
    told = []
    pairs = zip(
        measure_fairness(without, groups, least), measure_fairness(with_it, groups, least), strict=True
    )
    words = all_groupings(groups)
    for (before, after), keys in zip(pairs, words, strict=True):
        one, two = before["differences"].get(metric), after["differences"].get(metric)
        if one is None or two is None:
            continue
        entry = {"columns": before["columns"], "without": _told(one), "with": _told(two)}
        if without.task == "binary":
            change = _paired(without, with_it, keys, metric, least, two["value"] - one["value"])
            entry["change"] = asdict(change)
        told.append(entry)
    return told


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("value", "low", "high")}


def _paired(
    without: Judged, with_it: Judged, keys: Words, metric: str, least: int, change: float
) -> Estimate:
    """A change of the difference with its percentile interval over rows drawn with replacement, the same for both."""
    assert without.decided is not None
    assert with_it.decided is not None
    difference = LimitedDifference(metric, without.y, [keys], least)
    n = len(without.y)
    rng = np.random.default_rng(0)
    changes = []
    for _ in range(int(np.clip(MOST_CELLS // n, FEWEST_DRAWS, DRAWS))):
        which = rng.integers(0, n, n)
        changes.append(difference.of(with_it.decided, which) - difference.of(without.decided, which))
    low, high = np.quantile(changes, [0.025, 0.975])
    return Estimate(change, min(float(low), change), max(float(high), change))
