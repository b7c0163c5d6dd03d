"""Where a journal is: the path of an SQLite file, or the address of a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Address:
    """A PostgreSQL database. url: with its secrets.  shown: the same without them.  days: folder for moved days."""

    url: str = field(repr=False)
    shown: str
    days: Path

    def __str__(self) -> str:
        return self.shown


Place = Path | Address


def may_be_there(place: Place) -> bool:
    """Whether there can be a journal: a database is asked, a file is looked for."""
    return isinstance(place, Address) or place.is_file()
