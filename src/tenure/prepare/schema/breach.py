"""A rule of the schema that a table breaks: counted, with its first rows, and refused if it is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tenure.config.schema import Rule, Severity
from tenure.errors import SourceError

ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule of one column, and the cells that break it.

    text: the rule, as it ends a sentence that starts with the column's name.  cells: how many break it.
    rows: the first of them, counted from 0 in the table.  example: the value of the first, as it is shown.
    """

    column: str
    rule: Rule
    severity: Severity
    text: str
    cells: int
    rows: tuple[int, ...] = ()
    example: str = ""

    def __str__(self) -> str:
        shown = f", such as {self.example}" if self.example else ""
        where = f" (rows {', '.join(map(str, self.rows))}{', …' if self.cells > len(self.rows) else ''})"
        return f"column {self.column!r}: {self.text}; {self.cells:,} cell(s) do not{shown}" + (
            where if self.rows else ""
        )

    def joined(self, later: Breach) -> Breach:
        """This breach and that of later rows of the same table."""
        return replace(self, cells=self.cells + later.cells, rows=(self.rows + later.rows)[:ROWS_NAMED])

    def to_dict(self) -> dict[str, Any]:
        """The breach as JSON data."""
        return {**asdict(self), "rows": list(self.rows)}


def refuse_errors(breaches: Sequence[Breach], where: str, todo: str) -> None:
    """Raise SourceError that names every breach whose severity is error; nothing happens without one."""
    errors = [breach for breach in breaches if breach.severity == "error"]
    if errors:
        raise SourceError(
            "\n  ".join(["the table breaks schema.json:", *map(str, errors)]), where=where, todo=todo
        )
