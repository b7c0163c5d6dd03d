"""Amounts far from the rest: outliers by Tukey's fences, and codes such as 9999 that stand for "missing"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare import date_text

Float64 = npt.NDArray[np.float64]

# "Far out" in Tukey's words. Source: Tukey (1977), Exploratory Data Analysis, section 2D.
_FENCE = 3.0
# Bowley's skewness of the quartiles, in [-1, 1], from which on the logarithm is looked at.
_SKEWED = 0.2
_EXAMPLES = 3
_FEWEST = 20
# A code is repeated so often, and by this share of the cells.
_REPEATS, _REPEAT_SHARE = 5, 0.0005
_YEAR = 365.25 * date_text.DAY
_CODE_DATES = tuple(
    int(date_text.days_of(*day)) * date_text.DAY
    for day in ((1, 1, 1), (1900, 1, 1), (1970, 1, 1), (2099, 12, 31), (2999, 12, 31), (9999, 12, 31))
)


@dataclass(frozen=True, slots=True)
class Outliers:
    """Amounts beyond the fences of their column. They are kept; the recipe bounds what is beyond training's range.

    rule: how the fences were set.  low, high: the fences.  examples: (row, value) of the farthest, at most three.
    """

    column: str
    rule: str
    low: float
    high: float
    n_low: int
    n_high: int
    examples: tuple[tuple[int, float], ...]

    @property
    def n(self) -> int:
        """Amounts beyond either fence."""
        return self.n_low + self.n_high


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A value that looks like a code for "missing".

    value: as tenure.yaml would list it.  n: cells.  why: the evidence.
    """

    column: str
    value: str
    n: int
    why: str

    @property
    def warning(self) -> str:
        """What a person should know of it."""
        return (
            f"column {self.column!r}: {self.value} stands in {self.n} cell(s) and {self.why}; if it means missing, "
            f"list it under data.nulls: {{{self.column}: [{self.value}]}}"
        )


def find_outliers(name: str, values: Float64) -> Outliers | None:
    """Count the amounts beyond three interquartile ranges from the quartiles; None where there are none.

    values: float64 [n], NaN where missing.  The logarithm is fenced instead where amounts are positive, skewed to
    the right, and fewer of its values lie beyond. A column whose middle half is one value has no fences.
    """
    rows = np.flatnonzero(np.isfinite(values))
    known = values[rows]
    if len(known) < _FEWEST:
        return None
    low, high, far = _fenced(known)
    rule, ends = f"beyond {_FENCE:g} interquartile ranges from the quartiles", (low, high)
    if float(known.min()) > 0.0 and _bowley(known) > _SKEWED:
        low, high, far_on_logs = _fenced(np.log(known))
        if (far_on_logs > 0).sum() < (far > 0).sum():
            rule, ends, far = f"{rule} of the logarithm", (math.exp(low), math.exp(high)), far_on_logs
    if not (far > 0).any():
        return None
    worst = np.argsort(-far, kind="stable")[:_EXAMPLES]
    examples = tuple((int(rows[i]), float(known[i])) for i in worst if far[i] > 0)
    beyond = far > 0
    n_low = int((beyond & (known < ends[0])).sum())
    return Outliers(name, rule, *ends, n_low, int(beyond.sum()) - n_low, examples)


def _fenced(values: Float64) -> tuple[float, float, Float64]:
    """The two fences, and how far beyond them each value lies; nowhere when the middle half is one value."""
    first, third = np.quantile(values, (0.25, 0.75))
    reach = _FENCE * (third - first)
    low, high = float(first - reach), float(third + reach)
    far = np.maximum(low - values, values - high)
    return low, high, far if reach > 0.0 else np.zeros(len(values))


def find_sentinels(name: str, values: pl.Series, *, is_date: bool = False) -> list[Sentinel]:
    """Values at either end of a column that are repeated, lie far from all others, and are written as codes are.

    values: Float64, or Int64 microseconds of dates (is_date); null where missing.
    """
    counts = values.drop_nulls().value_counts(name="n").sort(values.name)
    different, n = counts[values.name].to_numpy(), counts["n"].to_numpy()
    if len(different) < 3:
        return []
    least = max(_REPEATS, math.ceil(_REPEAT_SHARE * int(n.sum())))
    found = []
    for at, beside, rest in ((0, 1, different[1:]), (-1, -2, different[:-1])):
        value, gap, span = different[at], abs(different[at] - different[beside]), rest[-1] - rest[0]
        if n[at] < least:
            continue
        if is_date:
            if value in _CODE_DATES and gap > 5 * _YEAR:
                why = f"lies {gap / _YEAR:.0f} years from the next date"
                found.append(Sentinel(name, date_text.written(int(value)), int(n[at]), why))
        elif (why_number := _code(float(value), float(gap), float(span), rest)) is not None:
            found.append(Sentinel(name, f"{value:.0f}", int(n[at]), why_number))
    return found


def _code(value: float, gap: float, span: float, rest: npt.NDArray[Any]) -> str | None:
    """Why a number looks like a code, or None. rest: the other values, ascending."""
    if value != math.floor(value):
        return None
    digits = f"{abs(value):.0f}"
    if len(digits) >= 2 and set(digits) <= {"9", "8"} and len(set(digits)) == 1 and gap >= span:
        return f"lies {gap:g} from the next value, while the others span {span:g}"
    if value in (-1.0, -9.0, -99.0, -999.0) and rest[0] >= 0 and (rest == np.floor(rest)).all():
        return "is the only negative value"
    return None


def _bowley(values: Float64) -> float:
    """Bowley's coefficient: how much farther the upper quartile is from the median than the lower, in [-1, 1]."""
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75))
    return float((third + first - 2 * median) / (third - first)) if third > first else 0.0
