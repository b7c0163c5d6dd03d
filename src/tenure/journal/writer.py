"""What is written to the journal. Each function is one transaction, on disk when it returns."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from tenure.journal.entries import GivenOutcome, NewPrediction, NewRefusal, OutcomeReport
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.tables import Journal, journal_errors, transaction

_COLUMNS = len(NewPrediction._fields)
_ROWS_PER_STATEMENT = 64


def add_predictions(journal: Journal, predictions: Sequence[NewPrediction]) -> None:
    """Write predictions, all or none.

    Up to 64 are one statement, so that a writer thread takes the interpreter's lock once for all of them.
    Raises JournalError if the disk is full, or the file cannot be written.
    """
    with journal_errors(journal.db):
        if len(predictions) <= _ROWS_PER_STATEMENT:
            _insert(journal, predictions)
            return
        with transaction(journal.db):
            for start in range(0, len(predictions), _ROWS_PER_STATEMENT):
                _insert(journal, predictions[start : start + _ROWS_PER_STATEMENT])


def _insert(journal: Journal, predictions: Sequence[NewPrediction]) -> None:
    if predictions:
        journal.db.execute(_insert_statement(len(predictions)), tuple(chain.from_iterable(predictions)))


@lru_cache(maxsize=_ROWS_PER_STATEMENT)
def _insert_statement(n_rows: int) -> str:
    row = f"({', '.join('?' * _COLUMNS)})"
    return f"INSERT INTO predictions VALUES {', '.join([row] * n_rows)}"


def add_refusals(journal: Journal, refusals: Sequence[NewRefusal]) -> None:
    """Write refused requests, all or none. Raises JournalError as add_predictions does."""
    with journal_errors(journal.db), transaction(journal.db):
        journal.db.executemany("INSERT INTO refusals VALUES (?, ?, ?)", refusals)


def add_outcomes(journal: Journal, outcomes: Sequence[GivenOutcome]) -> OutcomeReport:
    """Write true labels, all or none, and report what became of each.

    An outcome named by a row id belongs to the latest prediction of that row. The same value given
    again changes nothing; another value replaces it, and the old one is kept as history.
    Outcomes that match no prediction are in the report by name, and are not written.
    """
    counts = {"recorded": 0, "already": 0, "corrected": 0}
    unknown: list[str] = []
    now = time.time_ns() // 1000
    with journal_errors(journal.db), transaction(journal.db):
        for given in outcomes:
            prediction_id = _find_predicted(journal, given)
            if prediction_id is None:
                unknown.append(str(given.id if given.id is not None else given.row_id))
            else:
                counts[_set_outcome(journal, prediction_id, given.outcome, now)] += 1
    return OutcomeReport(**counts, unknown=tuple(unknown))


def _find_predicted(journal: Journal, given: GivenOutcome) -> str | None:
    if given.id is not None:
        row = journal.db.execute("SELECT id FROM predictions WHERE id = ?", (given.id,)).fetchone()
        if row:
            return str(row[0])
    if given.row_id is not None:
        query = "SELECT id FROM predictions WHERE row_id = ? ORDER BY id DESC LIMIT 1"
        row = journal.db.execute(query, (given.row_id,)).fetchone()
        if row:
            return str(row[0])
    return None


def _set_outcome(journal: Journal, prediction_id: str, outcome: str | float, now: int) -> str:
    found = journal.db.execute(
        "SELECT outcome, at FROM outcomes WHERE prediction_id = ?", (prediction_id,)
    ).fetchone()
    if found is None:
        journal.db.execute("INSERT INTO outcomes VALUES (?, ?, ?)", (prediction_id, outcome, now))
        return "recorded"
    if found[0] == outcome:
        return "already"
    journal.db.execute(
        "INSERT INTO corrections VALUES (?, ?, ?, ?)", (prediction_id, found[0], found[1], now)
    )
    journal.db.execute(
        "UPDATE outcomes SET outcome = ?, at = ? WHERE prediction_id = ?", (outcome, now, prediction_id)
    )
    return "corrected"


def record_event(journal: Journal, kind: str, body: Mapping[str, Any]) -> str:
    """Write a run, promotion, rollback, check, review or batch, and return its id.

    body: what JSON can hold; NaN and infinity are refused with ValueError.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    event_id, at = new_id_and_time()
    with journal_errors(journal.db):
        journal.db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (event_id, at, kind, text))
    return event_id
