"""Outcomes that come after their predictions were moved: which rows of which files they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tenure.journal import day_files, days
from tenure.journal.day_files import DayFile
from tenure.journal.entries import GivenOutcome
from tenure.journal.tables import Journal

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Place:
    """A prediction. outcome: the value that its file has, and when it was given; None without one or without a file."""

    id: str
    outcome: tuple[str | float, int] | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What the files of moved days say of rows that the database did not have.

    files: which there were.  ids: prediction id -> its place, or None.  rows: row id -> place of its latest
    prediction, or None; of those whose latest one in the database is not later than every file.
    """

    files: day_files.Stamps
    ids: Mapping[str, Place | None] = field(default_factory=dict)
    rows: Mapping[str, Place | None] = field(default_factory=dict)

    def is_out_of_date(self, journal: Journal) -> bool:
        """Whether a file has been replaced since."""
        return day_files.are_replaced(journal.days, self.files)

    def is_later(self, identifier: str) -> bool:
        """Whether a prediction is later than those of every file."""
        return not self.files or identifier > self.files[-1].last


def find_moved(journal: Journal, outcomes: Sequence[GivenOutcome]) -> Moved:
    """Look for the predictions of outcomes that are not in the database in the files of moved days."""
    return day_files.settled(journal.days, lambda: _find_moved(journal, outcomes))


def _find_moved(journal: Journal, outcomes: Sequence[GivenOutcome]) -> Moved:
    moved = Moved(day_files.stamps(journal.days))
    ids: set[str] = set()
    rows: set[str] = set()
    with journal.db.errors():
        for given in outcomes:
            if given.id is not None and not is_here(journal, given.id):
                ids.add(given.id)
            if given.row_id is not None:
                latest = latest_here(journal, given.row_id)
                if latest is None or not moved.is_later(latest):
                    rows.add(given.row_id)
    return replace(
        moved,
        ids=dict.fromkeys(ids) | _places_of_ids(journal, ids),
        rows=dict.fromkeys(rows) | _places_of_rows(journal, rows),
    )


def is_here(journal: Journal, prediction_id: str) -> bool:
    """Whether the database has a prediction."""
    query = "SELECT 1 FROM predictions WHERE id = ?"
    return journal.db.execute(query, (prediction_id,)).fetchone() is not None


def latest_here(journal: Journal, row_id: str) -> str | None:
    """The id of the latest prediction of a row that the database has."""
    query = f"SELECT max(id) FROM predictions WHERE {journal.db.of_row}"
    found: str | None = journal.db.execute(query, {"row_id": row_id}).fetchone()[0]
    return found


def _places_of_ids(journal: Journal, ids: set[str]) -> dict[str, Place]:
    by_day: dict[str, list[str]] = {}
    for identifier in ids:
        by_day.setdefault(days.day_of(identifier) or "", []).append(identifier)
    found: dict[str, Place] = {}
    files = day_files.list_files(journal.days) if by_day else []
    for day in sorted(by_day.keys() & {file.day for file in files}):
        import polars as pl

        # the bounds let whole pieces of the file be skipped
        among = by_day[day]
        wanted = pl.col("id").is_between(pl.lit(min(among)), pl.lit(max(among))) & pl.col("id").is_in(among)
        found |= {
            place.id: place for _, place in _places([file for file in files if file.day == day], wanted)
        }
    return found


def _places_of_rows(journal: Journal, rows: set[str]) -> dict[str, Place]:
    files = day_files.list_files(journal.days) if rows else []
    if not files:
        return {}
    import polars as pl

    # sorted by id: the latest one stays
    return {str(row): place for row, place in _places(files, pl.col("row_id").is_in(list(rows)))}


def _places(files: list[DayFile], wanted: pl.Expr) -> list[tuple[str | None, Place]]:
    import polars as pl

    columns = ["id", "row_id", "outcome", "outcome_number", pl.col("outcome_at").cast(pl.Int64)]
    with day_files.file_errors(files):
        table = day_files.scan(files).filter(wanted).select(columns)
        found = table.collect(engine="streaming").sort("id")
    return [
        (row_id, Place(identifier, None if at is None else (number if label is None else label, at)))
        for identifier, row_id, label, number, at in found.iter_rows()
    ]
