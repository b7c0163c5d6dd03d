"""What changes over time: rows and target of each period, and the columns that move most."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tenure.prepare.date_text import DAY
from tenure.prepare.explore import intervals
from tenure.prepare.explore.associations import Associations, contingency
from tenure.prepare.explore.cells import Cells
from tenure.prepare.explore.facts import Change, Trends
from tenure.prepare.explore.grouping import grouped
from tenure.prepare.explore.target import SampleTarget
from tenure.records import Estimate

Codes = npt.NDArray[np.int64]
_MOST_PERIODS = 40
_MOST_CHANGES = 12
# No column can be called so: names hold no null bytes.
_PERIOD = "\0period"
_EMPTY = Estimate(float("nan"), float("nan"), float("nan"))
_HOUR = DAY // 24
# A change weaker than this is not worth a line.
_WEAK = 0.05


def _months(micros: Codes) -> Codes:
    return micros.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _month_label(month: int) -> str:
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


def _day_label(day: int) -> str:
    return str(np.datetime64(day, "D"))


# name -> number of the period of a time in microseconds, and how such a number is written.
_UNITS: dict[str, tuple[Callable[[Codes], Codes], Callable[[int], str]]] = {
    "hour": (lambda t: t // _HOUR, lambda p: str(np.datetime64(p, "h")).replace("T", " ") + "h"),
    "day": (lambda t: t // DAY, _day_label),
    # The first of January 1970 was a Thursday; weeks begin on Monday.
    "week": (lambda t: (t // DAY + 3) // 7, lambda p: _day_label(p * 7 - 3)),
    "month": (_months, _month_label),
    "quarter": (lambda t: _months(t) // 3, lambda p: f"{1970 + p // 4} Q{p % 4 + 1}"),
    "year": (lambda t: _months(t) // 12, lambda p: str(1970 + p)),
}


def study_trends(
    time: Cells,
    columns: Sequence[Cells],
    target: SampleTarget | None,
    measured: Associations,
    *,
    is_named: bool,
) -> Trends | None:
    """Trends along a column of dates; None when it spans a single period.

    columns: what may move; measured: knows them and the target.  is_named: whether the user named the time.
    """
    if time.values is None or time.is_missing.all():
        return None
    every, codes, labels = _periods(time.values, ~time.is_missing)
    if len(labels) < 2:
        return None
    others = [column for column in columns if column.name != time.name]
    if target is not None:
        others = [target.cells(), *(column for column in others if column.name != target.recipe.name)]
    changes = _changes(others, measured, codes, len(labels))
    return Trends(time.name, is_named, every, time.n, grouped(codes, labels, target), changes)


def _periods(values: npt.NDArray[np.float64], filled: npt.NDArray[np.bool_]) -> tuple[str, Codes, list[str]]:
    """The unit, the period of each row (-1: missing or far out), and the periods' names."""
    micros = np.where(filled, np.nan_to_num(values), 0.0).astype(np.int64)
    low, high = np.quantile(micros[filled], [0.002, 0.998], method="nearest").astype(np.int64)
    unit = "year"
    for name, (number, _) in _UNITS.items():
        first, last = number(np.array([low, high]))
        if last - first < _MOST_PERIODS:
            unit = name
            break
    number, label = _UNITS[unit]
    first, last = number(np.array([low, high]))
    last = min(last, first + 10 * _MOST_PERIODS)
    codes = number(micros) - first
    codes[~filled | (codes < 0) | (codes > last - first)] = -1
    return unit, codes, [label(int(period)) for period in range(first, last + 1)]


def _changes(
    columns: Sequence[Cells], known: Associations, codes: Codes, n_periods: int
) -> tuple[Change, ...]:
    period = Cells(_PERIOD, "category", codes < 0, codes=codes, labels=("",) * n_periods)
    measured = known.with_column(period)
    found = []
    for column in columns:
        if column.name in measured and _PERIOD in measured:
            strength = measured.between(_PERIOD, column.name).strength
            if strength.low > _WEAK:
                found.append(Change(column.name, *_movement(column, codes, n_periods), strength))
        gaps = column.is_missing
        if 0.01 < gaps.mean() < 0.99:
            ok = codes >= 0
            strength = intervals.cramers_v(contingency(codes[ok], gaps[ok].astype(np.int64), n_periods, 2))
            if strength.low > _WEAK:
                found.append(Change(column.name, "missing", _rates(gaps, codes, ok, n_periods), strength))
    return tuple(sorted(found, key=lambda change: -change.strength.low)[:_MOST_CHANGES])


def _movement(column: Cells, codes: Codes, n_periods: int) -> tuple[str, tuple[Estimate, ...]]:
    """What of the column is followed: the mean of numbers, or the level whose share moves most."""
    ok = (codes >= 0) & ~column.is_missing
    if column.values is not None:
        n = np.bincount(codes[ok], minlength=n_periods)
        totals = np.bincount(codes[ok], column.values[ok], minlength=n_periods)
        centres = totals / np.maximum(n, 1)
        squares = np.bincount(codes[ok], (column.values[ok] - centres[codes[ok]]) ** 2, minlength=n_periods)
        return "mean", tuple(
            intervals.mean(int(k), float(t), float(s)) if k else _EMPTY
            for k, t, s in zip(n, totals, squares, strict=True)
        )
    assert column.codes is not None
    level = len(column.labels) - 1 if len(column.labels) == 2 else _restless(column, codes, ok, n_periods)
    return f"share of {column.labels[level]}", _rates(column.codes == level, codes, ok, n_periods)


def _restless(column: Cells, codes: Codes, ok: npt.NDArray[np.bool_], n_periods: int) -> int:
    assert column.codes is not None
    k = len(column.labels)
    table = np.bincount(codes[ok] * k + column.codes[ok], minlength=n_periods * k).reshape(n_periods, k)
    n = table.sum(axis=1, keepdims=True)
    shares = table / np.maximum(n, 1)
    overall = table.sum(axis=0) / max(1, table.sum())
    return int(np.argmax((n * (shares - overall) ** 2).sum(axis=0)))


def _rates(
    hits: npt.NDArray[np.bool_], codes: Codes, ok: npt.NDArray[np.bool_], n_periods: int
) -> tuple[Estimate, ...]:
    n = np.bincount(codes[ok], minlength=n_periods)
    counts = np.bincount(codes[ok & hits], minlength=n_periods)
    return tuple(intervals.rate(int(c), int(k)) if k else _EMPTY for c, k in zip(counts, n, strict=True))
