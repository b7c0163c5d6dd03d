"""What the journal asks of a database. There are two: SQLite in a file (`sqlite.py`) and PostgreSQL (`postgres.py`).

Queries are written once, in the SQL that both understand, with parameters as `?` or `:name`; what only one of them can
do is behind the methods here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tenure.journal.entries import NewPrediction

TABLES = ("predictions", "outcomes", "corrections", "shadows", "refusals", "events")
ALL = 2**62
"""A LIMIT that limits nothing."""


class Found(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open database that holds the journal's tables, used by one thread at a time.

    A statement alone is a transaction, on disk when it returns; group several with `transaction`.
    is_a_file: whether it is on this machine, so that files beside it are as good as it.
    of_row: the test that finds the predictions of the row :row_id by their index.
    """

    of_row: str
    is_a_file: bool

    def execute(self, query: str, given: Sequence[Any] | Mapping[str, Any] = (), /) -> Found: ...

    def executemany(self, query: str, given: Iterable[Sequence[Any]], /) -> Found: ...

    def close(self) -> None: ...

    def label(self, value: Any) -> Any:
        """A text or a number as it is given to a column that holds either."""

    def entries(self, predictions: Sequence[NewPrediction]) -> Sequence[NewPrediction]:
        """Predictions as the database takes them."""

    def errors(self) -> AbstractContextManager[None]:
        """Turn the database's errors inside into JournalError with its place and the next step."""

    def transaction(self) -> AbstractContextManager[None]:
        """Run the statements inside as one transaction, one such transaction at a time: all are on disk, or none."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Let the queries inside see the database as it was at one moment."""

    def erasing(self) -> AbstractContextManager[None]:
        """See to it that what is deleted inside leaves no bytes behind. Raises JournalError where some are left yet."""

    def is_replaced(self) -> bool:
        """Whether another database is in the place of this one by now."""
