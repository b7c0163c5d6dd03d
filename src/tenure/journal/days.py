"""Days that were moved out of the database: one Parquet file a day, one row a prediction with its outcome.

A day is one of UTC, by the time in a prediction's id. A file is whole or not there, holds its rows sorted by id, and is
only ever replaced by another whole one. Whoever reads goes to the database as well (see `kept.py`): an outcome that
arrived after the move is there, and wins.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tenure.durable import flush_folder, written_durably
from tenure.errors import JournalError
from tenure.journal.entries import from_micros, to_micros
from tenure.journal.identifiers import first_id_at

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

ROWS_PER_GROUP = 10_000
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet")
_IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_DAY = 86_400_000_000
_LAST = to_micros(datetime.max)

Label = str | float
Stamps = tuple[tuple[str, int, int, int], ...]


class Correction(NamedTuple):
    """A value that an outcome had before. at, replaced_at: microseconds since the epoch."""

    outcome: Label
    at: int
    replaced_at: int


class KeptRow(NamedTuple):
    """A prediction as NewPrediction has it, with what is known of its outcome.

    at, outcome_at: microseconds since the epoch.  corrections: a JSON list of [outcome, at, replaced_at], or None.
    """

    id: str
    row_id: str | None
    at: int
    model: str
    version: str
    release: str
    input: str
    prediction: Label
    probability: float | None
    margins: str
    probabilities: str | None
    seconds: float
    outcome: Label | None = None
    outcome_at: int | None = None
    corrections: str | None = None


def read_corrections(text: str | None) -> list[Correction]:
    """The corrections of a KeptRow.

    >>> read_corrections('[["yes", 1, 2]]')
    [Correction(outcome='yes', at=1, replaced_at=2)]
    """
    return [Correction(*item) for item in json.loads(text)] if text else []


def in_order(moved: Iterable[Correction], here: Iterable[Correction]) -> list[Correction]:
    """The corrections of one prediction that its file and the database have, each once, the earliest first."""
    return sorted(dict.fromkeys([*moved, *here]), key=lambda correction: correction.replaced_at)


def day_of(identifier: str) -> str | None:
    """The day of a prediction by its id; None for what is no 32 hexadecimal digits.

    >>> day_of("018bcfe5680070000000000000000000"), day_of("C-17")
    ('2023-11-14', None)
    """
    return day_at(int(identifier[:12], 16) * 1000) if _IDENTIFIER.fullmatch(identifier) else None


def day_at(micros: int) -> str:
    """The day of a time in microseconds since the epoch (UTC); of one beyond the year 9999, the last."""
    return from_micros(min(micros, _LAST)).date().isoformat()


def ids_of_day(day: str) -> tuple[str, str]:
    """The smallest id of a day, and that of the next day.

    >>> first, end = ids_of_day("2023-11-14")
    >>> first <= "018bcfe5680070000000000000000000" < end
    True
    """
    start, end = times_of_day(day)
    return first_id_at(start), first_id_at(end)


def before(identifier: str) -> str:
    """The largest text of 32 hexadecimal digits below another.

    >>> before("00a0"), before("0")
    ('0000000000000000000000000000009f', '')
    """
    number = int(identifier, 16)
    return f"{number - 1:032x}" if number else ""


def times_of_day(day: str) -> tuple[int, int]:
    """When a day begins, and when the next one does, in microseconds since the epoch."""
    start = to_micros(datetime.fromisoformat(day))
    return start, start + _DAY


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
        return pl.LazyFrame(schema=_schema())
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
            rows = register_io_source(frames, schema=_schema())
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


def to_frame(rows: list[KeptRow]) -> pl.DataFrame:
    """Rows as a table: a label and a number, which one column cannot hold together, have a column each."""
    import polars as pl

    columns: dict[str, list[Any]] = {
        name: list(values)
        for name, values in zip(
            KeptRow._fields,
            zip(*rows, strict=True) if rows else [[] for _ in KeptRow._fields],
            strict=True,
        )
    }
    for name, number in _NUMBERS.items():
        columns[number] = [None if isinstance(value, str) else value for value in columns[name]]
        columns[name] = [value if isinstance(value, str) else None for value in columns[name]]
    # moments as the integers they are, so that no clock's arithmetic touches them
    whole = {name: pl.Int64 if name in _MOMENTS else kind for name, kind in _schema().items()}
    return pl.DataFrame({name: columns[name] for name in whole}, schema=whole).cast(pl.Schema(_schema()))


def from_frame(frame: pl.DataFrame) -> list[KeptRow]:
    """The rows of a table, as to_frame makes it."""
    import polars as pl

    both = [pl.col(name).cast(pl.Int64) for name in _MOMENTS]
    places = [frame.columns.index(name) for name in KeptRow._fields]
    label, number = KeptRow._fields.index("prediction"), frame.columns.index("prediction_number")
    outcome, outcome_number = KeptRow._fields.index("outcome"), frame.columns.index("outcome_number")
    rows = []
    for row in frame.with_columns(both).iter_rows():
        values = [row[place] for place in places]
        if values[label] is None:
            values[label] = row[number]
        if values[outcome] is None:
            values[outcome] = row[outcome_number]
        rows.append(KeptRow(*values))
    return rows


_MOMENTS = ("at", "outcome_at")
_NUMBERS = {"prediction": "prediction_number", "outcome": "outcome_number"}


def _schema() -> dict[str, Any]:
    import polars as pl

    moment = pl.Datetime("us", "UTC")
    numbers = {"probability": pl.Float64, "seconds": pl.Float64, "at": moment, "outcome_at": moment}
    schema: dict[str, Any] = {}
    for name in KeptRow._fields:
        schema[name] = numbers.get(name, pl.String)
        if name in _NUMBERS:
            schema[_NUMBERS[name]] = pl.Float64
    return schema
