"""Days of UTC: that of a prediction by its id, and where each begins and ends."""

from __future__ import annotations

import re
from datetime import datetime

from tenure.journal.entries import from_micros, to_micros
from tenure.journal.identifiers import first_id_at

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_DAY = 86_400_000_000
_LAST = to_micros(datetime.max)


def day_of(identifier: str) -> str | None:
    """The day of a prediction by its id; None for what is no 32 hexadecimal digits.

    >>> day_of("018bcfe5680070000000000000000000"), day_of("C-17")
    ('2023-11-14', None)
    """
    return day_at(int(identifier[:12], 16) * 1000) if _IDENTIFIER.fullmatch(identifier) else None


def day_at(micros: int) -> str:
    """The day of a time in microseconds since the epoch (UTC); of one beyond the year 9999, the last."""
    return from_micros(min(micros, _LAST)).date().isoformat()


def ids_of_day(day: str) -> tuple[str, str]:
    """The smallest id of a day, and that of the next day.

    >>> first, end = ids_of_day("2023-11-14")
    >>> first <= "018bcfe5680070000000000000000000" < end
    True
    """
    start, end = times_of_day(day)
    return first_id_at(start), first_id_at(end)


def before(identifier: str) -> str:
    """The largest text of 32 hexadecimal digits below another.

    >>> before("00a0"), before("0")
    ('0000000000000000000000000000009f', '')
    """
    number = int(identifier, 16)
    return f"{number - 1:032x}" if number else ""


def times_of_day(day: str) -> tuple[int, int]:
    """When a day begins, and when the next one does, in microseconds since the epoch."""
    start = to_micros(datetime.fromisoformat(day))
    return start, start + _DAY
