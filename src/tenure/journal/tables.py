"""An open journal: its database, and the folder of the days that were moved out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tenure.journal.database import Database
from tenure.journal.place import Address, Place
from tenure.journal.sqlite import open_file

BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal. days: the folder of the days that were moved out of the database; see day_files.py."""

    db: Database
    days: Path

    def close(self) -> None:
        self.db.close()


def open_journal(place: Place, *, create: bool = True, busy_seconds: float = BUSY_SECONDS) -> Journal:
    """Open the journal at a place, with its tables brought to the newest version.

    Every commit is on disk when it returns. The folder of a file is made if create is true. Raises JournalError if
    the file is missing and create is false, is no journal, or cannot be written; or if the database cannot be reached.
    """
    if isinstance(place, Address):
        from tenure.journal.postgres import Postgres

        return Journal(Postgres(place, busy_seconds), place.days)
    return Journal(
        open_file(Path(place), create=create, busy_seconds=busy_seconds), Path(place).with_suffix("")
    )
