"""How far groups are apart in a measure: the largest difference and the smallest ratio of any two, with bounds.

The bounds hold for all pairs together (Bonferroni), because the largest difference of several groups is chosen
after the fact and is above 0 by chance alone. A share has Wilson's interval, a mean the normal one; those of two
groups make that of their difference (Newcombe 1998) and of their ratio (Donner and Zou 2012, MOVER-R).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from tenure.model.fairness.rates import Group, GroupValue, Rates

Z95 = 1.959963984540054
ERROR = 0.025
"""Chance that all bounds on one side are too narrow together."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The two groups furthest apart. low, high: of the largest difference (smallest ratio) that there is.

    between: the groups.  at_least: as low, at the level that holds for all groupings together (differences only).
    """

    value: float
    low: float
    high: float
    between: tuple[Group, Group]
    measure: str
    at_least: float | None = None


def bounds(group: GroupValue, z: float) -> tuple[float, float]:
    """The interval of one group's value.

    >>> bounds(GroupValue(0.0, 10), 1.96)[0]
    0.0
    """
    n, value = group.support, group.value
    if group.deviation is not None:
        half = z * group.deviation / math.sqrt(n) if n > 1 else math.inf
        return value - half, value + half
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half))


def largest_difference(
    rates: Rates, measures: Sequence[str], least: int, n_groupings: int = 1
) -> Apart | None:
    """The largest difference between any two groups in any of these measures; None without two groups to compare.

    least: rows that a group's value must rest on.
    """
    pairs = list(_pairs(rates, measures, least))
    if not pairs:
        return None
    found = [_difference(a, b, _z(ERROR / len(pairs))) for _, _, a, b in pairs]
    strict = [_difference(a, b, _z(ERROR / len(pairs) / n_groupings)) for _, _, a, b in pairs]
    at = max(range(len(pairs)), key=lambda i: found[i][0])
    measure, between, a, b = pairs[at]
    return Apart(
        value=found[at][0],
        low=max(low for _, low, _ in found),
        high=max(high for _, _, high in found),
        between=between if a.value >= b.value else (between[1], between[0]),
        measure=measure,
        at_least=max(low for _, low, _ in strict),
    )


def smallest_ratio(rates: Rates, measures: Sequence[str], least: int) -> Apart | None:
    """The smallest ratio of a group's share to another's, in any of these measures; 1 where both are 0."""
    pairs = [pair for pair in _pairs(rates, measures, least) if pair[2].deviation is None]
    if not pairs:
        return None
    z = _z(ERROR / len(pairs))
    found = [_ratio(a, b, z) if a.value <= b.value else _ratio(b, a, z) for _, _, a, b in pairs]
    at = min(range(len(pairs)), key=lambda i: found[i][0])
    measure, between, a, b = pairs[at]
    return Apart(
        value=found[at][0],
        low=min(low for _, low, _ in found),
        high=min(high for _, _, high in found),
        between=between if a.value >= b.value else (between[1], between[0]),
        measure=measure,
    )


def _z(share: float) -> float:
    return NormalDist().inv_cdf(1 - share)


def _pairs(
    rates: Rates, measures: Sequence[str], least: int
) -> Iterator[tuple[str, tuple[Group, Group], GroupValue, GroupValue]]:
    for measure in measures:
        values: Mapping[Group, GroupValue] = rates.get(measure, {})
        known = {group: value for group, value in values.items() if value.support >= least}
        for first, second in combinations(sorted(known), 2):
            yield measure, (first, second), known[first], known[second]


def _difference(a: GroupValue, b: GroupValue, z: float) -> tuple[float, float, float]:
    """The absolute difference and its bounds."""
    (low_a, high_a), (low_b, high_b) = bounds(a, z), bounds(b, z)
    gap = a.value - b.value
    low = gap - math.hypot(a.value - low_a, high_b - b.value)
    high = gap + math.hypot(high_a - a.value, b.value - low_b)
    return abs(gap), max(0.0, low, -high), max(abs(low), abs(high))


def _ratio(a: GroupValue, b: GroupValue, z: float) -> tuple[float, float, float]:
    """a / b for a <= b, and its bounds; the upper one not above 1, as the ratio is that of the smaller."""
    if b.value == 0.0:
        return 1.0, 0.0, 1.0
    (low_a, high_a), (low_b, high_b) = bounds(a, z), bounds(b, z)
    product = a.value * b.value
    under = high_b * (2 * b.value - high_b)
    over = low_b * (2 * b.value - low_b)
    value = a.value / b.value
    if under <= 0.0:
        low = 0.0
    else:
        low = (product - math.sqrt(max(0.0, product**2 - low_a * (2 * a.value - low_a) * under))) / under
    if over <= 0.0:
        high = 1.0
    else:
        high = (product + math.sqrt(max(0.0, product**2 - high_a * (2 * a.value - high_a) * over))) / over
    return value, min(value, max(0.0, low)), max(value, min(1.0, high))
