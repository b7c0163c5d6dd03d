from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote

from tenure.journal.day_files import list_days
from tenure.journal.move import days_here, move_day
from tenure.journal.queries import find_outcome, labelled
from tenure.journal.tables import Journal
from tenure.serve.settings import ServeSettings


def test_outcomes_by_prediction_row_and_column(serve: Any, rows: list, journal: Journal):
    async def work(client: httpx.AsyncClient) -> tuple[list[str], list[dict[str, Any]]]:
        answer = await client.post("/predict", json=rows[:4])
        ids = [prediction["id"] for prediction in answer.json()["predictions"]]
        outcomes = [
            {"id": ids[0], "outcome": "Yes"},
            {"row_id": rows[1]["customer"], "outcome": "no"},
            {"customer": rows[2]["customer"], "outcome": " YES "},
            {"id": rows[3]["customer"], "row_id": rows[3]["customer"], "outcome": "No"},
            {"id": "nobody", "outcome": "No"},
        ]
        reports = [(await client.post("/outcomes", json=outcomes)).json() for _ in range(2)]
        reports.append((await client.post("/outcomes", json={"id": ids[0], "outcome": "No"})).json())
        return ids, reports

    ids, reports = serve(work)
    assert reports == [
        {"recorded": 4, "already": 0, "corrected": 0, "unknown": ["nobody"]},
        {"recorded": 0, "already": 4, "corrected": 0, "unknown": ["nobody"]},
        {"recorded": 0, "already": 0, "corrected": 1, "unknown": []},
    ]
    assert [(p.id, outcome) for p, outcome in labelled(journal)] == list(
        zip(ids, ["No", "No", "Yes", "No"], strict=True)
    )
    assert [value for value, _ in find_outcome(journal, ids[0]).earlier] == ["Yes"]


def test_every_bad_outcome_is_named_and_none_is_recorded(post: Any):
    answer = post(
        "/outcomes",
        json=[
            {"id": "a", "outcome": "Yes"},
            {"id": "b", "outcome": "maybe"},
            {"outcome": "Yes"},
            {"id": "c", "outcome": "No", "outcom": 1},
            7,
            {"id": "d"},
        ],
    )
    assert answer.status_code == 422
    problems = answer.json()["problems"]
    assert [(p["row"], p["column"]) for p in problems] == [
        (1, "outcome"),
        (2, "id"),
        (3, "outcom"),
        (4, ""),
        (5, "outcome"),
    ]
    assert problems[0]["rule"] == "must be one of 'No', 'Yes'"


@pytest.mark.parametrize("body", [[], {}, 3, "text"])
def test_a_body_without_outcomes(post: Any, body: Any):
    assert post("/outcomes", json=body).status_code == 422


@pytest.mark.parametrize(
    ("outcome", "status"), [(12, 200), ("12.5", 200), (True, 422), ("many", 422), (None, 422)]
)
def test_numbers_are_outcomes_of_a_regression(post: Any, project: ServedProject, outcome: Any, status: int):
    promote(project, "regression", "1")
    assert post("/outcomes", json=[{"id": "nobody", "outcome": outcome}]).status_code == status


def test_outcomes_need_a_journal_and_the_token(post: Any, settings: ServeSettings):
    outcome = [{"id": "a", "outcome": "Yes"}]
    assert post("/outcomes", replace(settings, journal=None), json=outcome).status_code == 409
    assert post("/outcomes", replace(settings, tokens=("secret",)), json=outcome).status_code == 401


def test_outcomes_of_moved_days_arrive_like_others(serve: Any, rows: list, journal: Journal):
    async def work(client: httpx.AsyncClient) -> tuple[list[str], list[dict[str, Any]]]:
        first = (await client.post("/predict", json=rows[:2])).json()["predictions"]
        await client.post("/outcomes", json=[{"id": first[0]["id"], "outcome": "Yes"}])
        for day in days_here(journal, "9999-12-31"):
            move_day(journal, day)
        second = (await client.post("/predict", json=rows[2:3])).json()["predictions"]
        outcomes = [
            {"id": first[0]["id"], "outcome": "No"},
            {"customer": rows[1]["customer"], "outcome": "Yes"},
            {"id": second[0]["id"], "outcome": "Yes"},
            {"id": "nobody", "outcome": "Yes"},
        ]
        reports = [(await client.post("/outcomes", json=outcomes)).json() for _ in range(2)]
        return [p["id"] for p in first + second], reports

    ids, reports = serve(work)
    assert list_days(journal.days) != []
    assert reports == [
        {"recorded": 2, "already": 0, "corrected": 1, "unknown": ["nobody"]},
        {"recorded": 0, "already": 3, "corrected": 0, "unknown": ["nobody"]},
    ]
    assert [(p.id, outcome) for p, outcome in labelled(journal)] == list(
        zip(ids, ["No", "Yes", "Yes"], strict=True)
    )
    assert [value for value, _ in find_outcome(journal, ids[0]).earlier] == ["Yes"]
