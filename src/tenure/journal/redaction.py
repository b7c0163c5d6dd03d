"""What of a row the journal may hold: personal columns that no model reads are left out, or hashed with a key."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenure.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Redaction:
    """leave_out, hashed: names of columns.  key: secret of the hash, so that nobody finds the value by trying all.

    >>> Redaction(leave_out=frozenset({"phone"})).of({"phone": "555", "plan": "basic"})
    {'plan': 'basic'}
    """

    leave_out: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    key: str = field(default="", repr=False)

    def of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as it is kept; missing cells stay missing."""
        return {
            name: self._hash(value) if name in self.hashed and value is not None else value
            for name, value in row.items()
            if name not in self.leave_out
        }

    def check(self, needed: Collection[str], where: str) -> None:
        """Raise ConfigError for a column that is needed: replay, drift and outcomes go by what the journal holds."""
        wrong = sorted((self.leave_out | self.hashed) & set(needed))
        if wrong:
            raise ConfigError(
                f"serve.personal names {wrong[0]!r}, which the model reads or which names the rows",
                where=where,
                todo="leave it out of the model first (data.exclude), or take it out of serve.personal",
            )

    def _hash(self, value: object) -> str:
        """HMAC-SHA256 of the text, 32 hexadecimal digits: equal values stay equal."""
        return hmac.digest(self.key.encode(), str(value).encode(), "sha256").hex()[:32]
