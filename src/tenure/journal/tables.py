"""An open journal: its database, and the folder of the days that were moved out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tenure.journal.database import Database
from tenure.journal.sqlite import open_file

BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal. days: the folder of the days that were moved out of the database; see days.py."""

    db: Database
    days: Path

    def close(self) -> None:
        self.db.close()


def open_journal(path: Path, *, create: bool = True, busy_seconds: float = BUSY_SECONDS) -> Journal:
    """Open the journal at path, with its tables brought to the newest version.

    Every commit is on disk when it returns (write-ahead log, synchronous=FULL). The folder of path is made if
    create is true. Raises JournalError if the file is missing and create is false, is no journal, or cannot be written.
    """
    return Journal(
        open_file(Path(path), create=create, busy_seconds=busy_seconds), Path(path).with_suffix("")
    )
