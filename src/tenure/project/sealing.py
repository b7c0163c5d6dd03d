"""The test rows are sealed: hashed when they are made, checked when they are read, and every reading is counted."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tenure.errors import ProjectError
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.journal.writer import record_event
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

EVENT = "test_read"
_TEST = 2


def seal_test(rows: pl.DataFrame, parts: npt.NDArray[np.int8]) -> str:
    """The digest of the test part, 64 hexadecimal digits. parts: shape (n_rows,), 2 for test rows."""
    from tenure.prepare.digest import digest_rows

    return digest_rows(rows.filter(parts == _TEST))


def break_seal(
    folder: Folder, prepared: str, rows: pl.DataFrame, parts: npt.NDArray[np.int8], seal: str | None
) -> int:
    """Check that the test rows are those that were sealed, and count this reading; returns which one it is.

    prepared: the id of the prepared rows.  seal: what seal_test gave when they were made; None where they were
    made by a version that did not seal.  The count goes by the rows themselves, in whatever prepared version they
    stand, and is in the journal before anything is read: a run that is killed while it evaluates has read them.
    Raises ProjectError when the rows are not those that were sealed.
    """
    found = seal_test(rows, parts)
    if seal is not None and found != seal:
        raise ProjectError(
            f"the test rows are not those that were prepared: their hash is {found[:12]}, sealed was {seal[:12]}",
            where=str(folder.prepared / prepared),
            todo="remove that folder, then run `tenure prepare` and train again",
        )
    with closing(open_journal(folder.journal)) as db:
        before = len([event for event in events(db, EVENT) if event.body["rows"] == found])
        record_event(db, EVENT, {"rows": found, "prepared": prepared, "reading": before + 1})
    return before + 1


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
