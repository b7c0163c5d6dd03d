"""Days that were moved out of the database: one Parquet file a day, one row a prediction with its outcome.

A day is one of UTC, by the time in a prediction's id. A file is whole or not there, holds its rows sorted by id, and is
only ever replaced by another whole one. Whoever reads goes to the database as well (see `kept.py`): an outcome that
arrived after the move is there, and wins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tenure.durable import flush_folder, written_durably
from tenure.errors import JournalError
from tenure.journal.rows import KeptRow, schema, to_frame

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

ROWS_PER_GROUP = 10_000
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")

Stamps = tuple[tuple[str, int, int, int], ...]


def path_of(folder: Path, day: str) -> Path:
    """Where the rows of a day are, once they were moved."""
    return folder / f"{day}.parquet"


def list_days(folder: Path) -> list[str]:
    """The days in a folder, the oldest first; other files are nobody's business."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(found[1] for name in names if (found := _NAME.fullmatch(name)))


def settled(folder: Path, read: Callable[[], T]) -> T:
    """Return what `read` finds in the database and in the files, while none of these is replaced.

    A row is moved by a new file first, and then leaves the database. So a reader that sees the same files before and
    after has missed none; else it reads again. Nobody waits for a lock.
    """
    while True:
        before = stamps(folder)
        try:
            found = read()
        except JournalError:
            if stamps(folder) == before:
                raise
            continue  # a file went away meanwhile
        if stamps(folder) == before:
            return found


def stamps(folder: Path) -> Stamps:
    """What tells the files of a folder from others in their places."""
    found_all = []
    for day in list_days(folder):
        try:
            found = path_of(folder, day).stat()
        except FileNotFoundError:
            continue
        found_all.append((day, found.st_ino, found.st_mtime_ns, found.st_size))
    return tuple(found_all)


def scan_days(folder: Path, days: Iterable[str]) -> pl.LazyFrame:
    """The rows of days, as `SCHEMA` says; collect it inside `file_errors`."""
    import polars as pl

    paths = [path_of(folder, day) for day in days]
    if not paths:
        return pl.LazyFrame(schema=schema())
    return pl.scan_parquet(paths, glob=False)


@contextmanager
def file_errors(folder: Path, day: str | None = None) -> Iterator[None]:
    """Turn errors of files inside into JournalError with the file and the next step."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise JournalError(
            f"the journal's days cannot be read: {reason}",
            where=str(folder if day is None else path_of(folder, day)),
            todo="bring the file back from a copy, or move it away",
        ) from error


def write_day(folder: Path, day: str, pages: Iterator[list[KeptRow]]) -> int:
    """Replace the file of a day by one with these rows, sorted by id; returns how many. Pages may be of any length.

    Raises JournalError, with the old file as it was, when the disk is full or the folder cannot be written.
    """
    from polars.io.plugins import register_io_source

    n_rows = 0
    failed: list[BaseException] = []

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        nonlocal n_rows
        try:
            for page in pages:
                n_rows += len(page)
                yield to_frame(page)
        except BaseException as error:  # Polars would wrap it
            failed.append(error)
            raise

    try:
        folder.mkdir(exist_ok=True)
        with written_durably(path_of(folder, day)) as path:
            rows = register_io_source(frames, schema=schema())
            rows.sink_parquet(path, maintain_order=True, row_group_size=ROWS_PER_GROUP)
    except Exception as error:
        if failed:
            raise failed[0] from None
        raise JournalError(
            f"the day {day} could not be moved out of the journal: {str(error).splitlines()[0]}",
            where=str(folder),
            todo="free space on its disk, make the folder writable, and run the command again; no row is lost",
        ) from error
    return n_rows


def rewrite_without(folder: Path, day: str, ids: Collection[str]) -> None:
    """Take rows out of the file of a day; a file that would be empty goes. Raises JournalError as write_day does."""
    import polars as pl

    path = path_of(folder, day)
    rest = scan_days(folder, [day]).filter(~pl.col("id").is_in(list(ids)))
    with file_errors(folder, day):
        if rest.select(pl.len()).collect().item():
            with written_durably(path) as new:
                rest.sink_parquet(new, maintain_order=True, row_group_size=ROWS_PER_GROUP)
        else:
            path.unlink()
            flush_folder(folder)
