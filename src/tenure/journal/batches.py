"""Predictions of a long table, many at a time: into files of their day, where a row costs less than half.

Few rows, and those of a journal that is on another machine, go to the database as all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.journal.day_files import write_batch
from tenure.journal.entries import NewPrediction
from tenure.journal.rows import from_frame
from tenure.journal.tables import Journal
from tenure.journal.writer import add_predictions

if TYPE_CHECKING:
    import polars as pl

# A file holds some 10 MB; more at a time would only take more memory, and hold up others that write to a database.
_ROWS_PER_FILE = 100_000
_FEWEST_IN_A_FILE = _ROWS_PER_TRANSACTION = 10_000


class BatchWriter:
    """Writes tables of predictions, in the order of their ids, to an open journal; all are on disk after `flush`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[pl.DataFrame] = []
        self._most = _ROWS_PER_FILE if journal.db.is_a_file else _ROWS_PER_TRANSACTION

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows, as `rows.new_rows` makes them. Raises JournalError when the disk is full."""
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= self._most:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises JournalError when the disk is full."""
        import polars as pl

        if not self._waiting:
            return
        rows = pl.concat(self._waiting)
        self._waiting.clear()
        if self._journal.db.is_a_file and len(rows) >= _FEWEST_IN_A_FILE:
            write_batch(self._journal.days, rows)
        else:
            n_columns = len(NewPrediction._fields)
            add_predictions(self._journal, [NewPrediction._make(row[:n_columns]) for row in from_frame(rows)])
