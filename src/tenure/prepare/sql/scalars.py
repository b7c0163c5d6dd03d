"""What the operations mean on single values that are not null: the definition that both executors keep to.

Where the result is undefined or leaves ±1e38 it is None. EXP, LN, LOG10 and POWER are those of the C library,
which no standard rounds: the columnar executor calls these very functions.
"""

from __future__ import annotations

import math
import re

from tenure.prepare import number_text as number_texts
from tenure.prepare.date_text import parser as date_parser
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.tokens import FALSE_WORDS, LARGEST_NUMBER, SPACES, TRUE_WORDS, fold, whole_text

ISO = ("year-month-day",)
_parse_number = number_texts.parser(NumberFormat())
_parse_date = date_parser(ISO)


def in_range(value: float) -> float | None:
    """The number, or None beyond ±1e38."""
    return value if -LARGEST_NUMBER <= value <= LARGEST_NUMBER else None


def exp(value: float) -> float | None:
    try:
        return in_range(math.exp(value))
    except OverflowError:
        return None


def ln(value: float) -> float | None:
    return math.log(value) if value > 0.0 else None


def log10(value: float) -> float | None:
    return math.log10(value) if value > 0.0 else None


def power(base: float, exponent: float) -> float | None:
    """None for 0 to a negative power, a root of a negative number, and what leaves the range."""
    try:
        return in_range(math.pow(base, exponent))
    except (OverflowError, ValueError):
        return None


def rounded(value: float, digits: int) -> float | None:
    """Half away from zero, to digits after the point (before it if negative).

    Works on value * 10**digits, so that 2.675 is rounded to 2.68 as it reads, although its double is less.

    >>> rounded(2.5, 0), rounded(-2.5, 0), rounded(2.675, 2), rounded(1250.0, -2)
    (3.0, -3.0, 2.68, 1300.0)
    """
    factor = 10.0 ** abs(digits)
    scaled = value * factor if digits >= 0 else value / factor
    whole = scaled - math.fmod(scaled, 1.0)
    if abs(scaled - whole) >= 0.5:
        whole += math.copysign(1.0, scaled)
    return in_range(whole / factor if digits >= 0 else whole * factor)


def number_text(value: float) -> str:
    """The shortest text that reads back as the number; whole ones without a point.

    >>> number_text(3.0), number_text(0.1), number_text(-0.0)
    ('3', '0.1', '0')
    """
    return whole_text(value) or repr(value)


def text_number(text: str) -> float | None:
    return _parse_number(text.strip(SPACES))


def text_date(text: str) -> int | None:
    return _parse_date(text.strip(SPACES))


def text_boolean(text: str) -> bool | None:
    word = fold(text)
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def like_pattern(pattern: str) -> str:
    """LIKE's pattern as the body of a regular expression: % any text, _ one character, line breaks too.

    >>> like_pattern("a_c%")
    'a.c.*'
    """
    parts = {"%": ".*", "_": "."}
    return "".join(parts.get(letter) or re.escape(letter) for letter in pattern)
