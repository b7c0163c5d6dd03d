"""What is read from the journal: plain functions of an open journal, returning records.

A window is since <= time < until; None leaves that side open. Times without a zone are UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from tenure.journal.entries import (
    Event,
    Health,
    Outcome,
    Prediction,
    Refusal,
    from_micros,
    to_micros,
)
from tenure.journal.identifiers import first_id_at
from tenure.journal.tables import Journal, journal_errors

_PREDICTION = """p.id, p.row_id, p.at, p.model, p.version, p.release, p.input, p.prediction,
    p.probability, p.margins, p.probabilities, p.seconds"""
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def find_prediction(journal: Journal, prediction_id: str) -> Prediction | None:
    """Return one prediction by its id, or None if the journal has none of that id."""
    with journal_errors(journal.db):
        row = journal.db.execute(
            f"SELECT {_PREDICTION} FROM predictions p WHERE id = ?", (prediction_id,)
        ).fetchone()
    return _prediction(row) if row else None


def predictions_of_row(journal: Journal, row_id: str) -> list[Prediction]:
    """Return the predictions of one row id, the latest first."""
    query = f"SELECT {_PREDICTION} FROM predictions p WHERE row_id = ? ORDER BY id DESC"
    with journal_errors(journal.db):
        return [_prediction(row) for row in journal.db.execute(query, (row_id,))]


def find_outcome(journal: Journal, prediction_id: str) -> Outcome | None:
    """Return the true label of one prediction with its history, or None if none has arrived."""
    with journal_errors(journal.db):
        row = journal.db.execute(
            "SELECT outcome, at FROM outcomes WHERE prediction_id = ?", (prediction_id,)
        ).fetchone()
        earlier = journal.db.execute(
            "SELECT outcome, at FROM corrections WHERE prediction_id = ? ORDER BY replaced_at, rowid",
            (prediction_id,),
        ).fetchall()
    if row is None:
        return None
    history = tuple((value, from_micros(at)) for value, at in earlier)
    return Outcome(prediction_id, row[0], from_micros(row[1]), history)


def predictions_between(
    journal: Journal, since: datetime | None = None, until: datetime | None = None, *, batch: int = 1000
) -> Iterator[list[Prediction]]:
    """Yield the predictions of a window in time order, in lists of at most batch.

    Between two lists no transaction is open, so that a slow reader does not hold up the writer's log.
    """
    query = f"""SELECT {_PREDICTION} FROM predictions p
        WHERE {_WINDOW} AND p.id > :after ORDER BY p.id LIMIT :batch"""
    for rows in _pages(journal, query, since, until, batch):
        yield [_prediction(row) for row in rows]


def labelled(
    journal: Journal, since: datetime | None = None, until: datetime | None = None, *, batch: int = 1000
) -> Iterator[tuple[Prediction, str | float]]:
    """Yield each prediction of a window whose outcome has arrived, with that outcome, in time order."""
    query = f"""SELECT {_PREDICTION}, o.outcome FROM predictions p JOIN outcomes o ON o.prediction_id = p.id
        WHERE {_WINDOW} AND p.id > :after ORDER BY p.id LIMIT :batch"""
    for row in chain.from_iterable(_pages(journal, query, since, until, batch)):
        yield _prediction(row[:-1]), row[-1]


def count_predictions(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> int:
    """Return the number of predictions in a window."""
    with journal_errors(journal.db):
        return int(
            journal.db.execute(
                f"SELECT count(*) FROM predictions p WHERE {_WINDOW}", _window(since, until)
            ).fetchone()[0]
        )


def latest_rows(journal: Journal, n: int) -> list[dict[str, Any]]:
    """Return the rows of the latest n predictions as they were sent, the latest first."""
    with journal_errors(journal.db):
        rows = journal.db.execute("SELECT input FROM predictions ORDER BY id DESC LIMIT ?", (n,)).fetchall()
    return [json.loads(text) for (text,) in rows]


def latest_predictions(journal: Journal, release: str, n: int) -> list[Prediction]:
    """Return the latest n predictions of a release, the latest first."""
    query = f"SELECT {_PREDICTION} FROM predictions p WHERE release = ? ORDER BY id DESC LIMIT ?"
    with journal_errors(journal.db):
        return [_prediction(row) for row in journal.db.execute(query, (release, n))]


def events(
    journal: Journal,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Event]:
    """Return the events of a window, of one kind or of all, in time order."""
    query = f"SELECT p.id, p.at, p.kind, p.body FROM events p WHERE {_WINDOW}"
    if kind is not None:
        query += " AND p.kind = :kind"
    with journal_errors(journal.db):
        rows = journal.db.execute(
            query + " ORDER BY p.id", {**_window(since, until), "kind": kind}
        ).fetchall()
    return [Event(event_id, from_micros(at), kind, json.loads(body)) for event_id, at, kind, body in rows]


def refusals(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> list[Refusal]:
    """Return the refused requests of a window in time order."""
    query = (
        "SELECT at, status, problems FROM refusals p WHERE at >= :since AND at < :until ORDER BY at, rowid"
    )
    with journal_errors(journal.db):
        rows = journal.db.execute(query, _window(since, until)).fetchall()
    return [Refusal(from_micros(at), status, json.loads(problems)) for at, status, problems in rows]


def health(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> Health:
    """Return counts, refusals and the quantiles of the time to a score over a window."""
    window = _window(since, until)
    with journal_errors(journal.db):
        count, first, last = journal.db.execute(
            f"SELECT count(*), min(p.at), max(p.at) FROM predictions p WHERE {_WINDOW}", window
        ).fetchone()
        versions = dict(
            journal.db.execute(
                f"SELECT version, count(*) FROM predictions p WHERE {_WINDOW} GROUP BY version", window
            ).fetchall()
        )
        outcomes = journal.db.execute(
            f"SELECT count(*) FROM predictions p JOIN outcomes o ON o.prediction_id = p.id WHERE {_WINDOW}",
            window,
        ).fetchone()[0]
        refused = dict(
            journal.db.execute(
                "SELECT status, count(*) FROM refusals WHERE at >= :since AND at < :until GROUP BY status",
                window,
            ).fetchall()
        )
        seconds = _latency(journal, window, count)
    return Health(
        since=since,
        until=until,
        predictions=count,
        outcomes=outcomes,
        refusals=sum(refused.values()),
        refusals_by_status=refused,
        predictions_by_version=versions,
        first=None if first is None else from_micros(first),
        last=None if last is None else from_micros(last),
        seconds=seconds,
    )


def _latency(journal: Journal, window: dict[str, Any], count: int) -> dict[str, float]:
    """Return the quantiles by rank (the smallest value that at least the share q does not exceed)."""
    if count == 0:
        return {}
    wanted = {name: max(-(-int(q * 100) * count // 100), 1) - 1 for name, q in _QUANTILES.items()} | {
        "max": count - 1
    }
    # SQLite sorts with a bounded memory, spilling to disk; the rows are not held here.
    cursor = journal.db.execute(f"SELECT seconds FROM predictions p WHERE {_WINDOW} ORDER BY seconds", window)
    found = {}
    for rank, (value,) in enumerate(cursor):
        found.update({name: float(value) for name, at in wanted.items() if at == rank})
    return {name: found[name] for name in wanted if name in found}


# The ids sort by time and are indexed; the time itself decides at the edges (see first_id_at).
_WINDOW = "p.id >= :first AND p.id < :end AND p.at >= :since AND p.at < :until"
_LATEST = 2**48 * 1000 - 1


def _window(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    start = 0 if since is None else to_micros(since)
    stop = _LATEST if until is None else to_micros(until)
    return {"since": start, "until": stop, "first": first_id_at(start), "end": first_id_at(stop + 1)}


def _pages(
    journal: Journal, query: str, since: datetime | None, until: datetime | None, batch: int
) -> Iterator[list[tuple[Any, ...]]]:
    window = {**_window(since, until), "after": "", "batch": batch}
    while True:
        with journal_errors(journal.db):
            rows = journal.db.execute(query, window).fetchall()
        if rows:
            yield rows
            window["after"] = rows[-1][0]
        if len(rows) < batch:
            return


def _prediction(row: tuple[Any, ...]) -> Prediction:
    (
        identifier,
        row_id,
        at,
        model,
        version,
        release,
        text,
        prediction,
        probability,
        margins,
        probabilities,
        seconds,
    ) = row
    return Prediction(
        id=identifier,
        row_id=row_id,
        at=from_micros(at),
        model=model,
        version=version,
        release=release,
        row=json.loads(text),
        prediction=prediction,
        probability=probability,
        margins=tuple(json.loads(margins)),
        probabilities=None if probabilities is None else json.loads(probabilities),
        seconds=seconds,
    )
