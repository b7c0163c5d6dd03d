from __future__ import annotations

import time
from datetime import timedelta

import pytest
from tests.journal.builders import make_prediction

from tenure.journal.entries import GivenOutcome, NewRefusal, from_micros, row_key
from tenure.journal.identifiers import first_id_at
from tenure.journal.late import latest_here
from tenure.journal.queries import (
    count_predictions,
    events,
    find_prediction,
    health,
    labelled,
    predictions_between,
    predictions_of_row,
)
from tenure.journal.sqlite import RUN_BITS
from tenure.journal.tables import Journal
from tenure.journal.writer import add_outcomes, add_predictions, add_refusals, record_event

START = 1_700_000_000_000_000


def add_series(journal: Journal, n_rows: int) -> list[str]:
    """Add one prediction a microsecond from START on."""
    ids = []
    for number in range(n_rows):
        at = START + number
        identifier = first_id_at(at)[:-16] + f"8{number:015x}"
        ids.append(identifier)
        add_predictions(
            journal,
            [
                make_prediction(
                    str(number % 3), id=identifier, at=at, version=str(number // 10), seconds=number / 1000
                )
            ],
        )
    return ids


@pytest.mark.parametrize("batch", [1, 3, 20, 1000])
@pytest.mark.parametrize(("since", "until"), [(None, None), (5, 9), (0, 0), (7, None), (None, 1), (19, 40)])
def test_a_window_holds_exactly_its_rows(journal: Journal, since: int | None, until: int | None, batch: int):
    ids = add_series(journal, 20)
    edges = [None if edge is None else from_micros(START + edge) for edge in (since, until)]
    pages = list(predictions_between(journal, *edges, batch=batch))
    assert [p.id for page in pages for p in page] == ids[slice(since, until)]
    assert all(0 < len(page) <= batch for page in pages)
    assert count_predictions(journal, *edges) == len(ids[slice(since, until)])


def test_labelled_joins_in_time_order(journal: Journal):
    ids = add_series(journal, 20)
    add_outcomes(journal, [GivenOutcome(ids[n], None, f"label {n}") for n in (15, 3, 8)])
    pairs = list(labelled(journal, from_micros(START + 4), batch=1))
    assert [(p.id, outcome) for p, outcome in pairs] == [(ids[8], "label 8"), (ids[15], "label 15")]


def test_health_counts(journal: Journal):
    ids = add_series(journal, 20)
    add_outcomes(journal, [GivenOutcome(ids[5], None, "Yes")])
    add_refusals(
        journal,
        [NewRefusal(START + 2, 422, "[]"), NewRefusal(START + 3, 401, "[]"), NewRefusal(1, 422, "[]")],
    )
    found = health(journal, from_micros(START), from_micros(START + 20))
    assert (found.predictions, found.outcomes, found.refusals) == (20, 1, 2)
    assert found.refusals_by_status == {422: 1, 401: 1}
    assert found.predictions_by_version == {"0": 10, "1": 10}
    assert found.seconds == {"p50": 0.009, "p90": 0.017, "p99": 0.019, "max": 0.019}
    assert found.last - found.first == timedelta(microseconds=19)


def test_health_of_an_empty_window(journal: Journal):
    found = health(journal)
    assert (found.predictions, found.seconds, found.first) == (0, {}, None)


def test_a_row_is_found_with_its_predictions(journal: Journal):
    ids = add_series(journal, 7)
    assert [p.id for p in predictions_of_row(journal, "0")] == [ids[6], ids[3], ids[0]]
    assert find_prediction(journal, "nobody") is None


def test_the_predictions_of_a_row_are_found_by_an_index_in_runs(in_file: Journal):
    rows = [make_prediction(row_id) for row_id in ("a", "b", "a", "a", "b")]
    add_predictions(in_file, rows)
    for n, run in enumerate((0, 0, 1, 5, 5)):
        place = (run << RUN_BITS) + n
        in_file.db.execute("UPDATE predictions SET place = ? WHERE id = ?", (place, rows[n].id))
    assert [p.id for p in predictions_of_row(in_file, "a")] == [rows[3].id, rows[2].id, rows[0].id]
    assert latest_here(in_file, "b") == rows[4].id
    assert latest_here(in_file, "c") is None
    in_file.db.execute("DELETE FROM predictions WHERE id < ?", (rows[3].id,))
    assert [p.id for p in predictions_of_row(in_file, "a")] == [rows[3].id]
    plan = in_file.db.execute(
        f"EXPLAIN QUERY PLAN SELECT max(id) FROM predictions WHERE {in_file.db.of_row}", {"row_id": "a"}
    ).fetchall()
    assert "USING INDEX predictions_by_row" in plan[0][-1]
    assert not [step for *_, step in plan if step.startswith("SCAN predictions")]


def test_events_by_time(journal: Journal):
    record_event(journal, "run", {"n": 1})
    middle = events(journal)[0].at + timedelta(microseconds=1)
    time.sleep(0.001)
    record_event(journal, "run", {"n": 2})
    assert [e.body["n"] for e in events(journal, since=middle)] == [2]
    assert [e.body["n"] for e in events(journal, until=middle)] == [1]


@pytest.mark.parametrize(
    ("value", "key"),
    [("7590-VHVEG", "7590-VHVEG"), (" 7 ", "7"), (7, "7"), (7.0, "7"), (7.5, "7.5"), ([], None)],
)
def test_row_keys(value: object, key: str | None):
    assert row_key(value) == key
