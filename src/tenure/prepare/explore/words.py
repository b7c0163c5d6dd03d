"""Numbers, dates and shares as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, timedelta

from tenure.prepare.date_text import DAY, EPOCH

_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


def number_text(value: float, kind: str = "number") -> str:
    """A number in few characters, or a date for kind "date".

    >>> number_text(1234567.0), number_text(0.000123456), number_text(29.85), number_text(0.0, "date")
    ('1.235M', '0.000123', '29.85', '1970-01-01')
    """
    if not math.isfinite(value):
        return "–"
    if kind == "date":
        return date_text(value)
    size = abs(value)
    for factor, suffix in _SUFFIXES:
        if factor <= size < 1e15:
            return f"{value / factor:.4g}{suffix}"
    if size >= 1e15 or 0 < size < 1e-6:
        return f"{value:.3e}"
    if size >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.4g}" if size >= 1 else f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in text else text


def date_text(micros: float) -> str:
    """Microseconds since the epoch as a date; with the time unless it is midnight."""
    try:
        moment = EPOCH + timedelta(microseconds=int(micros))
    except OverflowError:
        return f"{micros:.3e} µs"
    return (
        f"{moment.astimezone(UTC):%Y-%m-%d}"
        if micros % DAY == 0
        else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
    )


def range_text(low: float, high: float, kind: str) -> str:
    """A bin by its smallest and largest value.

    >>> range_text(12285.0, 65740.0, "integer")
    '12.3k – 65.7k'
    """
    if kind == "date":
        first, last = number_text(low, kind)[:10], number_text(high, kind)[:10]
        return f"{first} – {last[5:] if first[:5] == last[:5] else last}"
    return _brief(low) if low == high else f"{_brief(low)} – {_brief(high)}"


def _brief(value: float) -> str:
    return f"{value / 1000:.3g}k" if 10_000 <= abs(value) < 1e6 else number_text(value)


def share_text(share: float) -> str:
    """A share in percent; what is not 0 or 1 is not shown so.

    >>> share_text(0.0), share_text(0.00001), share_text(0.2654), share_text(0.99999)
    ('0 %', '< 0.1 %', '26.5 %', '> 99.9 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    percent = 100 * share
    return f"{percent:.0f} %" if percent in (0.0, 100.0) else f"{percent:.1f} %"


def short(text: str, limit: int = 60) -> str:
    """A text cut to at most so many characters, on one line."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def short_name(name: str, limit: int) -> str:
    """The name of a column, cut in the middle: long names often differ at their end.

    >>> short_name("total_amount_of_the_year_2024", 16)
    'total_amo…r_2024'
    """
    line = " ".join(name[:10_000].split())
    if len(line) <= limit:
        return line
    tail = (limit - 1) * 2 // 5
    return f"{line[: limit - 1 - tail]}…{line[-tail:]}"
