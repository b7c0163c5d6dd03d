from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.journal.builders import make_prediction

from tenure.errors import JournalError
from tenure.journal.entries import GivenOutcome, NewRefusal
from tenure.journal.queries import (
    count_predictions,
    events,
    find_outcome,
    find_prediction,
    refusals,
)
from tenure.journal.tables import Journal
from tenure.journal.writer import add_outcomes, add_predictions, add_refusals, record_event


@pytest.mark.parametrize("n_rows", [0, 1, 63, 64, 65, 500])
def test_predictions_are_there_afterwards(journal: Journal, n_rows: int):
    rows = [make_prediction() for _ in range(n_rows)]
    add_predictions(journal, rows)
    assert count_predictions(journal) == n_rows
    if rows:
        assert find_prediction(journal, rows[-1].id).id == rows[-1].id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20).filter(lambda t: "\x00" not in t)
)
def test_bits_and_text_are_kept(journal: Journal, number: float, text: str):
    import msgspec

    row = {"x": number, "name": text}
    given_row = make_prediction(
        prediction=number,
        probability=number,
        margins=f"[{number!r}]",
        input=msgspec.json.encode(row).decode(),
    )
    add_predictions(journal, [given_row])
    found = find_prediction(journal, given_row.id)
    for kept in (found.row["x"], found.prediction, found.probability, found.margins[0]):
        assert struct.pack("d", kept) == struct.pack("d", number) or kept == number == 0
    assert found.row["name"] == text


def test_a_twice_written_id_is_refused_whole(journal: Journal):
    first, second = make_prediction(), make_prediction()
    add_predictions(journal, [first])
    with pytest.raises(JournalError):
        add_predictions(journal, [second, first])
    assert count_predictions(journal) == 1


def test_a_full_disk_is_named_and_all_or_nothing(in_file: Journal):
    journal = in_file
    pages = journal.db.execute("PRAGMA page_count").fetchone()[0]
    journal.db.execute(f"PRAGMA max_page_count={pages + 5}")
    with pytest.raises(JournalError, match="full") as caught:
        add_predictions(journal, [make_prediction() for _ in range(500)])
    assert caught.value.todo == "free space on its disk"
    assert count_predictions(journal) == 0
    journal.db.execute("PRAGMA max_page_count=1000000")
    add_predictions(journal, [make_prediction()])
    assert count_predictions(journal) == 1


def test_outcomes_by_prediction_and_by_row(journal: Journal):
    old, new, other = make_prediction("7590"), make_prediction("7590"), make_prediction()
    add_predictions(journal, [old, new, other])
    report = add_outcomes(
        journal,
        [
            GivenOutcome(None, "7590", "Yes"),
            GivenOutcome(other.id, None, "No"),
            GivenOutcome("nobody", None, "No"),
            GivenOutcome(None, "also nobody", "No"),
        ],
    )
    assert (report.recorded, report.already, report.corrected) == (2, 0, 0)
    assert report.unknown == ("nobody", "also nobody")
    assert find_outcome(journal, new.id).outcome == "Yes"
    assert find_outcome(journal, old.id) is None


def test_an_id_that_is_unknown_falls_back_to_the_row(journal: Journal):
    prediction = make_prediction("7590")
    add_predictions(journal, [prediction])
    assert add_outcomes(journal, [GivenOutcome("7590", "7590", "Yes")]).recorded == 1


def test_outcomes_are_idempotent_and_corrections_keep_history(journal: Journal):
    prediction = make_prediction()
    add_predictions(journal, [prediction])
    reports = [
        add_outcomes(journal, [GivenOutcome(prediction.id, None, value)])
        for value in ("Yes", "Yes", "No", "Yes")
    ]
    assert [(r.recorded, r.already, r.corrected) for r in reports] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
        (0, 0, 1),
    ]
    outcome = find_outcome(journal, prediction.id)
    assert outcome.outcome == "Yes"
    assert [value for value, _ in outcome.earlier] == ["Yes", "No"]


def test_events_are_kept_in_order(journal: Journal):
    ids = [
        record_event(journal, kind, {"n": n, "é": None}) for n, kind in enumerate(["run", "review", "run"])
    ]
    assert [event.id for event in events(journal)] == ids
    assert [event.body["n"] for event in events(journal, "run")] == [0, 2]


def test_an_event_holds_no_nan(journal: Journal):
    with pytest.raises(ValueError, match="JSON"):
        record_event(journal, "run", {"auc": float("nan")})


def test_refusals_are_kept(journal: Journal):
    add_refusals(journal, [NewRefusal(10, 422, '[{"column": "tenure"}]')])
    assert [(r.status, r.problems) for r in refusals(journal)] == [(422, [{"column": "tenure"}])]
