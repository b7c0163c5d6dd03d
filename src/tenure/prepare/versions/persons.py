"""Which rows speak of one person, and which persons must not come back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl


def same_person(schema: Mapping[str, pl.DataType], columns: Iterable[str], identifier: str) -> pl.Expr:
    """An expression: whether one of the columns names this person. Columns that are not there count as no.

    A number and its digits are the same person, as files hold text where databases hold numbers.

    >>> table = pl.DataFrame({"id": [17, 18], "name": ["a", "17"]})
    >>> table.select(same_person(table.schema, ["id"], "17")).to_series().to_list()
    [True, False]
    """
    tests = [_equals(name, schema[name], identifier.strip()) for name in columns if name in schema]
    return pl.any_horizontal(tests).fill_null(False) if tests else pl.lit(False)


def _equals(name: str, dtype: pl.DataType, identifier: str) -> pl.Expr:
    if dtype.is_numeric():
        try:
            return pl.col(name) == (int(identifier) if dtype.is_integer() else float(identifier))
        except ValueError:
            return pl.lit(False)
    return pl.col(name).cast(pl.String).str.strip_chars() == identifier


def digest_of(identifier: str, salt: str) -> str:
    """The salted SHA-256 of a person's id, 64 hexadecimal digits: tells the id to nobody who has not got it."""
    return hashlib.sha256(f"{salt}\n{identifier.strip()}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ForgottenPersons:
    """The persons whose rows were erased, by the salted hash of their id."""

    salt: str
    digests: frozenset[str]

    def among(self, ids: pl.Series) -> np.ndarray:
        """Whether each row is of a forgotten person, bool [n]. ids: text or numbers."""
        if not self.digests:
            return np.zeros(len(ids), dtype=bool)
        known = pl.DataFrame({"id": ids}).unique()
        names = [
            None if value is None else digest_of(_text(value), self.salt) in self.digests
            for value in known["id"]
        ]
        gone = known.filter(pl.Series(names, dtype=pl.Boolean))["id"]
        return np.asarray(ids.is_in(gone.implode()).fill_null(False).to_numpy(), dtype=bool)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
