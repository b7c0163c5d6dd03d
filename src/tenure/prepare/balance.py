"""What each part of a split holds, and whether their targets differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.prepare.entities import Groups, number_groups
from tenure.prepare.split import PARTS
from tenure.records import Estimate

Z95 = 1.959963984540054
# A split is one draw: below this its parts are not alike by chance.
SIGNIFICANCE = 0.001

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PartFacts:
    """One part: its rows, and per class its share of them with a 95 % interval (the mean, for regression)."""

    rows: int
    target: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Balance:
    """The parts of a split beside each other.

    left_out: rows that are in no part, because a group would straddle or the order of time would not hold.
    p: chance that parts drawn from one population differ so much (1.0 where there is nothing to tell).
    """

    parts: Mapping[str, PartFacts]
    left_out: int
    p: float

    def to_dict(self) -> dict[str, Any]:
        """The parts as JSON data: name -> {"rows", "target": {class: {"value", "low", "high"}}}."""
        return {
            name: {"rows": facts.rows, "target": {key: asdict(e) for key, e in facts.target.items()}}
            for name, facts in self.parts.items()
        }

    def warnings(self) -> list[str]:
        """What a person must know of this split."""
        found = []
        if self.left_out:
            total = self.left_out + sum(facts.rows for facts in self.parts.values())
            found.append(
                f"{self.left_out:,} of {total:,} rows ({self.left_out / total:.0%}) were left out: in any part "
                "they would either straddle it with their group, or break the order of time that the split keeps"
            )
        if self.p < SIGNIFICANCE:
            values = ", ".join(f"{name} {_short(_told(facts))}" for name, facts in self.parts.items())
            found.append(f"the parts' targets differ by more than chance (p = {self.p:.1g}): {values}")
        return found


def describe_parts(
    y: npt.ArrayLike, parts: npt.ArrayLike, classes: Sequence[str], group: Groups | None = None
) -> Balance:
    """Measure the parts of a split.

    y: class indices or numbers, [n].  parts: 0 training, 1 validation, 2 test, else in none.
    classes: labels in the order of the indices; () for regression.
    group: rows of one group are no independent draws: intervals and the test then go by groups.

    Intervals: mean +- 1.96 standard errors, the errors robust to groups (Liang and Zeger, 1986); a share without
    groups has Wilson's. Test: Pearson's chi-square for two classes, and its form for means else; the errors are
    those under the hypothesis that all parts have one mean; Holm over the classes.
    """
    target, number = np.asarray(y, dtype=np.float64), np.asarray(parts)
    groups = None if group is None else number_groups(group)
    inside = [number == part for part in range(len(PARTS))]
    measures = _measures(target, classes)
    facts = {
        name: PartFacts(
            int(rows.sum()),
            {
                key: _estimate(values[rows], None if groups is None else groups[rows], bool(classes))
                for key, values in measures.items()
                if rows.any()
            },
        )
        for name, rows in zip(PARTS, inside, strict=True)
    }
    told = list(measures.values())[-1:] if len(classes) == 2 else list(measures.values())
    p = min((_chance(values, inside, groups) for values in told), default=1.0)
    aside = len(number) - sum(int(rows.sum()) for rows in inside)
    return Balance(facts, aside, min(1.0, p * len(told)))


def describe_balance(parts: Mapping[str, Any]) -> list[str]:
    """One line a part, from what Balance.to_dict gave; the last four classes."""
    return [
        f"  {name:<10} {facts['rows']:>10,} rows"
        + "".join(f", {key} {_short(Estimate(**e))}" for key, e in list(facts["target"].items())[-4:])
        for name, facts in parts.items()
    ]


def _measures(target: Floats, classes: Sequence[str]) -> dict[str, Floats]:
    """What is averaged: each class's indicator, or the target itself; the positive class last of two."""
    if not classes:
        return {"mean": target}
    return {label: (target == index).astype(np.float64) for index, label in enumerate(classes)}


def _estimate(values: Floats, groups: npt.NDArray[np.int64] | None, is_share: bool) -> Estimate:
    mean, n = float(values.mean()), len(values)
    if is_share and groups is None:
        scale = 1.0 + Z95**2 / n
        middle = (mean + Z95**2 / (2 * n)) / scale
        half = Z95 / scale * math.sqrt(mean * (1 - mean) / n + (Z95 / (2 * n)) ** 2)
        return Estimate(mean, min(mean, max(0.0, middle - half)), max(mean, min(1.0, middle + half)))
    half = Z95 * math.sqrt(_variance(values - mean, groups))
    low, high = (max(0.0, mean - half), min(1.0, mean + half)) if is_share else (mean - half, mean + half)
    return Estimate(mean, low, high)


def _variance(residuals: Floats, groups: npt.NDArray[np.int64] | None) -> float:
    """Variance of the mean, the rows of one group taken together."""
    sums = residuals if groups is None else np.bincount(groups, weights=residuals)
    return float(np.sum(sums**2)) / len(residuals) ** 2


def _chance(
    values: Floats, inside: Sequence[npt.NDArray[np.bool_]], groups: npt.NDArray[np.int64] | None
) -> float:
    """The p-value of the hypothesis that all parts have one mean."""
    present = [rows for rows in inside if rows.any()]
    if len(present) < 2:
        return 1.0
    mean = float(values[np.any(present, axis=0)].mean())
    spread = float(np.mean((values - mean) ** 2))
    statistic = 0.0
    for rows in present:
        residuals = values[rows] - mean
        variance = spread / len(residuals) if groups is None else _variance(residuals, groups[rows])
        if variance > 0.0:
            statistic += float(residuals.mean()) ** 2 / variance
    # The chi-square distribution's upper tail, in closed form for one and two degrees of freedom.
    return math.exp(-statistic / 2) if len(present) == 3 else math.erfc(math.sqrt(statistic / 2))


def _told(facts: PartFacts) -> Estimate:
    return list(facts.target.values())[-1]


def _short(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
