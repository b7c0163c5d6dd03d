"""Numbers written as text: thousands, decimal commas, percent, currency, accounting negatives.

A format gives one ASCII pattern that both executors match before they convert, so that what one refuses
the other refuses too ("1_000", full-width digits and "infinity" are accepted by some parsers only).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import islice

from tenure.prepare.recipe import NumberFormat
from tenure.prepare.tokens import LARGEST_NUMBER

CURRENCIES = ("$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "CHF", "JPY", "INR")
PLAIN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# A column is numeric when this share of its filled cells can be read.
ENOUGH = 0.95

# Different cells that are shown to every style, to tell which to try first on all.
_FEW = 500

_SPACE_SEPARATORS = (" ", "\u00a0", "\u202f")
# The order breaks ties: "1,234" alone is read as a thousand, "1.234" alone as one and a bit.
_STYLES = ((".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))


def pattern(style: NumberFormat) -> str:
    """The regular expression, without anchors, of a number in this style; Rust and Python read it alike."""
    if style.plain:
        return PLAIN
    point = re.escape(style.decimal)
    whole = "[0-9]+"
    if style.thousands:
        mark = f"[{''.join(_SPACE_SEPARATORS)}]" if style.thousands == " " else re.escape(style.thousands)
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
    # A percentage gets its own exponent (see parser), so that it may not bring one.
    exponent = "" if style.percent else "(?:[eE][+-]?[0-9]+)?"
    body = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+){exponent}"
    money = f"(?:{'|'.join(re.escape(c) for c in style.currency)})" if style.currency else ""
    before = f"(?:[+-]? ?{money}? ?|{money} ?[+-] ?)" if money else "[+-]? ?"
    after = (" ?%?" if style.percent else "") + (f"(?: ?{money})?" if money else "")
    core = f"{before}{body}{after}"
    return rf"(?:\({core}\)|{core})" if style.accounting else core


def removals(style: NumberFormat) -> list[str]:
    """The texts to take out of a matching cell; what stays is a number with style.decimal as its point."""
    texts = [" ", *usual_removals(style)]
    if style.accounting:
        texts += ["(", ")"]
    return texts


def usual_removals(style: NumberFormat) -> list[str]:
    """Those of the removals that most cells need: the others are blanks around a sign or a currency, and brackets."""
    texts = list(style.currency)
    if style.thousands:
        texts += _SPACE_SEPARATORS if style.thousands == " " else [style.thousands]
    if style.percent:
        texts.append("%")
    return texts


def parser(style: NumberFormat) -> Callable[[str], float | None]:
    """A function from stripped text to a float within LARGEST_NUMBER, or None when the text is no number of this style.

    >>> parser(NumberFormat(thousands=",", currency=("$",), accounting=True))("($1,234.50)")
    -1234.5
    >>> parser(NumberFormat(percent=True))("12%")
    0.12
    """
    match = re.compile(pattern(style)).fullmatch
    if style.plain:

        def plain(text: str) -> float | None:
            if match(text) is None:
                return None
            return _in_range(float(text))

        return plain

    taken_out = removals(style)

    def formatted(text: str) -> float | None:
        if match(text) is None:
            return None
        bare = text
        for removal in taken_out:
            bare = bare.replace(removal, "")
        if style.decimal == ",":
            bare = bare.replace(",", ".")
        # Not a division by 100: Polars multiplies by the reciprocal, which rounds otherwise.
        value = float(bare + "e-2" if style.percent and "%" in text else bare)
        if style.accounting and text.startswith("("):
            value = -value
        return _in_range(value)

    return formatted


def _in_range(value: float) -> float | None:
    return value + 0.0 if abs(value) <= LARGEST_NUMBER else None  # -0.0 becomes 0.0


def choose_format(counts: Mapping[str, int]) -> tuple[NumberFormat, float]:
    """The style that reads most cells, and the share it reads.

    counts: stripped cell text -> number of cells, null tokens left out.

    >>> choose_format({"1.234,50": 3, "7,5": 2})
    (NumberFormat(decimal=',', thousands='.', currency=(), percent=False, accounting=False), 1.0)
    """
    total = sum(counts.values())
    if not total:
        return NumberFormat(), 0.0
    share = _share(counts, NumberFormat(), total)
    if share == 1.0:
        return NumberFormat(), 1.0
    with_digits = sum(n for text, n in counts.items() if any("0" <= c <= "9" for c in text))
    if with_digits < ENOUGH * total:
        return NumberFormat(), share
    decoration = _decoration(counts)
    best, best_share, rank = NumberFormat(), share, -1
    styles = [NumberFormat(decimal, thousands, *decoration) for decimal, thousands in _STYLES]
    # The likely winner first, so that the others are given up early; the order of styles still breaks ties.
    few = dict(islice(counts.items(), _FEW))
    likely = {i: _share(few, style, sum(few.values())) for i, style in enumerate(styles)}
    for i in sorted(likely, key=lambda i: (-likely[i], i)):
        share = _share(counts, styles[i], total, at_least=best_share)
        if share > best_share or (share == best_share and i < rank):
            best, best_share, rank = styles[i], share, i
    return best, best_share


def _decoration(counts: Mapping[str, int]) -> tuple[tuple[str, ...], bool, bool]:
    digits = [text for text in counts if any("0" <= c <= "9" for c in text)]
    currency = tuple(c for c in CURRENCIES if any(c in text for text in digits))
    percent = any(text.rstrip(")").endswith("%") for text in digits)
    accounting = any(text.startswith("(") and text.endswith(")") for text in digits)
    return currency, percent, accounting


def _share(counts: Mapping[str, int], style: NumberFormat, total: int, at_least: float = 0.0) -> float:
    """The share of cells that a style reads; 0 as soon as it is sure to be below at_least."""
    parse = parser(style)
    missed, most = 0, total * (1.0 - at_least) + 0.5
    for text, n in counts.items():
        if parse(text) is None:
            missed += n
            if missed > most:
                return 0.0
    return (total - missed) / total
