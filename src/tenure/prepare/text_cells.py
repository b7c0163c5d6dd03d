"""What a block of text cells can be read as: null tokens, numbers, dates, booleans.

Cheap looks come first, and the patterns of the recipe see only the cells that may match them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from tenure.prepare import date_text, number_text
from tenure.prepare.expressions import date_of, folded, number_of
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.tokens import FALSE_WORDS, LARGEST_NUMBER, SPACES, STRONG_NULLS, TRUE_WORDS, WEAK_NULLS

_NULL_WORDS = list(STRONG_NULLS + WEAK_NULLS)
_BOOLEAN_WORDS = [word for word in TRUE_WORDS + FALSE_WORDS if word.isalpha()]
_DATES = tuple(name for name in date_text.FORMATS if name != date_text.COMPACT)
_ANY_NUMBER = NumberFormat(thousands=",", currency=number_text.CURRENCIES, percent=True, accounting=True)


def _loose(word: str) -> str:
    """A pattern for every spelling of a folded word: letters of both cases, any run of blanks for a space."""
    parts = (
        f"[{c}{c.upper()}]" if "a" <= c <= "z" else f"[{SPACES}]+" if c == " " else re.escape(c) for c in word
    )
    return "".join(parts)


# Each lets through all that the exact test behind it accepts, and little else.
_MAYBE_WORD = f"^(?:{'|'.join(map(_loose, _NULL_WORDS + _BOOLEAN_WORDS))})$"
_MAYBE_NUMBER = (
    rf"^[-+(]? ?(?:[0-9.]|{'|'.join(map(re.escape, number_text.CURRENCIES))})"
    rf"[-+0-9.,%() eE{re.escape(''.join(sorted(set(''.join(number_text.CURRENCIES)))))}]*$"
)
_MONTH = "|".join("".join(f"[{c}{c.upper()}]" for c in name) for name in date_text.MONTHS if len(name) == 3)
_MAYBE_DATE = rf"^(?:[0-9]{{1,4}}(?:st|nd|rd|th)?[-/. ]|(?:{_MONTH})[A-Za-z]{{0,6}}\.?[ -][0-9])"
_LONGEST_DATE = 60
# The commonest way to write a time needs no more than a calendar.
_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?Z?)?$"
)


@dataclass(frozen=True, slots=True)
class TextReading:
    """What texts, some met several times, can be read as.

    numbers: the finite numbers among them, float64, each as often as it was met.
    null_tokens: folded token -> cells.  n_booleans, n_dates: cells.
    """

    numbers: np.ndarray
    null_tokens: dict[str, int]
    n_booleans: int
    n_dates: int


def read_texts(texts: pl.Series, counts: np.ndarray | None) -> TextReading:
    """Read texts as they stand in the cells. counts: how often each was met, int [n]; None for once."""
    n = pl.Series("n", np.ones(len(texts), dtype=np.int64) if counts is None else counts)
    # What Polars reads as a finite number is one by the recipe's pattern too (a test holds it to that).
    plain = texts.cast(pl.Float64, strict=False)
    is_plain = (plain.abs() <= LARGEST_NUMBER).fill_null(False)
    numbers = [_repeat(plain.filter(is_plain), n.filter(is_plain), counts)]
    rest = (
        pl.DataFrame({"text": texts.rename("text"), "n": n})
        .filter(~is_plain)
        .with_columns(pl.col("text").str.strip_chars(SPACES))
    )
    words = rest.filter(pl.col("text").str.contains(_MAYBE_WORD)).select("n", key=folded(pl.col("text")))
    tokens = words.filter(pl.col("key").is_in(_NULL_WORDS)).group_by("key").agg(pl.col("n").sum())
    n_booleans = int(words.filter(pl.col("key").is_in(_BOOLEAN_WORDS))["n"].sum())
    digits = rest.filter(pl.col("text").str.contains("[0-9]"))
    read = _marked_numbers(digits["text"])
    numbers.append(_repeat(read.drop_nulls(), digits["n"].filter(read.is_not_null()), counts))
    return TextReading(
        np.concatenate(numbers),
        dict(tokens.iter_rows()),
        n_booleans,
        _count_dates(digits.filter(read.is_null())),
    )


def _repeat(values: pl.Series, n: pl.Series, counts: np.ndarray | None) -> np.ndarray:
    return values.to_numpy() if counts is None else np.repeat(values.to_numpy(), n.to_numpy())


def _marked_numbers(texts: pl.Series) -> pl.Series:
    """Stripped texts as numbers, with thousands separators, currency, percent or brackets; null where none."""
    maybe = texts.str.contains(_MAYBE_NUMBER)
    if not maybe.any():
        return pl.Series("number", [None] * len(texts), dtype=pl.Float64)
    text = pl.col("text")
    read = pl.coalesce(number_of(text, NumberFormat()), number_of(text, _ANY_NUMBER))
    found = texts.filter(maybe).to_frame("text").select(number=read).to_series()
    numbers = np.full(len(texts), np.nan)
    numbers[maybe.to_numpy()] = found.fill_null(np.nan).to_numpy()
    return pl.Series("number", numbers).fill_nan(None)


def _count_dates(rest: pl.DataFrame) -> int:
    """Cells that read as dates. rest: columns text, stripped, and n."""
    rest = rest.filter(
        pl.col("text").str.contains(_MAYBE_DATE) & (pl.col("text").str.len_chars() <= _LONGEST_DATE)
    )
    if rest.is_empty():
        return 0
    day = pl.col("text").str.slice(0, 10)
    iso = pl.col("text").str.contains(_ISO) & ~day.str.starts_with("0000")
    rest = rest.with_columns(iso=iso & day.str.to_date("%Y-%m-%d", strict=False).is_not_null())
    others = rest.filter(~pl.col("iso"))
    n_iso = int(rest.filter("iso")["n"].sum())
    if others.is_empty():
        return n_iso
    return n_iso + int(others.filter(date_of(pl.col("text"), _DATES).is_not_null())["n"].sum())
