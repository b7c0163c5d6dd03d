"""Parts of moments and distances between them, by arithmetic that both executors share.

A moment is microseconds since 1970-01-01 UTC: a Python integer or a Polars Int64 expression, whose // and %
both round down. Everything given is a whole number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenure.prepare.date_text import DAY, SECOND, days_of

HOUR = 3600 * SECOND
MINUTE = 60 * SECOND


def civil(moment: Any) -> tuple[Any, Any, Any]:
    """Year, month and day of a moment, in the proleptic Gregorian calendar.

    Source: days to civil date by eras of 400 years whose years begin in March.

    >>> civil(0), civil(-1), civil(days_of(2024, 2, 29) * DAY)
    ((1970, 1, 1), (1969, 12, 31), (2024, 2, 29))
    """
    shifted = moment // DAY + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    # January and February are months 10 and 11 of the year that began in March.
    return year_of_era + era * 400 + from_march // 10, (from_march + 2) % 12 + 1, day


def _day_of_year(moment: Any) -> Any:
    return moment // DAY - days_of(civil(moment)[0], 1, 1) + 1


def _iso_week(moment: Any) -> Any:
    days = moment // DAY
    thursday = days - (days + 3) % 7 + 3  # the week belongs to the year that holds its Thursday
    return (thursday - days_of(civil(thursday * DAY)[0], 1, 1)) // 7 + 1


PARTS: dict[str, Callable[[Any], Any]] = {
    "YEAR": lambda moment: civil(moment)[0],
    "QUARTER": lambda moment: (civil(moment)[1] + 2) // 3,
    "MONTH": lambda moment: civil(moment)[1],
    "WEEK": _iso_week,
    "DAY": lambda moment: civil(moment)[2],
    "DOW": lambda moment: (moment // DAY + 4) % 7,
    "ISODOW": lambda moment: (moment // DAY + 3) % 7 + 1,
    "DOY": _day_of_year,
    "HOUR": lambda moment: moment % DAY // HOUR,
    "MINUTE": lambda moment: moment % HOUR // MINUTE,
    "SECOND": lambda moment: moment % MINUTE // SECOND,
    "EPOCH": lambda moment: moment // SECOND,
}


def _months(moment: Any) -> Any:
    year, month, _ = civil(moment)
    return year * 12 + month - 1


# The number of the year, month, ... that a moment falls in; DATE_DIFF counts the borders between two of them.
UNITS: dict[str, Callable[[Any], Any]] = {
    "year": lambda moment: civil(moment)[0],
    "quarter": lambda moment: _months(moment) // 3,
    "month": _months,
    "week": lambda moment: (moment // DAY + 3) // 7,
    "day": lambda moment: moment // DAY,
    "hour": lambda moment: moment // HOUR,
    "minute": lambda moment: moment // MINUTE,
    "second": lambda moment: moment // SECOND,
}


def moment_text(moment: int) -> str:
    """A moment as SQL writes it: the day, and the time where it is not midnight.

    >>> moment_text(0), moment_text(DAY + HOUR + 5)
    ('1970-01-01', '1970-01-02 01:00:00.000005')
    """
    year, month, day = civil(moment)
    text = f"{year:04}-{month:02}-{day:02}"
    clock = moment % DAY
    if not clock:
        return text
    text += f" {clock // HOUR:02}:{clock % HOUR // MINUTE:02}:{clock % MINUTE // SECOND:02}"
    return text + (f".{clock % SECOND:06}" if clock % SECOND else "")
