"""Files of the journal's days: Parquet, one row a prediction, with its outcome once the day was moved.

A day has a file of its own when it was moved out of the database (`move.py`), and a file for each batch of predictions
that never were in there (`batches.py`). A day's own file names the batches that it has taken in: from the moment it is
there they count no more, and are removed. A file is whole or not there, holds its rows sorted by id, and is only ever
replaced by another whole one. Whoever reads goes to the database as well (`kept.py`): an outcome that arrived after
the predictions left, or never were there, is in it, and wins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tenure.durable import flush_folder, written_durably
from tenure.errors import JournalError
from tenure.journal.days import before, day_of, ids_of_day
from tenure.journal.rows import KeptRow, schema, to_frame

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

ROWS_PER_GROUP = 10_000
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.([0-9a-f]{32})-([0-9a-f]{32}))?\.parquet")
_TAKEN_IN = "batches"


class DayFile(NamedTuple):
    """A file with rows of a day, by its name. first, last: no id in it lies outside of them."""

    day: str
    first: str
    last: str
    path: Path
    is_batch: bool


class Stamp(NamedTuple):
    """What tells a file from another one in its place, with the last id that it may hold."""

    last: str
    name: str
    is_batch: bool
    inode: int
    changed: int
    size: int


Stamps = tuple[Stamp, ...]


def path_of(folder: Path, day: str) -> Path:
    """Where the rows of a day are, once they were moved."""
    return folder / f"{day}.parquet"


def list_files(folder: Path) -> list[DayFile]:
    """The files that count, by day and first id; other files are nobody's business."""
    found = _all_files(folder)
    taken_in = set(_taken_in(found))
    return [file for file in found if file not in taken_in]


def list_days(folder: Path) -> list[str]:
    """The days that have files, the oldest first."""
    return sorted({file.day for file in _all_files(folder)})


def days_with_batches(folder: Path) -> set[str]:
    """The days with files of batches, those that were taken in among them."""
    return {file.day for file in _all_files(folder) if file.is_batch}


def _taken_in(found: Sequence[DayFile]) -> list[DayFile]:
    """Of files those whose rows are in their days' own files."""
    with_batches = {file.day for file in found if file.is_batch}
    names = {
        name
        for file in found
        if file.day in with_batches and not file.is_batch
        for name in _metadata(file).get(_TAKEN_IN, "").split(",")
    }
    return [file for file in found if file.path.name in names]


def _all_files(folder: Path) -> list[DayFile]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(_file(folder, found) for name in names if (found := _NAME.fullmatch(name)))


def _file(folder: Path, name: re.Match[str]) -> DayFile:
    day, first, last = name.groups()
    if first is not None:
        return DayFile(day, first, last, folder / name[0], is_batch=True)
    first, end = ids_of_day(day)
    return DayFile(day, first, before(end), folder / name[0], is_batch=False)


def _metadata(file: DayFile) -> dict[str, str]:
    import polars as pl

    with file_errors([file]):
        return pl.read_parquet_metadata(file.path)


def settled(folder: Path, read: Callable[[], T]) -> T:
    """Return what `read` finds in the database and in the files, while none of these is replaced.

    A row is moved by a new file first, and then leaves the database or its batch. So a reader that sees the same files
    before and after has missed none; else it reads again. Nobody waits for a lock.
    """
    while True:
        earlier = stamps(folder)
        try:
            found = read()
        except JournalError:
            if not are_replaced(folder, earlier):
                raise
            continue  # a file went away meanwhile
        if not are_replaced(folder, earlier):
            return found


def stamps(folder: Path) -> Stamps:
    """What tells the files of a folder from others in their places, the one with the last id at the end."""
    found_all = []
    for file in _all_files(folder):
        try:
            found = file.path.stat()
        except FileNotFoundError:
            continue
        found_all.append(
            Stamp(file.last, file.path.name, file.is_batch, found.st_ino, found.st_mtime_ns, found.st_size)
        )
    return tuple(sorted(found_all))


def are_replaced(folder: Path, earlier: Stamps) -> bool:
    """Whether a file is another one or gone since, or a day has one of its own: a new batch was nowhere before."""
    now = stamps(folder)
    return now != earlier and (
        not set(earlier).issubset(now) or any(not file.is_batch for file in set(now).difference(earlier))
    )


def scan(files: Iterable[DayFile]) -> pl.LazyFrame:
    """The rows of files, given in the order of list_files, sorted by id; collect it inside `file_errors`."""
    import polars as pl

    lanes: list[list[DayFile]] = []  # files of a lane do not overlap
    for file in files:
        lane = next((lane for lane in lanes if lane[-1].last < file.first), None)
        if lane is None:
            lanes.append([file])
        else:
            lane.append(file)
    frames = [pl.scan_parquet([file.path for file in lane], glob=False) for lane in lanes]
    if not frames:
        return pl.LazyFrame(schema=schema())
    merged = frames[0]
    for frame in frames[1:]:
        merged = merged.merge_sorted(frame, key="id")
    return merged


@contextmanager
def file_errors(files: Sequence[DayFile]) -> Iterator[None]:
    """Turn errors of files inside into JournalError with the file, or the folder of several, and the next step."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise JournalError(
            f"the journal's days cannot be read: {reason}",
            where=str(files[0].path if len(files) == 1 else files[0].path.parent) if files else None,
            todo="bring the file back from a copy, or move it away",
        ) from error


def write_day(folder: Path, day: str, pages: Iterator[list[KeptRow]], taken_in: Collection[str]) -> None:
    """Replace the file of a day by one with these rows, sorted by id. Pages may be of any length.

    taken_in: names of the batches whose rows are among them; from now on these files count no more.
    Raises JournalError, with the old file as it was, when the disk is full or the folder cannot be written.
    """
    from polars.io.plugins import register_io_source

    failed: list[BaseException] = []

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from map(to_frame, pages)
        except BaseException as error:  # Polars would wrap it
            failed.append(error)
            raise

    try:
        _make_folder(folder)
        with written_durably(path_of(folder, day)) as path:
            rows = register_io_source(frames, schema=schema())
            rows.sink_parquet(
                path,
                maintain_order=True,
                row_group_size=ROWS_PER_GROUP,
                metadata={_TAKEN_IN: ",".join(taken_in)},
            )
    except Exception as error:
        if failed:
            raise failed[0] from None
        raise JournalError(
            f"the day {day} could not be moved out of the journal: {str(error).splitlines()[0]}",
            where=str(folder),
            todo="free space on its disk, make the folder writable, and run the command again; no row is lost",
        ) from error


def write_batch(folder: Path, rows: pl.DataFrame) -> None:
    """Write rows, sorted by id, into new files, one for each of their days.

    Raises JournalError when the disk is full or the folder cannot be written.
    """
    try:
        _make_folder(folder)
        while len(rows):
            first = rows["id"][0]
            day = day_of(first)
            n = rows["id"].search_sorted(ids_of_day(str(day))[1])
            path = folder / f"{day}.{first}-{rows['id'][n - 1]}.parquet"
            with written_durably(path) as new:
                rows[:n].write_parquet(new, row_group_size=ROWS_PER_GROUP)
            rows = rows[n:]
    except Exception as error:
        raise JournalError(
            f"the predictions could not be written to the journal: {str(error).splitlines()[0]}",
            where=str(folder),
            todo="free space on its disk, or make the folder writable",
        ) from error


def _make_folder(folder: Path) -> None:
    """Make the folder of the days, for good."""
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def rewrite_without(file: DayFile, ids: Collection[str]) -> None:
    """Take rows out of a file; one that would be empty goes. Raises JournalError as write_day does."""
    import polars as pl

    rest = scan([file]).filter(~pl.col("id").is_in(list(ids)))
    with file_errors([file]):
        if rest.select(pl.len()).collect().item():
            kept = {_TAKEN_IN: _metadata(file).get(_TAKEN_IN, "")}
            with written_durably(file.path) as new:
                rest.sink_parquet(new, maintain_order=True, row_group_size=ROWS_PER_GROUP, metadata=kept)
        else:
            _remove([file])


def remove_taken_in(folder: Path) -> None:
    """Remove the files of batches whose rows are in their days' own files."""
    _remove(_taken_in(_all_files(folder)))


def remove_day(folder: Path, day: str) -> None:
    """Remove the files of a day: batches first, for what the day's own file says of them."""
    files = [file for file in _all_files(folder) if file.day == day]
    with file_errors(files):
        _remove(sorted(files, key=lambda file: not file.is_batch))


def _remove(files: Sequence[DayFile]) -> None:
    for file in files:
        file.path.unlink(missing_ok=True)
    if files:
        flush_folder(files[0].path.parent)
