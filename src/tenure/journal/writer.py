"""What is written to the journal. Each function is one transaction, on disk when it returns."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from tenure.journal import day_files
from tenure.journal.entries import GivenOutcome, NewPrediction, NewRefusal, NewShadow, OutcomeReport
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.late import Moved, Place, find_moved, is_here, latest_here
from tenure.journal.tables import Journal

_ROWS_PER_STATEMENT = 64


def add_predictions(journal: Journal, predictions: Sequence[NewPrediction]) -> None:
    """Write predictions, all or none.

    Up to 64 are one statement, so that a writer thread takes the interpreter's lock once for all of them.
    Raises JournalError if the disk is full, or the file cannot be written.
    """
    predictions = journal.db.entries(predictions)
    with journal.db.errors():
        if len(predictions) <= _ROWS_PER_STATEMENT:
            _insert(journal, predictions)
            return
        with journal.db.transaction():
            for start in range(0, len(predictions), _ROWS_PER_STATEMENT):
                _insert(journal, predictions[start : start + _ROWS_PER_STATEMENT])


def _insert(journal: Journal, predictions: Sequence[NewPrediction]) -> None:
    if predictions:
        journal.db.execute(_insert_statement(len(predictions)), tuple(chain.from_iterable(predictions)))


@lru_cache(maxsize=_ROWS_PER_STATEMENT)
def _insert_statement(n_rows: int) -> str:
    row = f"({', '.join('?' * len(NewPrediction._fields))})"
    columns = ", ".join(NewPrediction._fields)
    return f"INSERT INTO predictions ({columns}) VALUES {', '.join([row] * n_rows)}"


def add_refusals(journal: Journal, refusals: Sequence[NewRefusal]) -> None:
    """Write refused requests, all or none. Raises JournalError as add_predictions does."""
    with journal.db.errors(), journal.db.transaction():
        journal.db.executemany("INSERT INTO refusals VALUES (?, ?, ?)", refusals)


def add_shadows(journal: Journal, shadows: Sequence[NewShadow]) -> None:
    """Write what a version that only listens would have answered, all or none; what is there already stays."""
    query = f"INSERT INTO shadows VALUES ({', '.join('?' * len(NewShadow._fields))}) ON CONFLICT DO NOTHING"
    rows = [shadow._replace(prediction=journal.db.label(shadow.prediction)) for shadow in shadows]
    with journal.db.errors(), journal.db.transaction():
        journal.db.executemany(query, rows)


def add_outcomes(journal: Journal, outcomes: Sequence[GivenOutcome]) -> OutcomeReport:
    """Write true labels, all or none, and report what became of each.

    An outcome named by a row id belongs to the latest prediction of that row. The same value given
    again changes nothing; another value replaces it, and the old one is kept as history.
    Outcomes that match no prediction are in the report by name, and are not written.
    """
    while True:
        moved = find_moved(journal, outcomes)
        report = _try_outcomes(journal, outcomes, moved)
        if report is not None:
            return report


def add_outcomes_of_rows_here(journal: Journal, outcomes: Sequence[GivenOutcome]) -> OutcomeReport | None:
    """As add_outcomes, without a look into the files of moved days; None, with nothing written, if that is needed."""
    files = day_files.stamps(journal.days)
    return _try_outcomes(journal, outcomes, Moved(files) if files else find_moved(journal, outcomes))


def _try_outcomes(journal: Journal, outcomes: Sequence[GivenOutcome], moved: Moved) -> OutcomeReport | None:
    """moved: what the files say of the rows that are not in the database. None when they say something else now."""
    counts = {"recorded": 0, "already": 0, "corrected": 0}
    unknown: list[str] = []
    now = time.time_ns() // 1000
    try:
        with journal.db.errors(), journal.db.transaction():
            for given in outcomes:
                place = _find_predicted(journal, given, moved)
                if place is None:
                    unknown.append(str(given.id if given.id is not None else given.row_id))
                else:
                    counts[_set_outcome(journal, place, given.outcome, now)] += 1
            if moved.is_out_of_date(journal):
                raise _MovedMeanwhile
    except _MovedMeanwhile:
        return None
    return OutcomeReport(**counts, unknown=tuple(unknown))


class _MovedMeanwhile(Exception):
    """A row left the database after the files were asked."""


def _find_predicted(journal: Journal, given: GivenOutcome, moved: Moved) -> Place | None:
    """The prediction that an outcome belongs to. Raises _MovedMeanwhile for one that moved does not speak of."""
    if given.id is not None:
        if is_here(journal, given.id):
            return Place(given.id)
        if given.id not in moved.ids:
            raise _MovedMeanwhile
        if place := moved.ids[given.id]:
            return place
    if given.row_id is None:
        return None
    latest = latest_here(journal, given.row_id)
    if latest is not None and moved.is_later(latest):
        return Place(latest)
    if given.row_id not in moved.rows:
        raise _MovedMeanwhile
    in_file = moved.rows[given.row_id]
    if latest is None or (in_file is not None and in_file.id > latest):
        return in_file
    return Place(latest)


def _set_outcome(journal: Journal, place: Place, outcome: str | float, now: int) -> str:
    found = journal.db.execute(
        "SELECT outcome, at FROM outcomes WHERE prediction_id = ?", (place.id,)
    ).fetchone()
    known = found or place.outcome
    label = journal.db.label
    if known is None:
        journal.db.execute("INSERT INTO outcomes VALUES (?, ?, ?)", (place.id, label(outcome), now))
        return "recorded"
    if known[0] == outcome:
        return "already"
    # a later time than before, whatever the clock says: the history is in its order
    at = max(now, known[1] + 1)
    before = (place.id, label(known[0]), known[1], at)
    journal.db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?)", before)
    journal.db.execute(
        "INSERT INTO outcomes VALUES (?, ?, ?) "
        "ON CONFLICT (prediction_id) DO UPDATE SET outcome = excluded.outcome, at = excluded.at",
        (place.id, label(outcome), at),
    )
    return "corrected"


def record_event(journal: Journal, kind: str, body: Mapping[str, Any]) -> str:
    """Write a run, promotion, rollback, check, review or batch, and return its id.

    body: what JSON can hold; NaN and infinity are refused with ValueError.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    event_id, at = new_id_and_time()
    with journal.db.errors():
        journal.db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (event_id, at, kind, text))
    return event_id
