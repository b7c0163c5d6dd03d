"""What is read from the journal: plain functions of an open journal, returning records.

A window is since <= time < until; None leaves that side open. Times without a zone are UTC.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from tenure.journal import day_files
from tenure.journal.entries import (
    Event,
    Health,
    NewShadow,
    Outcome,
    Prediction,
    Refusal,
    from_micros,
    to_micros,
)
from tenure.journal.kept import COLUMNS, IN_WINDOW, LATEST, Window, count_facts, latest, pages
from tenure.journal.rows import Correction, KeptRow, from_frame, in_order, read_corrections
from tenure.journal.tables import Journal

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def find_prediction(journal: Journal, prediction_id: str) -> Prediction | None:
    """Return one prediction by its id, or None if the journal has none of that id."""
    row = day_files.settled(journal.days, lambda: _find_row(journal, prediction_id))
    return _prediction(row) if row else None


def _find_row(journal: Journal, prediction_id: str) -> Sequence[Any] | None:
    with journal.db.errors():
        row = journal.db.execute(
            f"SELECT {COLUMNS} FROM predictions p WHERE id = ?", (prediction_id,)
        ).fetchone()
    return row or _find_moved(journal, prediction_id)


def _find_moved(journal: Journal, prediction_id: str) -> KeptRow | None:
    among = [f for f in day_files.list_files(journal.days) if f.first <= prediction_id <= f.last]
    with day_files.file_errors(among):
        found = day_files.scan(among).filter(id=prediction_id).collect()
    return next(iter(from_frame(found)), None)


def predictions_of_row(journal: Journal, row_id: str) -> list[Prediction]:
    """Return the predictions of one row id, the latest first."""
    return [_prediction(row) for row in latest(journal, None, {"row_id": row_id})]


def find_outcome(journal: Journal, prediction_id: str) -> Outcome | None:
    """Return the true label of one prediction with its history, or None if none has arrived."""
    return day_files.settled(journal.days, lambda: _find_outcome(journal, prediction_id))


def _find_outcome(journal: Journal, prediction_id: str) -> Outcome | None:
    with journal.db.errors():
        row = journal.db.execute(
            "SELECT outcome, at FROM outcomes WHERE prediction_id = ?", (prediction_id,)
        ).fetchone()
        corrected = journal.db.execute(
            "SELECT outcome, at, replaced_at FROM corrections WHERE prediction_id = ? ORDER BY rowid",
            (prediction_id,),
        ).fetchall()
    moved = _find_moved(journal, prediction_id)
    if row is None and moved is not None and moved.outcome_at is not None:
        row = moved.outcome, moved.outcome_at
    if row is None:
        return None
    before = in_order(read_corrections(moved and moved.corrections), map(Correction._make, corrected))
    history = tuple((correction.outcome, from_micros(correction.at)) for correction in before)
    return Outcome(prediction_id, row[0], from_micros(row[1]), history)


def find_shadows(journal: Journal, prediction_id: str) -> list[NewShadow]:
    """Return what versions that only listened would have answered in place of a prediction."""
    query = "SELECT * FROM shadows WHERE prediction_id = ? ORDER BY version"
    with journal.db.errors():
        return [NewShadow(*row) for row in journal.db.execute(query, (prediction_id,))]


def predictions_between(
    journal: Journal, since: datetime | None = None, until: datetime | None = None, *, batch: int = 10_000
) -> Iterator[list[Prediction]]:
    """Yield the predictions of a window in time order, in lists of at most batch.

    Between two lists no transaction is open, so that a slow reader does not hold up the writer's log.
    """
    for rows in pages(journal, _window(since, until), batch=batch):
        for start in range(0, len(rows), batch):
            yield [_prediction(row) for row in rows[start : start + batch]]


def labelled(
    journal: Journal, since: datetime | None = None, until: datetime | None = None, *, batch: int = 10_000
) -> Iterator[tuple[Prediction, str | float]]:
    """Yield each prediction of a window whose outcome has arrived, with that outcome, in time order."""
    for row in chain.from_iterable(pages(journal, _window(since, until), batch=batch, only_labelled=True)):
        if row.outcome is not None:
            yield _prediction(row), row.outcome


def count_predictions(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> int:
    """Return the number of predictions in a window."""
    return health(journal, since, until).predictions


def latest_rows(journal: Journal, n: int) -> list[dict[str, Any]]:
    """Return the rows of the latest n predictions as they were sent, the latest first."""
    return [json.loads(row.input) for row in latest(journal, n)]


def latest_predictions(journal: Journal, release: str, n: int) -> list[Prediction]:
    """Return the latest n predictions of a release, the latest first."""
    return [_prediction(row) for row in latest(journal, n, {"release": release})]


def events(
    journal: Journal,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Event]:
    """Return the events of a window, of one kind or of all, in time order."""
    query = f"SELECT p.id, p.at, p.kind, p.body FROM events p WHERE {IN_WINDOW}"
    if kind is not None:
        query += " AND p.kind = :kind"
    with journal.db.errors():
        rows = journal.db.execute(
            query + " ORDER BY p.id", {**_window(since, until).parameters(), "kind": kind}
        ).fetchall()
    return [Event(event_id, from_micros(at), kind, json.loads(body)) for event_id, at, kind, body in rows]


def refusals(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> list[Refusal]:
    """Return the refused requests of a window in time order."""
    query = (
        "SELECT at, status, problems FROM refusals p WHERE at >= :since AND at < :until ORDER BY at, rowid"
    )
    with journal.db.errors():
        rows = journal.db.execute(query, _window(since, until).parameters()).fetchall()
    return [Refusal(from_micros(at), status, json.loads(problems)) for at, status, problems in rows]


def health(journal: Journal, since: datetime | None = None, until: datetime | None = None) -> Health:
    """Return counts, refusals and the quantiles of the time to a score over a window."""
    return day_files.settled(journal.days, lambda: _health(journal, since, until))


def _health(journal: Journal, since: datetime | None, until: datetime | None) -> Health:
    window = _window(since, until)
    given = window.parameters()
    with journal.db.errors(), journal.db.snapshot():
        moved = count_facts(journal, window)
        count, first, last = journal.db.execute(
            f"SELECT count(*), min(p.at), max(p.at) FROM predictions p WHERE {IN_WINDOW}", given
        ).fetchone()
        query = f"SELECT version, count(*) FROM predictions p WHERE {IN_WINDOW} GROUP BY version"
        versions = Counter(dict(journal.db.execute(query, given).fetchall()))
        outcomes = journal.db.execute(
            f"SELECT count(*) FROM predictions p JOIN outcomes o ON o.prediction_id = p.id WHERE {IN_WINDOW}",
            given,
        ).fetchone()[0]
        refused = dict(
            journal.db.execute(
                "SELECT status, count(*) FROM refusals WHERE at >= :since AND at < :until GROUP BY status",
                given,
            ).fetchall()
        )
        count += len(moved)
        seconds = _latency(journal, given, moved["seconds"].sort(), count)
    if len(moved):
        versions.update(dict(moved["version"].value_counts().iter_rows()))
        times = [at for at in (first, last) if at is not None] + [moved["at"].min(), moved["at"].max()]
        first, last = min(times), max(times)
    return Health(
        since=since,
        until=until,
        predictions=count,
        outcomes=outcomes + int(moved["labelled"].sum()),
        refusals=sum(refused.values()),
        refusals_by_status=refused,
        predictions_by_version=dict(versions),
        first=None if first is None else from_micros(first),
        last=None if last is None else from_micros(last),
        seconds=seconds,
    )


def _latency(
    journal: Journal, window: dict[str, Any], moved: Iterable[float], count: int
) -> dict[str, float]:
    """Return the quantiles by rank (the smallest value that at least the share q does not exceed).

    moved: those of rows in files, sorted.  count: of all rows.
    """
    if count == 0:
        return {}
    wanted = {name: max(-(-int(q * 100) * count // 100), 1) - 1 for name, q in _QUANTILES.items()} | {
        "max": count - 1
    }
    # SQLite sorts with a bounded memory, spilling to disk; the rows are not held here.
    cursor = journal.db.execute(
        f"SELECT seconds FROM predictions p WHERE {IN_WINDOW} ORDER BY seconds", window
    )
    found = {}
    for rank, value in enumerate(heapq.merge((value for (value,) in cursor), moved)):
        found.update({name: float(value) for name, at in wanted.items() if at == rank})
    return {name: found[name] for name in wanted if name in found}


def _window(since: datetime | None, until: datetime | None) -> Window:
    return Window(0 if since is None else to_micros(since), LATEST if until is None else to_micros(until))


def _prediction(row: Sequence[Any]) -> Prediction:
    """row: begins with COLUMNS."""
    kept = KeptRow(*row)
    return Prediction(
        id=kept.id,
        row_id=kept.row_id,
        at=from_micros(kept.at),
        model=kept.model,
        version=kept.version,
        release=kept.release,
        row=json.loads(kept.input),
        prediction=kept.prediction,
        probability=kept.probability,
        margins=tuple(json.loads(kept.margins)),
        probabilities=None if kept.probabilities is None else json.loads(kept.probabilities),
        seconds=kept.seconds,
    )
