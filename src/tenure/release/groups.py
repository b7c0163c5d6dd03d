"""Which group a row belongs to, by the value of a column: the same words in a report and at a decision."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

MISSING = "(missing)"
TOGETHER = " & "
"""Between the groups of several columns, in the key of an intersection."""


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """How the clean values of a column make groups.

    labels: how (false, true) are written, of a boolean.  cuts: numbers are grouped between these; () leaves each
    value a group of its own.  raw: of a column that is no feature, what its cells hold; None: a feature, whose clean
    value counts.

    >>> GroupColumn("age", cuts=(30.0, 45.0)).key(30)
    '30 to below 45'
    """

    name: str
    labels: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()
    raw: Literal["numbers", "words"] | None = None

    def key(self, value: object) -> str:
        """The group of one clean value."""
        if value is None:
            return MISSING
        if isinstance(value, bool):
            return self.labels[value] if self.labels else str(value).lower()
        if isinstance(value, (int, float)):
            return self._between(float(value)) if self.cuts else _shown(float(value))
        return str(value)

    def key_of_raw(self, cell: object) -> str:
        """The group of a cell as it came, of a column that is no feature; a text is trimmed, and a number by `raw`.

        >>> GroupColumn("age", cuts=(30.0,), raw="numbers").key_of_raw(" 41 ")
        '30 and above'
        """
        if isinstance(cell, str):
            cell = cell.strip() or None
            if cell is not None and self.raw == "numbers":
                number = _number_of(cell)
                return cell if number is None else self.key(number)
        if isinstance(cell, float) and not math.isfinite(cell):
            cell = None
        return self.key(cell)

    def _between(self, value: float) -> str:
        place = bisect_right(self.cuts, value)
        if place == 0:
            return f"below {_shown(self.cuts[0])}"
        if place == len(self.cuts):
            return f"{_shown(self.cuts[-1])} and above"
        return f"{_shown(self.cuts[place - 1])} to below {_shown(self.cuts[place])}"

    @property
    def how(self) -> str:
        """How the groups came about, in words."""
        return f"cut at {', '.join(map(_shown, self.cuts))}" if self.cuts else "each value"

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {"name": self.name, "labels": list(self.labels), "cuts": list(self.cuts), "raw": self.raw}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GroupColumn:
        """Read what to_json wrote."""
        return cls(data["name"], tuple(data["labels"]), tuple(data["cuts"]), data.get("raw"))


def _number_of(text: str) -> float | None:
    """What a text says as a plain number; None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
