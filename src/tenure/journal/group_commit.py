"""Many requests, one commit: the journal's writer for an event loop.

A commit waits for the disk. Requests that arrive while one is on its way are written together by the
next, so that the cost of the disk is shared by all of them. The writer is a thread: the wait neither
holds up the loop nor the interpreter's lock, and five requests share a commit where a commit in the loop
would hold two to three.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from tenure.errors import JournalError
from tenure.journal.entries import GivenOutcome, NewPrediction, NewRefusal, NewShadow, OutcomeReport
from tenure.journal.place import Place
from tenure.journal.tables import Journal, open_journal
from tenure.journal.writer import (
    add_outcomes,
    add_outcomes_of_rows_here,
    add_predictions,
    add_refusals,
    add_shadows,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
_Job = Callable[[Journal], Any]
_Work = list[NewPrediction] | NewRefusal | _Job
_Item = tuple[_Work, asyncio.Future[Any]]
_Result = tuple[asyncio.Future[Any], object]

_ROWS_PER_COMMIT = 256
MOST_UNWRITTEN = 10_000
"""Rows that are answered and not on disk yet, with add_soon: what a sudden end of the machine can lose."""
_REFUSALS_WAITING = 1000


class GroupCommit:
    """Writes to one journal for the requests of one event loop. Use from that loop only.

    Raises JournalError from __init__ if the journal cannot be opened, and from the awaited
    results if it cannot be written; it goes on trying with each later request.
    """

    def __init__(self, path: Place) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._journal = open_journal(path)
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._refusals_waiting = 0
        self._looking = asyncio.Lock()
        self._unwritten = 0
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def add_predictions(self, predictions: list[NewPrediction]) -> asyncio.Future[None]:
        """Write predictions, all or none; the future is done when they are on disk."""
        future = self._put(predictions)
        if self._is_failing:
            future.add_done_callback(self._works_again)
        return future

    def add_soon(self, predictions: list[NewPrediction]) -> bool:
        """Write predictions soon; nobody waits for them, and a sudden end may lose them.

        False, with nothing taken, when 10,000 rows wait already, or the last ones could not be written: who then waits
        for add_predictions loses nothing more, and learns of the fault.
        """
        if self._is_failing or self._unwritten + len(predictions) > MOST_UNWRITTEN:
            return False
        self._unwritten += len(predictions)
        self._put(predictions).add_done_callback(partial(self._soon_done, len(predictions)))
        return True

    async def add_shadows(self, shadows: list[NewShadow]) -> None:
        """Write what a version that only listens would have answered. Raises JournalError."""
        await self.call(partial(add_shadows, shadows=shadows))

    def add_refusal(self, refusal: NewRefusal) -> None:
        """Write a refused request soon; nobody waits for it.

        Beyond 1,000 waiting they are dropped: a flood of bad requests must not fill the memory.
        """
        if self._refusals_waiting < _REFUSALS_WAITING:
            self._refusals_waiting += 1
            self._put(refusal).add_done_callback(self._refusal_done)

    async def call(self, job: Callable[[Journal], T]) -> T:
        """Run a function of the open journal in the writer's thread and return its result."""
        result: T = await self._put(job)
        return result

    async def add_outcomes(self, outcomes: list[GivenOutcome]) -> OutcomeReport:
        """Write true labels, as writer.add_outcomes does.

        Those of moved days take a look into files, for which predictions do not wait: it has a thread and a
        connection of its own, one at a time.
        """
        report = await self.call(partial(add_outcomes_of_rows_here, outcomes=outcomes))
        if report is None:
            async with self._looking:
                report = await self._loop.run_in_executor(None, _add_late_outcomes, self._path, outcomes)
        return report

    async def close(self) -> None:
        """Write what waits, then close the journal."""
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._journal.close()

    def _put(self, work: _Work) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        self._queue.put((work, future))
        return future

    def _works_again(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._is_failing = False

    def _soon_done(self, n_rows: int, future: asyncio.Future[Any]) -> None:
        self._unwritten -= n_rows
        if not future.cancelled() and (error := future.exception()):
            self._is_failing = True
            log.error("%d answered row(s) were not written to the journal: %s", n_rows, error)

    def _refusal_done(self, future: asyncio.Future[Any]) -> None:
        self._refusals_waiting -= 1
        if not future.cancelled() and future.exception():
            log.warning("a refused request was not written: %s", future.exception())

    # What follows runs in the writer's thread.

    def _run(self) -> None:
        going = True
        while going:
            going, items = self._next_items()
            done = self._write(items)
            if self._journal.db.is_replaced():
                done = self._write_anew(items)
            try:
                self._loop.call_soon_threadsafe(_resolve, done)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    def _write_anew(self, items: list[_Item]) -> list[_Result]:
        """The file was taken away or replaced, and what was just written with it: write it to what is there now."""
        log.error(
            "journal %s: the file was taken away or replaced; going on with what is there now", self._path
        )
        try:
            self._journal.close()
            self._journal = open_journal(self._path)
        except (JournalError, OSError) as error:
            return [(future, error) for _, future in items]
        return self._write(items)

    def _next_items(self) -> tuple[bool, list[_Item]]:
        """Wait for work, then take all that is there, up to 256 rows. False when it is time to stop."""
        item = self._queue.get()
        items: list[_Item] = []
        n_rows = 0
        while item is not None:
            items.append(item)
            n_rows += len(item[0]) if isinstance(item[0], list) else 1
            if n_rows >= _ROWS_PER_COMMIT:
                return True, items
            try:
                item = self._queue.get_nowait()
            except Empty:
                return True, items
        return False, items

    def _write(self, items: list[_Item]) -> list[_Result]:
        predictions: list[_Item] = []
        refusals: list[_Item] = []
        done: list[_Result] = []
        for item in items:
            if callable(item[0]):
                done.append(_attempt(item, item[0], self._journal))
            else:
                (refusals if isinstance(item[0], NewRefusal) else predictions).append(item)
        return done + self._commit(predictions, _write_predictions) + self._commit(refusals, _write_refusals)

    def _commit(self, items: list[_Item], write: Callable[[Journal, list[_Item]], None]) -> list[_Result]:
        try:
            if items:
                write(self._journal, items)
        except JournalError as error:
            return [(future, error) for _, future in items]
        except Exception as error:
            if len(items) == 1:
                log.exception("journal %s: a request was not written", self._path)
                return [(items[0][1], error)]
            # One row that SQLite cannot bind must not take the others of its group down.
            return [result for item in items for result in self._commit([item], write)]
        return [(future, None) for _, future in items]


def _add_late_outcomes(path: Place, outcomes: list[GivenOutcome]) -> OutcomeReport:
    with closing(open_journal(path)) as journal:
        return add_outcomes(journal, outcomes)


def _write_predictions(journal: Journal, items: list[_Item]) -> None:
    groups = cast(list[list[NewPrediction]], [work for work, _ in items])
    add_predictions(journal, list(chain.from_iterable(groups)))


def _write_refusals(journal: Journal, items: list[_Item]) -> None:
    add_refusals(journal, cast(list[NewRefusal], [work for work, _ in items]))


def _attempt(item: _Item, job: _Job, journal: Journal) -> _Result:
    try:
        return item[1], job(journal)
    except Exception as error:
        return item[1], error


def _resolve(done: list[_Result]) -> None:
    for future, result in done:
        if future.done():  # its client has gone
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
