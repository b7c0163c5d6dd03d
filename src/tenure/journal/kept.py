"""Every prediction that is kept, in the database or in a file of its day, as one sequence in time order.

While a day is moved, its rows may be in both: they are told once. What the database says of an outcome wins, because
it came later than the move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tenure.journal import day_files, days
from tenure.journal.database import ALL
from tenure.journal.day_files import DayFile
from tenure.journal.identifiers import first_id_at
from tenure.journal.rows import KeptRow, from_frame
from tenure.journal.tables import Journal

if TYPE_CHECKING:
    import polars as pl

COLUMNS = """p.id, p.row_id, p.at, p.model, p.version, p.release, p.input, p.prediction,
    p.probability, p.margins, p.probabilities, p.seconds"""

# The ids sort by time and are indexed; the time itself decides at the edges (see first_id_at).
IN_WINDOW = "p.id >= :first AND p.id < :end AND p.at >= :since AND p.at < :until"
LATEST = 2**48 * 1000 - 1


@dataclass(frozen=True, slots=True)
class Window:
    """since <= time < until, in microseconds since the epoch."""

    since: int = 0
    until: int = LATEST

    @property
    def ids(self) -> tuple[str, str]:
        return first_id_at(self.since), first_id_at(self.until + 1)

    def parameters(self) -> dict[str, Any]:
        """Of IN_WINDOW."""
        first, end = self.ids
        return {"since": self.since, "until": self.until, "first": first, "end": end}

    def files(self, journal: Journal) -> list[DayFile]:
        """The files that may hold rows of the window."""
        first, end = self.ids
        return [f for f in day_files.list_files(journal.days) if f.first < end and f.last >= first]


def pages(
    journal: Journal,
    window: Window,
    *,
    batch: int,
    only_labelled: bool = False,
    files: Sequence[DayFile] | None = None,
) -> Iterator[list[KeptRow]]:
    """Yield the rows of a window in lists of at most 2 * batch, none empty; corrections are those of the files.

    files: which are read beside the database; None: all that there are.
    Between two lists nothing is held open, so that a slow reader does not hold up the writer's log.
    """
    after = ""
    while True:

        def read(after: str = after) -> tuple[list[KeptRow], str | None]:
            among = window.files(journal) if files is None else files
            return _page(journal, window, after, batch, only_labelled, among)

        rows, last = day_files.settled(journal.days, read)
        if rows:
            yield rows
        if last is None:
            return
        after = last


def _page(
    journal: Journal, window: Window, after: str, batch: int, only_labelled: bool, files: Sequence[DayFile]
) -> tuple[list[KeptRow], str | None]:
    """The rows after an id, and the id up to which they are all there (None: to the end)."""
    moved, upto = _moved_page(journal, window, after, batch, only_labelled, files)
    join = "JOIN" if only_labelled else "LEFT JOIN"
    limit = "" if upto is None else "AND p.id <= :upto"
    query = f"""SELECT {COLUMNS}, o.outcome, o.at FROM predictions p {join} outcomes o ON o.prediction_id = p.id
        WHERE {IN_WINDOW} AND p.id > :after {limit} ORDER BY p.id LIMIT :batch"""
    given = {**window.parameters(), "after": after, "upto": upto, "batch": batch}
    given["first"] = max(given["first"], after)  # of two lower bounds SQLite would search by the first
    with journal.db.errors():
        here = [KeptRow(*row) for row in journal.db.execute(query, given)]
    if len(here) == batch:
        upto = here[-1].id
        moved = [row for row in moved if row.id <= upto]
    return (_merge(moved, here) if moved else here), upto


def _merge(moved: list[KeptRow], here: list[KeptRow]) -> list[KeptRow]:
    rows = {row.id: row for row in moved}
    rows |= {row.id: _same(row, rows.get(row.id)) for row in here}
    return [rows[identifier] for identifier in sorted(rows)]


def _same(here: KeptRow, moved: KeptRow | None) -> KeptRow:
    """A row of the database, with what only its twin in a file knows."""
    if moved is None:
        return here
    known = here if here.outcome_at is not None else moved
    return here._replace(outcome=known.outcome, outcome_at=known.outcome_at, corrections=moved.corrections)


def _moved_page(
    journal: Journal, window: Window, after: str, batch: int, only_labelled: bool, files: Sequence[DayFile]
) -> tuple[list[KeptRow], str | None]:
    """Up to batch rows of the first day that has any after an id, and the id up to which they are all there."""
    later = [file for file in files if file.last > after]
    if not later:
        return [], None
    import polars as pl

    for day, of_day in groupby(later, key=lambda file: file.day):
        among = list(of_day)
        first, end = days.ids_of_day(day)
        late, upto = _late_page(journal, after, first, end, batch)
        tests = [pl.col("id") > after, *in_window(window)]
        if upto is not None:
            tests.append(pl.col("id") <= upto)
        if only_labelled:
            tests.append(pl.col("outcome_at").is_not_null() | pl.col("id").is_in(list(late)))
        with day_files.file_errors(among):
            frame = day_files.scan(among).filter(*tests).head(batch).collect(engine="streaming")
        rows = [_with_late(row, late) for row in from_frame(frame)]
        if len(rows) == batch:
            return rows, rows[-1].id
        if rows or upto is not None:
            is_last = upto is None and day == later[-1].day
            return rows, None if is_last else upto or days.before(end)
    return [], None


def _late_page(
    journal: Journal, after: str, first: str, end: str, batch: int
) -> tuple[dict[str, tuple[Any, int]], str | None]:
    """Outcomes that the database has of a part of a moved day, and the id up to which they are all here."""
    with journal.db.errors():
        found = journal.db.execute(
            "SELECT prediction_id, outcome, at FROM outcomes WHERE prediction_id > ? AND prediction_id < ? "
            "ORDER BY prediction_id LIMIT ?",
            (max(after, days.before(first)), end, batch),
        ).fetchall()
    late = {identifier: (outcome, at) for identifier, outcome, at in found}
    return late, found[-1][0] if len(found) == batch else None


def _with_late(row: KeptRow, late: dict[str, tuple[Any, int]]) -> KeptRow:
    known = late.get(row.id)
    return row if known is None else row._replace(outcome=known[0], outcome_at=known[1])


def in_window(window: Window) -> list[pl.Expr]:
    """The tests of IN_WINDOW, for files."""
    import polars as pl

    first, end = window.ids
    return [
        pl.col("id") >= first,
        pl.col("id") < end,
        pl.col("at").cast(pl.Int64) >= window.since,
        pl.col("at").cast(pl.Int64) < window.until,
    ]


def count_facts(journal: Journal, window: Window) -> pl.DataFrame:
    """What health counts, of the rows of a window that are in files only: at, version, seconds, labelled.

    To be called inside `settled`, and with what else is counted in one `snapshot`: a row that leaves the database
    meanwhile would be counted nowhere.
    """
    import polars as pl

    files = window.files(journal)
    here: list[str] = []
    late: list[str] = []
    for day in sorted({file.day for file in files}):
        with journal.db.errors():
            here += _ids(journal, "SELECT id FROM predictions WHERE id >= ? AND id < ?", day)
            query = "SELECT prediction_id FROM outcomes WHERE prediction_id >= ? AND prediction_id < ?"
            late += _ids(journal, query, day)
    identifier = pl.col("id")
    labelled = pl.col("outcome_at").is_not_null() | identifier.is_in(late)
    with day_files.file_errors(files):
        return (
            day_files.scan(files)
            .filter(*in_window(window), ~identifier.is_in(here))
            .select(pl.col("at").cast(pl.Int64), "version", "seconds", labelled=labelled)
            .collect(engine="streaming")
        )


def _ids(journal: Journal, query: str, day: str) -> list[str]:
    return [identifier for (identifier,) in journal.db.execute(query, days.ids_of_day(day))]


def latest(journal: Journal, n: int | None, equal: Mapping[str, str] | None = None) -> list[KeptRow]:
    """The latest n rows, the latest first. n: None for all of them.  equal: column -> the value that it must have.

    Outcomes are not looked up.
    """
    equal = equal or {}

    def read() -> list[KeptRow]:
        tests = (
            " AND ".join(journal.db.of_row if name == "row_id" else f"p.{name} = :{name}" for name in equal)
            or "1 = 1"
        )
        query = f"SELECT {COLUMNS} FROM predictions p WHERE {tests} ORDER BY p.id DESC LIMIT :n"
        with journal.db.errors():
            rows = {
                row[0]: KeptRow(*row)
                for row in journal.db.execute(query, {**equal, "n": ALL if n is None else n})
            }
        for day, of_day in groupby(reversed(day_files.list_files(journal.days)), key=lambda file: file.day):
            if n is not None and len(rows) >= n and sorted(rows)[-n] >= days.ids_of_day(day)[1]:
                break
            among = sorted(of_day)
            with day_files.file_errors(among):
                table = day_files.scan(among).filter(**equal)
                frame = (table if n is None else table.tail(n)).collect(engine="streaming")
            rows = {row.id: row for row in from_frame(frame)} | rows
        return [rows[identifier] for identifier in sorted(rows, reverse=True)[:n]]

    return day_files.settled(journal.days, read)
