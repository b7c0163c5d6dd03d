"""What each part of a split holds, and whether their targets differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

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
    target, number = np.asarray(y), np.asarray(parts)
    groups = None if group is None else number_groups(group)
    is_inside = (number >= 0) & (number < len(PARTS))
    if not is_inside.all():
        target, number = target[is_inside], number[is_inside]
        groups = None if groups is None else groups[is_inside]
    rows = np.bincount(number, minlength=len(PARTS))
    measures = (
        {key: _Measure.of(values, number, groups) for key, values in _measures(target, classes).items()}
        if groups is not None or not classes
        else _shares(target, number, classes)
    )
    facts = {
        name: PartFacts(
            int(n), {key: m.estimate(part, bool(classes)) for key, m in measures.items()} if n else {}
        )
        for part, (name, n) in enumerate(zip(PARTS, rows, strict=True))
    }
    told = list(measures.values())[-1:] if len(classes) == 2 else list(measures.values())
    p = min((m.chance() for m in told), default=1.0)
    return Balance(facts, len(is_inside) - len(number), min(1.0, p * len(told)))


def describe_balance(parts: Mapping[str, Any]) -> list[str]:
    """One line a part, from what Balance.to_dict gave; the last four classes."""
    return [
        f"  {name:<10} {facts['rows']:>10,} rows"
        + "".join(f", {key} {_short(Estimate(**e))}" for key, e in list(facts["target"].items())[-4:])
        for name, facts in parts.items()
    ]


def _shares(
    target: npt.NDArray[Any], number: npt.NDArray[np.int8], classes: Sequence[str]
) -> dict[str, _Measure]:
    """Each class's, from one count of parts by classes."""
    cells = pl.DataFrame({"class": target, "part": number}).group_by("class", "part").len()
    counts = np.zeros((len(classes), len(PARTS)), dtype=np.int64)
    counts[cells["class"].cast(pl.Int64), cells["part"]] = cells["len"]
    return {
        label: _Measure.of_share(held, counts.sum(axis=0))
        for label, held in zip(classes, counts, strict=True)
    }


def _measures(target: npt.NDArray[Any], classes: Sequence[str]) -> dict[str, Floats]:
    """What is averaged: each class's indicator, or the target itself; the positive class last of two."""
    if not classes:
        return {"mean": np.asarray(target, dtype=np.float64)}
    return {label: (target == index).astype(np.float64) for index, label in enumerate(classes)}


@dataclass(frozen=True, slots=True)
class _Measure:
    """A measure by part. n: rows; mean; own, common: variance of the mean, about the part's own mean and about all's.

    by_groups: whether the variances take groups together.
    """

    n: Floats
    mean: Floats
    own: Floats
    common: Floats
    by_groups: bool

    @classmethod
    def of(
        cls, values: Floats, number: npt.NDArray[np.int8], groups: npt.NDArray[np.int64] | None
    ) -> _Measure:
        """values, number (the part), groups: of each row, [n]."""
        off = values - values.mean() if len(values) else values
        n = np.bincount(number, minlength=len(PARTS)).astype(np.float64)
        filled = np.maximum(n, 1.0)
        shift = np.bincount(number, off, minlength=len(PARTS)) / filled
        mean = shift + (values.mean() if len(values) else 0.0)
        if groups is None:
            # of single rows
            squares = np.bincount(number, off * off, minlength=len(PARTS))
            return cls(
                n, mean, (squares / filled - shift**2) / filled, squares.sum() / n.sum() / filled, False
            )
        cells = groups * len(PARTS) + number
        about_own, about_all = (
            np.bincount(np.arange(len(sums)) % len(PARTS), sums**2, minlength=len(PARTS)) / filled**2
            for sums in (np.bincount(cells, off - shift[number]), np.bincount(cells, off))
        )
        return cls(n, mean, about_own, about_all, True)

    @classmethod
    def of_share(cls, held: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> _Measure:
        """Of rows that stand for themselves. held: rows of a class in each part, of n there."""
        share, filled = held / np.maximum(n, 1), np.maximum(n, 1.0)
        overall = held.sum() / n.sum()
        return cls(
            n.astype(np.float64),
            share,
            share * (1.0 - share) / filled,
            overall * (1.0 - overall) / filled,
            False,
        )

    def estimate(self, part: int, is_share: bool) -> Estimate:
        mean, n = float(self.mean[part]), float(self.n[part])
        if is_share and not self.by_groups:
            scale = 1.0 + Z95**2 / n
            middle = (mean + Z95**2 / (2 * n)) / scale
            half = Z95 / scale * math.sqrt(mean * (1 - mean) / n + (Z95 / (2 * n)) ** 2)
            return Estimate(mean, min(mean, max(0.0, middle - half)), max(mean, min(1.0, middle + half)))
        half = Z95 * math.sqrt(max(0.0, self.own[part]))
        low, high = (max(0.0, mean - half), min(1.0, mean + half)) if is_share else (mean - half, mean + half)
        return Estimate(mean, low, high)

    def chance(self) -> float:
        """The p-value of the hypothesis that all parts have one mean."""
        there = (self.n > 0) & (self.common > 0.0)
        if np.sum(self.n > 0) < 2:
            return 1.0
        overall = float(np.average(self.mean, weights=self.n))
        statistic = float(np.sum((self.mean[there] - overall) ** 2 / self.common[there]))
        # The chi-square distribution's upper tail, in closed form for one and two degrees of freedom.
        return math.exp(-statistic / 2) if np.sum(self.n > 0) == 3 else math.erfc(math.sqrt(statistic / 2))


def _told(facts: PartFacts) -> Estimate:
    return list(facts.target.values())[-1]


def _short(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
