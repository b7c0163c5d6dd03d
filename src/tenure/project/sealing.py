"""The test rows are sealed: hashed when they are made, checked when they are read, each reading counted."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tenure.errors import ProjectError
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.journal.writer import record_event
from tenure.project.digests import with_digest
from tenure.project.folder import Folder

if TYPE_CHECKING:
    from tenure.project.prepared import Prepared

EVENT = "test_read"


def break_seal(folder: Folder, prepared: Prepared) -> int:
    """Check that the test rows are those that were sealed, and count this reading; returns which one it is.

    The count goes by the rows themselves, in whatever prepared version they stand, and is in the journal before
    anything is read: a run that is killed while it evaluates has read them.
    Raises ProjectError when the rows are not those that were sealed.
    """
    found = check_seal(folder, prepared)
    with closing(open_journal(folder.journal)) as db:
        before = len([event for event in events(db, EVENT) if event.body["rows"] == found])
        body = {"rows": found, "prepared": prepared.id, "reading": before + 1}
        record_event(db, EVENT, with_digest(body))
    return before + 1


def check_seal(folder: Folder, prepared: Prepared) -> str:
    """The hash of the test rows. Raises ProjectError when the rows are not those that were sealed."""
    import polars as pl

    from tenure.prepare.split import PART, TEST
    from tenure.prepare.versions import hash_table

    content = hash_table(prepared.rows)
    if prepared.content is not None and content != prepared.content:
        raise ProjectError(
            "the rows are not those that were prepared: "
            f"their hash is {content[:12]}, when they were made it was {prepared.content[:12]}",
            where=str(folder.versions / prepared.id),
            todo=f"remove that folder, then `tenure data restore {prepared.id}`",
        )
    return hash_table(prepared.rows.filter(pl.col(PART) == TEST))


def warn_of_reading(reading: int) -> list[str]:
    """What a person must know when test rows are read again.

    >>> warn_of_reading(1)
    []
    """
    if reading == 1:
        return []
    return [
        f"the test rows of this version were read {reading} times: a model that is kept because it scored well on "
        "them is measured too well; new rows, or another split.seed, measure it afresh"
    ]
