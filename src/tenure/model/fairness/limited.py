"""The difference that a limit speaks of, counted plainly: for searches that ask for it many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenure.model.fairness.rates import Floats, Words
from tenure.release.groups import TOGETHER

Ints = npt.NDArray[np.int64]

RATES_OF: Mapping[str, tuple[str | int, ...]] = {
    "demographic_parity_difference": ("selected",),
    "equal_opportunity_difference": (1,),
    "equalized_odds_difference": (1, 0),
}
"""Metric of two classes -> among which rows the share of those selected is compared: all, or those of a class."""


def joined_keys(groups: Mapping[str, Words]) -> Words:
    """The intersection that each row is in, shape (n,), as the key of its groups in all columns."""
    return np.array([TOGETHER.join(key) for key in zip(*groups.values(), strict=True)], dtype=object)


def all_groupings(groups: Mapping[str, Words]) -> list[Words]:
    """Each column, and the intersections of all where there are several."""
    return [*groups.values(), *([joined_keys(groups)] if len(groups) > 1 else [])]


def rates(decided: Ints, y: Floats, codes: Ints, n_groups: int, among: str | int) -> tuple[Floats, Ints]:
    """The share selected in each group and the rows that it rests on, shape (n_groups,); 0 where there are none.

    codes: shape (n,), the group of each row by number.  among: as RATES_OF has it.
    """
    counted = np.ones(len(y), dtype=bool) if among == "selected" else y == among
    n = np.bincount(codes[counted], minlength=n_groups)
    hits = np.bincount(codes[counted], weights=decided[counted].astype(float), minlength=n_groups)
    return hits / np.maximum(n, 1), n.astype(np.int64)


class LimitedDifference:
    """The largest difference of a metric over all groupings of one set of rows, for any decisions about them."""

    def __init__(self, metric: str, y: Floats, groupings: Sequence[Words], least: int) -> None:
        self._among, self._y, self._least = RATES_OF[metric], y, least
        coded = [np.unique(keys.astype(str), return_inverse=True) for keys in groupings]
        self._codes = [(codes.astype(np.int64), len(names)) for names, codes in coded]

    def of(self, decided: Ints, which: Ints | None = None) -> float:
        """The difference; 0 where fewer than two groups have rows enough. which: only these rows, with repetition."""
        y, made = (self._y, decided) if which is None else (self._y[which], decided[which])
        largest = 0.0
        for codes, n_groups in self._codes:
            of_rows = codes if which is None else codes[which]
            for among in self._among:
                share, n = rates(made, y, of_rows, n_groups, among)
                known = share[n >= self._least]
                if len(known) > 1:
                    largest = max(largest, float(known.max() - known.min()))
        return largest
