"""Small statistical and naming evidence that preparation decides by."""

from __future__ import annotations

import re

_ID_WORDS = frozenset(
    (
        *("id", "ids", "uid", "uuid", "guid", "key", "pk", "index", "idx"),
        *("row", "rows", "rowid", "rownum", "rownames", "rowname", "number", "num", "nr"),
        *("no", "code", "phone", "mobile", "msisdn", "account", "serial", "ssn", "clientnum"),
        *("customerid", "custid", "userid", "clientid", "accountid", "recordid", "unnamed", "column_1"),
    )
)
_DATE_WORDS = frozenset(
    ("date", "day", "time", "timestamp", "datetime", "dt", "at", "on", "since", "until", "when")
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def words_of(name: str) -> list[str]:
    """The lower-case words of a column name.

    >>> words_of("customerID"), words_of("phone number")
    (['customer', 'id'], ['phone', 'number'])
    """
    return [word.lower() for word in _WORD.findall(name)]


def looks_like_identifier(name: str) -> bool:
    """Whether a name says that the column numbers or names the rows.

    >>> looks_like_identifier("rownames"), looks_like_identifier("balance")
    (True, False)
    """
    words = words_of(name)
    return name.lower() in _ID_WORDS or any(word in _ID_WORDS for word in words)


def looks_like_date(name: str) -> bool:
    """Whether a name says that the column holds dates.

    >>> looks_like_date("signup_date"), looks_like_date("InvoiceDate"), looks_like_date("rate")
    (True, True, False)
    """
    return any(word in _DATE_WORDS for word in words_of(name))


def expected_repeats(n: int, n_values: float) -> float:
    """Expected number of equal pairs among n draws from n_values equally likely values.

    A lower bound for unequal ones. Source: the birthday problem, n (n - 1) / 2 pairs, each equal
    with probability 1 / n_values.

    >>> expected_repeats(3, 3)
    1.0
    """
    return n * (n - 1) / 2.0 / n_values
