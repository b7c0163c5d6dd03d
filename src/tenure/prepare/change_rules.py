"""By which rule one cell was changed: a cell is as it was, or exactly one rule tells what became of it.

As it was means, for each kind: a number that a program would write so; one of the two labels of a boolean; the
canonical spelling of a level; a date written year-month-day; the same text. An empty cell that stays empty is as
it was. Where two rules had a part, the one that loses more is named: clipped before reformatted, letter case
before spaces.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from tenure.prepare import date_text, number_text
from tenure.prepare.recipe import OTHER, ColumnRecipe, NumberFormat
from tenure.prepare.rows import BadCellError, CleanValue, cell_reader, cell_settler, cell_text
from tenure.prepare.tokens import SPACES, fold, squeeze

UNREADABLE = "unreadable -> missing"
NULL_TOKEN = "null token -> missing"
NULL_VALUE = "null value -> missing"
NAN = "NaN -> missing"
CLIPPED = "clipped to the training range"
RARE = "rare or unseen level -> (other)"
LISTED = "other spelling -> level"
CASE = "letter case -> level"
SPACED = "spaces"
YES_NO = "spelling of yes or no"
PERCENT = "percent"
CURRENCY = "currency"
NUMBER_FORMAT = "number format"
DATE_FORMAT = "date format"
RULES = (
    *(UNREADABLE, NULL_TOKEN, NULL_VALUE, NAN, CLIPPED, RARE, LISTED, CASE, SPACED),
    *(YES_NO, PERCENT, CURRENCY, NUMBER_FORMAT, DATE_FORMAT),
)

_PLAIN = number_text.parser(NumberFormat())
_DATE = re.compile(date_text.FORMATS["year-month-day"])

Told = tuple[str | None, CleanValue]
"""The rule, None for a cell that is as it was, and the clean value."""


def change_teller(column: ColumnRecipe) -> Callable[[object], Told]:
    """The function that tells of one raw cell which rule changed it, and the clean value.

    >>> tell = change_teller(ColumnRecipe("c", "number", number_format=NumberFormat(thousands=",")))
    >>> tell("1,234.50"), tell("12"), tell(" 12"), tell("x")
    (('number format', 1234.5), (None, 12.0), ('spaces', 12.0), ('unreadable -> missing', None))
    """
    read, settle = cell_reader(column), cell_settler(column)
    rule_of = _RULES_BY_KIND[column.kind]

    def tell(raw: object) -> Told:
        try:
            value = read(raw)
        except BadCellError:
            return (None if raw == "" else UNREADABLE), None
        if value is None:
            return (None if raw is None or raw == "" else _absence(column, raw)), None
        clean = settle(value)
        return (CLIPPED if _is_clipped(column, value, clean) else rule_of(column, raw, clean)), clean

    return tell


def _absence(column: ColumnRecipe, raw: object) -> str:
    if isinstance(raw, float) and math.isnan(raw):
        return NAN
    text = cell_text(raw)
    return NULL_TOKEN if text is not None and fold(text) in column.null_tokens else NULL_VALUE


def _is_clipped(column: ColumnRecipe, value: CleanValue, clean: CleanValue) -> bool:
    return column.kind != "category" and value != clean


def _number(column: ColumnRecipe, raw: object, clean: CleanValue) -> str | None:
    if not isinstance(raw, str):
        return None
    text = raw.strip(SPACES)
    if _PLAIN(text) == clean:
        return None if text == raw else SPACED
    if "%" in text:
        return PERCENT
    style = column.number_format or NumberFormat()
    return CURRENCY if any(currency in text for currency in style.currency) else NUMBER_FORMAT


def _boolean(column: ColumnRecipe, raw: object, clean: CleanValue) -> str | None:
    if not isinstance(raw, str) or raw in column.labels:
        return None
    return SPACED if squeeze(raw) in column.labels else YES_NO


def _category(column: ColumnRecipe, raw: object, clean: CleanValue) -> str | None:
    text = raw if isinstance(raw, str) else cell_text(raw)
    if text is None or text == clean:
        return None
    if clean == OTHER:
        return RARE
    if (squeeze(text) if column.case_sensitive else fold(text)) in column.aliases:
        return LISTED
    return SPACED if squeeze(text) == clean else CASE


def _date(column: ColumnRecipe, raw: object, clean: CleanValue) -> str | None:
    if not isinstance(raw, str):
        return DATE_FORMAT if isinstance(raw, (int, float)) else None
    if _DATE.fullmatch(raw):
        return None
    return SPACED if _DATE.fullmatch(raw.strip(SPACES)) else DATE_FORMAT


def _text(column: ColumnRecipe, raw: object, clean: CleanValue) -> str | None:
    return SPACED if isinstance(raw, str) and raw != clean else None


_RULES_BY_KIND: dict[str, Callable[[ColumnRecipe, object, CleanValue], str | None]] = {
    "number": _number,
    "integer": _number,
    "boolean": _boolean,
    "category": _category,
    "date": _date,
    "text": _text,
}
