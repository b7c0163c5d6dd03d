"""The row executor of an Encoding: plain Python on one tuple of clean values, a few microseconds a row.

scalar is the definition of every operation; the column executor vectorises it and is tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError
from tenure.release.encoding import FLOAT32_MAX, Encoding, Feature

NAN = float("nan")
MICROSECONDS_PER_DAY = 86_400_000_000
MICROSECONDS_PER_HOUR = 3_600_000_000

Float32 = npt.NDArray[np.float32]
Scalar = Callable[[Any], float]
Step = Callable[[Any], Sequence[float]]

LOOKUP_OPS = frozenset({"level", "other", "target", "code", "boolean"})


def compile_row(encoding: Encoding, columns: Sequence[str]) -> Callable[[Sequence[Any]], Float32]:
    """Build one step a column, each giving all features of that column, and a loop over them."""
    positions = {name: position for position, name in enumerate(columns)}
    absent = [column for column in encoding.columns if column not in positions]
    if absent:
        raise ReleaseError(
            f"the encoding reads columns that the recipe does not give: {', '.join(map(repr, absent))}",
            todo="train again: recipe and encoding belong to different models",
        )
    steps: list[tuple[int, Step]] = []
    order: list[int] = []
    for column, chosen in encoding.positions.items():
        order.extend(chosen)
        steps.append((positions[column], column_step([encoding.features[i] for i in chosen])))
    float32, array = np.float32, np.array

    def encode(row: Sequence[Any]) -> Float32:
        values: list[float] = []
        for position, step in steps:
            values += step(row[position])
        return array(values, float32)

    if order == list(range(len(order))):
        return encode
    back = np.argsort(np.array(order))
    return lambda row: encode(row)[back]


def column_step(features: Sequence[Feature]) -> Step:
    """Compile the features of one column into a function from its clean value to their numbers."""
    if len(features) == 1 and features[0].op == "value":
        return _value_step(features[0])
    if (step := _number_step(features)) is not None:
        return step
    scalars = [scalar(feature) for feature in features]

    def compute(value: Any) -> Sequence[float]:
        return [function(value) for function in scalars]

    if any(feature.op in LOOKUP_OPS for feature in features):
        known: set[Any] = {level for feature in features for level in (*feature.levels, feature.level)}
        known |= {None} if not any(feature.op == "boolean" for feature in features) else {None, True, False}
        return _Lookup({value: tuple(compute(value)) for value in known}, compute).__getitem__
    return compute


class _Lookup(dict[Any, Sequence[float]]):
    """Numbers of every known level; an unknown one is computed and not kept (memory stays bounded)."""

    def __init__(self, known: dict[Any, Sequence[float]], compute: Step) -> None:
        super().__init__(known)
        self._compute = compute

    def __missing__(self, value: Any) -> Sequence[float]:
        return self._compute(value)


def _value_step(feature: Feature) -> Step:
    low, high = clip_bounds(feature)
    compute = scalar(feature)

    def step(value: Any) -> Sequence[float]:
        if value is not None and low <= value <= high:
            return (value,)
        return (compute(value),)

    return step


def _number_step(features: Sequence[Feature]) -> Step | None:
    """One look at a number for its value, its hinges and whether it is missing; None where other features are there."""
    bounds = {clip_bounds(feature) for feature in features if feature.op in ("value", "hinge")}
    if len(bounds) != 1 or any(feature.op not in ("value", "hinge", "missing") for feature in features):
        return None
    ((low, high),) = bounds
    # where the value itself stands, and for a missing mark a knot that no number is beyond
    knots = [
        None if feature.op == "value" else float("inf") if feature.op == "missing" else feature.knot or 0.0
        for feature in features
    ]
    if any(knot is not None and high - knot > FLOAT32_MAX for knot in knots):
        return None
    when_missing = [scalar(feature)(None) for feature in features]

    def step(value: Any) -> Sequence[float]:
        if is_missing(value):
            return when_missing
        number = clip(float(value), low, high)
        return [number if k is None else number - k if number > k else 0.0 for k in knots]

    return step


def clip_bounds(feature: Feature) -> tuple[float, float]:
    """The range a number is clipped to; beyond float32 there is only infinity, so never wider than that."""
    low = -FLOAT32_MAX if feature.low is None else max(feature.low, -FLOAT32_MAX)
    high = FLOAT32_MAX if feature.high is None else min(feature.high, FLOAT32_MAX)
    return low, high


def clip(value: float, low: float, high: float) -> float:
    """Clip one number. Written so that the column executor does the same to -0.0 and at the bounds."""
    return low if value < low else high if value > high else value


def is_missing(value: Any) -> bool:
    """Whether a clean value is missing; a NaN, which no executor of the recipe gives, counts too."""
    return value is None or value != value  # noqa: PLR0124  (true of NaN only)


def or_nan(value: float | None) -> float:
    """A fill of None is NaN."""
    return NAN if value is None else clip(float(value), -FLOAT32_MAX, FLOAT32_MAX)


def scalar(feature: Feature) -> Scalar:
    """The definition of a feature: clean value (or None) -> number, before rounding to float32."""
    return _BUILDERS[feature.op](feature)


def _missing(feature: Feature) -> Scalar:
    return lambda value: 1.0 if is_missing(value) else 0.0


def _value(feature: Feature) -> Scalar:
    low, high = clip_bounds(feature)
    fill = or_nan(feature.fill)
    return lambda value: fill if is_missing(value) else clip(float(value), low, high)


def _hinge(feature: Feature) -> Scalar:
    low, high = clip_bounds(feature)
    fill, knot = or_nan(feature.fill), float(feature.knot or 0.0)

    def compute(value: Any) -> float:
        if is_missing(value):
            return fill
        number = clip(float(value), low, high)
        return clip(number - knot, 0.0, FLOAT32_MAX) if number > knot else 0.0

    return compute


def _level(feature: Feature) -> Scalar:
    level = feature.level
    return lambda value: 1.0 if value is not None and value == level else 0.0


def _other(feature: Feature) -> Scalar:
    levels = frozenset(feature.levels)
    return lambda value: 0.0 if value is None or value in levels else 1.0


def _boolean(feature: Feature) -> Scalar:
    fill = or_nan(feature.fill)
    return lambda value: fill if value is None else 1.0 if value else 0.0


def _target(feature: Feature) -> Scalar:
    return _mapping(feature, dict(zip(feature.levels, map(or_nan, feature.values), strict=True)))


def _code(feature: Feature) -> Scalar:
    return _mapping(feature, {level: float(code) for code, level in enumerate(feature.levels)})


def _mapping(feature: Feature, numbers: dict[str, float]) -> Scalar:
    fill, other = or_nan(feature.fill), or_nan(feature.other)
    return lambda value: fill if value is None else numbers.get(value, other)


def _date(feature: Feature) -> Scalar:
    part, fill = str(feature.part), or_nan(feature.fill)
    return lambda value: fill if value is None else float(date_part(value, part))


def date_part(microseconds: Any, part: str) -> Any:
    """A part of a UTC time given in microseconds since 1970; works on an int and on an int64 array alike.

    Civil dates by the days-to-civil algorithm of the proleptic Gregorian calendar in 400-year eras.

    >>> [date_part(1_700_000_000_000_000, part) for part in ("year", "month", "day", "weekday", "hour")]
    [2023, 11, 14, 2, 22]
    """
    if part == "days":
        return microseconds * 1.0 / float(MICROSECONDS_PER_DAY)
    if part == "hour":
        return microseconds % MICROSECONDS_PER_DAY // MICROSECONDS_PER_HOUR
    days = microseconds // MICROSECONDS_PER_DAY
    if part == "weekday":
        return (days + 3) % 7 + 1
    shifted = days + 719_468  # days since 0000-03-01: the leap day is the last of its year
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    if part == "day":
        return day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 - 12 * (month_from_march >= 10)
    return month if part == "month" else year_of_era + era * 400 + (month <= 2)


def _text(feature: Feature) -> Scalar:
    fill, word = or_nan(feature.fill), (feature.word or "").casefold()
    if feature.part == "length":
        return lambda value: fill if value is None else float(len(value))
    if feature.part == "words":
        return lambda value: fill if value is None else float(len(value.split()))
    return lambda value: fill if value is None else 1.0 if word in value.casefold() else 0.0


_BUILDERS: dict[str, Callable[[Feature], Scalar]] = {
    "value": _value,
    "hinge": _hinge,
    "missing": _missing,
    "level": _level,
    "other": _other,
    "boolean": _boolean,
    "target": _target,
    "code": _code,
    "date": _date,
    "text": _text,
}
