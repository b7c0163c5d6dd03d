"""What a decision is expected to be worth in money, and what that number assumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.records import Estimate
from tenure.release.decide import Thresholds

ROWS = 1000
_Z95 = 1.959963984540054


class BusinessValues(Protocol):
    """Money of one currency, as in the config's `business`."""

    @property
    def value_of_customer(self) -> float: ...
    @property
    def cost_of_contact(self) -> float: ...
    @property
    def cost_of_offer(self) -> float: ...
    @property
    def success_rate(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Worth:
    """Money per 1,000 scored rows, with its 95 % interval. assumes: what was taken for granted, in words."""

    value: Estimate
    unit: str
    assumes: tuple[str, ...]


def value_of_rows(
    y: ArrayLike, probability: ArrayLike, threshold: Thresholds, business: BusinessValues
) -> NDArray[np.float64]:
    """The value of contacting everyone at or above the threshold, for each row, shape (n,), in money.

    threshold: one for all rows, or one a row.
    y: shape (n,), 1 for the positive class (or a chance in [0, 1], then the value is the expected one).
    A contact costs cost_of_contact. Of the contacted who would leave, success_rate take the offer and stay;
    who would have stayed takes the offer too. Who is not contacted is worth 0, the line it is measured from.

    >>> from types import SimpleNamespace
    >>> money = SimpleNamespace(value_of_customer=100, cost_of_contact=1, cost_of_offer=10, success_rate=0.5)
    >>> value_of_rows([1, 0, 1], [0.9, 0.8, 0.1], 0.5, money).tolist()
    [44.0, -11.0, 0.0]
    """
    leaves = np.asarray(y, dtype=np.float64).reshape(-1)
    contacted = np.asarray(probability, dtype=np.float64).reshape(-1) >= threshold
    saved = business.success_rate * (business.value_of_customer - business.cost_of_offer)
    value = leaves * saved - (1.0 - leaves) * business.cost_of_offer - business.cost_of_contact
    return np.where(contacted, value, 0.0)


def worth_of_switch(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    thresholds: tuple[Thresholds, Thresholds],
    business: BusinessValues,
) -> Worth:
    """What the challenger brings more than the champion, measured on the same labelled rows.

    y: shape (n,), 0 or 1.  champion, challenger: probabilities of the positive class, shape (n,).
    """
    old = value_of_rows(y, champion, thresholds[0], business)
    new = value_of_rows(y, challenger, thresholds[1], business)
    return Worth(_per_thousand(new - old), f"per {ROWS:,} rows", _assumptions(business))


def worth_of_retraining(
    y: ArrayLike, probability: ArrayLike, threshold: Thresholds, business: BusinessValues
) -> Worth:
    """What the champion falls short of its own promise: an upper guess of what retraining wins back.

    The promise is the value that its probabilities announce for the rows it picks, beside what came true.
    """
    promised = value_of_rows(probability, probability, threshold, business)
    came = value_of_rows(y, probability, threshold, business)
    more = "a retrained model would win back all that the present one falls short of what it promises"
    return Worth(_per_thousand(promised - came), f"per {ROWS:,} rows", (*_assumptions(business), more))


def _per_thousand(values: NDArray[np.float64]) -> Estimate:
    mean = float(np.mean(values))
    margin = _Z95 * float(np.std(values, ddof=1)) / float(np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Estimate(ROWS * mean, ROWS * (mean - margin), ROWS * (mean + margin))


def _assumptions(business: BusinessValues) -> tuple[str, ...]:
    return (
        f"everyone at or above the threshold is contacted, at {business.cost_of_contact:g} each",
        f"{business.success_rate:.0%} of those who would leave stay, worth {business.value_of_customer:g}",
        f"the offer costs {business.cost_of_offer:g}, and those who would have stayed take it too",
    )
