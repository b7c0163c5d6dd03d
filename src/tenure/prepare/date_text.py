"""Dates written as text: one pattern a format, and arithmetic that both executors share.

All times are microseconds since 1970-01-01 UTC; a time without an offset is taken as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
DAY = 86_400_000_000
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIME = (
    r"(?:[T ] ?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp][Mm]))?(?: ?(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_YEAR = r"(?P<year>[0-9]{4})"
_ANY_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_MONTH = r"(?P<month>[0-9]{1,2})"
_DAY = r"(?P<day>[0-9]{1,2})"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"

# Name of the format -> pattern without anchors. Every group exists in no more than one place.
FORMATS: dict[str, str] = {
    "year-month-day": rf"{_YEAR}-{_MONTH}-{_DAY}{_TIME}",
    "year/month/day": rf"{_YEAR}[/.]{_MONTH}[/.]{_DAY}{_TIME}",
    "day/month/year": rf"{_DAY}[/.-]{_MONTH}[/.-]{_ANY_YEAR}{_TIME}",
    "month/day/year": rf"{_MONTH}[/.-]{_DAY}[/.-]{_ANY_YEAR}{_TIME}",
    "day month-name year": rf"{_DAY}(?:st|nd|rd|th)?[ -]{_NAME},?[ -]{_ANY_YEAR}{_TIME}",
    "month-name day year": rf"{_NAME}[ -]{_DAY}(?:st|nd|rd|th)?,?[ -]{_YEAR}{_TIME}",
    "yearmonthday": r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    "year-month": rf"{_YEAR}[-/]{_MONTH}",
}
COMPACT = "yearmonthday"
GROUPS = ("year", "month", "name", "day", "hour", "minute", "second", "fraction", "half", "zone")


def groups_of(name: str) -> tuple[str, ...]:
    """The named groups that a format's pattern has."""
    return tuple(group for group in GROUPS if f"(?P<{group}>" in FORMATS[name])


def days_of(year: Any, month: Any, day: Any) -> Any:
    """Days since 1970-01-01 of a Gregorian date, year >= 1; integers or Polars integer expressions.

    Source: the civil calendar counted from March, so that the leap day comes last.

    >>> days_of(1970, 1, 1), days_of(2000, 3, 1)
    (0, 11017)
    """
    early = (14 - month) // 12  # 1 for January and February
    years = year - early
    from_march = month + 12 * early - 3
    in_year = (153 * from_march + 2) // 5 + day - 1
    return 365 * years + years // 4 - years // 100 + years // 400 + in_year - 719_468


def days_in_month(year: Any, month: Any) -> Any:
    """Length of a month; integers or Polars integer expressions.

    >>> days_in_month(2024, 2), days_in_month(2023, 12)
    (29, 31)
    """
    return days_of(year + month // 12, month % 12 + 1, 1) - days_of(year, month, 1)


def parser(names: tuple[str, ...]) -> Callable[[str], int | None]:
    """A function from stripped text to microseconds since the epoch; the first pattern that matches decides.

    >>> parser(("day/month/year",))("31/12/1999") == days_of(1999, 12, 31) * DAY
    True
    >>> parser(("day/month/year",))("31/02/1999") is None
    True
    """
    matchers = [re.compile(FORMATS[name]).fullmatch for name in names]

    def parse(text: str) -> int | None:
        for match in matchers:
            found = match(text)
            if found is not None:
                return _micros(found.groupdict())
        return None

    return parse


def micros_of(moment: date | datetime) -> int:
    """Microseconds since the epoch of a Python date or datetime (naive: UTC)."""
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return (aware - EPOCH) // timedelta(microseconds=1)
    return int(days_of(moment.year, moment.month, moment.day)) * DAY


def written(micros: int) -> str:
    """A moment as ISO 8601 writes it, the time only where there is one.

    >>> written(0), written(1_500_000)
    ('1970-01-01', '1970-01-01 00:00:01.500000')
    """
    moment = EPOCH.replace(tzinfo=None) + timedelta(microseconds=micros)
    return str(moment.date() if micros % DAY == 0 else moment)


def choose_formats(counts: Mapping[str, int], *, compact: bool) -> tuple[tuple[str, ...], float]:
    """The formats that read the cells, the most used first, and the share of cells they read.

    counts: stripped cell text -> number of cells.  compact: whether eight digits may be a date.
    When both day first and month first read cells, the one that reads more of them is taken for all.

    >>> choose_formats({"13/01/2024": 1, "02/01/2024": 5}, compact=False)
    (('day/month/year',), 1.0)
    """
    total = sum(counts.values())
    if not total:
        return (), 0.0
    names = [name for name in FORMATS if compact or name != COMPACT]
    read = {name: _count(counts, (name,)) for name in names}
    day_first, month_first = read["day/month/year"], read["month/day/year"]
    if day_first and month_first:
        # A dot between day and month is written where the day comes first.
        dotted = any(re.match(r"[0-9]{1,2}\.[0-9]{1,2}\.", text) for text in counts)
        before = month_first > day_first or (month_first == day_first and not dotted)
        read["day/month/year" if before else "month/day/year"] = 0
    chosen = tuple(
        sorted((name for name in names if read[name]), key=lambda name: (-read[name], names.index(name)))
    )
    return chosen, (read[chosen[0]] if len(chosen) == 1 else _count(counts, chosen)) / total


def _count(counts: Mapping[str, int], names: tuple[str, ...]) -> int:
    parse = parser(names)
    return sum(n for text, n in counts.items() if parse(text) is not None)


def _micros(groups: dict[str, str | None]) -> int | None:
    year, month, day = _year(str(groups["year"])), _month(groups), int(groups.get("day") or 1)
    if month is None or year < 1 or not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        return None
    hour, minute, second = (int(groups.get(part) or 0) for part in ("hour", "minute", "second"))
    if half := groups.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("PM", "pm", "Pm", "pM") else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = int((groups.get("fraction") or "0")[:6].ljust(6, "0"))
    offset = _offset(groups.get("zone"))
    if offset is None:
        return None
    clock = (hour * 3600 + minute * 60 + second - offset) * SECOND + fraction
    return int(days_of(year, month, day)) * DAY + clock


def _year(text: str) -> int:
    year = int(text)
    return year + (2000 if year < 69 else 1900) if len(text) == 2 else year


def _month(groups: dict[str, str | None]) -> int | None:
    name = groups.get("name")
    return MONTHS.get(name.lower()) if name else int(groups.get("month") or 0)


def _offset(zone: str | None) -> int | None:
    """Seconds east of UTC, or None when there is no such offset."""
    if zone is None or zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
