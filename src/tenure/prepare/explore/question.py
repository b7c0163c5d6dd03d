"""What is asked of a table: its name, and what the user said of its columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """What the user said of the table. name: of the table, for the title."""

    name: str
    target: str | None = None
    positive: str | None = None
    time: str | None = None
    id: str | None = None
