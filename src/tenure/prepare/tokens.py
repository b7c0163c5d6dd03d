"""Words that cells are compared with: spaces, letter case, missing values, true and false.

Everything here is ASCII-only on purpose: Polars and Python carry different Unicode tables, and the two
executors must agree on every cell.
"""

from __future__ import annotations

import math
import re
import string

# Both executors strip exactly these, instead of what each language calls white space.
SPACES = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\ufeff"
SPACE_RUN = f"[{SPACES}]+"

UPPER = list(string.ascii_uppercase)
LOWER = list(string.ascii_lowercase)
_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_RUN = re.compile(SPACE_RUN)

# Missing wherever they stand.
STRONG_NULLS = (
    *("", "?", "na", "n/a", "#n/a", "#na", "n.a.", "n.a", "n/a.", "<na>", "nan", "-nan", "null", "nil"),
    *("missing", "(null)", "(missing)", "[null]", "\\n", "#null!", "#value!", "#ref!", "#div/0!"),
)
# Missing also as the level of a category: they say that somebody does not know.
UNKNOWN_NULLS = ("unknown", "not available", "undefined", "not known", "unk", "(unknown)")
# Missing only where numbers, dates or yes/no are expected: in a category they can be a level.
WEAK_NULLS = (*UNKNOWN_NULLS, "none", "-", "--", "---", ".", "..", "not applicable")

TRUE_WORDS = ("yes", "true", "y", "t", "on", "1", "1.0")
FALSE_WORDS = ("no", "false", "n", "f", "off", "0", "0.0")

# Whole numbers up to here have one spelling as a double.
LARGEST_WHOLE = 2**53

# The models hold features as single floats, which end at 3.4e38; nothing measured comes near.
LARGEST_NUMBER = 1e38


def fold(text: str) -> str:
    """Strip, make runs of spaces one space, and lower A to Z.

    >>> fold("  Month-TO-month ")
    'month-to-month'
    """
    return squeeze(text).translate(_TO_LOWER)


def squeeze(text: str) -> str:
    """Strip, and make runs of spaces one space.

    >>> squeeze(" two   years ")
    'two years'
    """
    return _RUN.sub(" ", text.strip(SPACES))


def whole_text(value: float) -> str | None:
    """How a whole number held as a float is written, or None if it is not whole.

    >>> whole_text(3.0), whole_text(3.5)
    ('3', None)
    """
    if math.isfinite(value) and abs(value) < LARGEST_WHOLE and value == math.floor(value):
        return str(int(value))
    return None


def shown(value: object) -> str:
    """A cell for a message, cut when long.

    >>> shown("abc")
    "'abc'"
    """
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
