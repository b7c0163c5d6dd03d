"""MLflow's scoring protocol, SageMaker's and Vertex AI's: the answers are those of /predict."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote

import tenure
from tenure.release.scorer import Scorer
from tenure.serve.settings import ServeSettings

FORMS = ("dataframe_records", "dataframe_split", "instances", "inputs")


def body_of(form: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if form == "dataframe_split":
        names = list(rows[0])
        return {form: {"columns": names, "index": [0], "data": [[row[n] for n in names] for row in rows]}}
    if form == "inputs":
        return {form: {name: [row[name] for row in rows] for name in rows[0]}}
    return {form: rows}


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as JSON holds them."""
    return json.loads(json.dumps(rows, default=str))


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_answered_as_the_logged_model_answers(post: Any, rows: list, releases: dict, form: str):
    answer = post("/invocations", json=body_of(form, plain(rows)))
    assert answer.status_code == 200, answer.text
    scores = [Scorer.load(releases["first"]).score_row(row) for row in rows]
    assert answer.json()["predictions"] == [
        {"prediction": score.prediction, "probability": score.probability} for score in scores
    ]
    assert len(set(answer.json()["ids"])) == len(rows)


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8"])
def test_csv_gives_the_same_bits(post: Any, rows: list, content_type: str):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(plain(rows))
    answer = post("/invocations", content=text.getvalue().encode(), headers={"content-type": content_type})
    wanted = post("/invocations", json={"instances": plain(rows)})
    assert answer.json()["predictions"] == wanted.json()["predictions"]


def test_several_classes_and_numbers(post: Any, rows: list, project: ServedProject):
    promote(project, "multiclass", "1")
    (told,) = post("/invocations", json={"instances": plain(rows[:1])}).json()["predictions"]
    assert list(told) == ["prediction", "probability_basic", "probability_plus", "probability_pro"]
    promote(project, "regression", "1")
    (told,) = post("/invocations", json={"instances": plain(rows[:1])}).json()["predictions"]
    assert list(told) == ["prediction"]


def test_nan_is_an_empty_cell_as_mlflows_client_writes_it(post: Any, rows: list):
    row = {**plain(rows[:1])[0], "charge": None}
    wanted = post("/invocations", json={"instances": [row]})
    text = json.dumps({"instances": [row]}).replace('"charge": null', '"charge": NaN')
    answer = post("/invocations", content=text.encode(), headers={"content-type": "application/json"})
    assert "NaN" in text
    assert answer.json()["predictions"] == wanted.json()["predictions"]


# body, content type, status, what the answer says: as MLflow 3.17's server answers
ERRORS: dict[str, tuple[Any, str, int, str]] = {
    "not JSON": ("{", "application/json", 400, "not JSON"),
    "a list": ("[1]", "application/json", 400, "exactly one of the input fields"),
    "a text": ('"a"', "application/json", 400, "exactly one of the input fields"),
    "no key": ('{"rows": []}', "application/json", 400, "exactly one of the input fields"),
    "two keys": (
        '{"inputs": [], "instances": []}',
        "application/json",
        400,
        "exactly one of the input fields",
    ),
    "no rows": ('{"instances": []}', "application/json", 400, "no rows"),
    "records that are none": ('{"dataframe_records": [1]}', "application/json", 400, "list of objects"),
    "a split without data": (
        '{"dataframe_split": {"columns": ["a"]}}',
        "application/json",
        400,
        "dataframe_split",
    ),
    "a ragged split": (
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}',
        "application/json",
        400,
        "row 0 of dataframe_split",
    ),
    "columns of two lengths": ('{"inputs": {"a": [1], "b": [1, 2]}}', "application/json", 400, "one length"),
    "NaN in what is no JSON": ("{NaN", "application/json", 400, "not JSON"),
    "a missing column": ('{"instances": [{"months": 3}]}', "application/json", 400, "row 0"),
    "ragged CSV": ("a,b\n1\n", "text/csv", 400, "row 0 has 1 cells"),
    "empty CSV": ("", "text/csv", 400, "empty"),
    "a header alone": ("a,b\n", "text/csv", 400, "no rows"),
    "a column twice": ("a,a\n1,2\n", "text/csv", 400, "twice"),
    "another type": ("a", "text/plain", 415, "only supports the following content types"),
    "another charset": ("a", "text/csv; charset=latin-1", 415, "only supports UTF-8"),
    "another parameter": (
        "a",
        "text/csv; header=present",
        415,
        "Unrecognized content type parameters: header",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_mlflows_form(post: Any, name: str):
    body, content_type, status, said = ERRORS[name]
    answer = post("/invocations", content=body.encode(), headers={"content-type": content_type})
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.headers["content-type"].startswith("text/plain")
        assert said in answer.text
    else:
        assert answer.json().keys() == {"error_code", "message"}
        assert answer.json()["error_code"] == "BAD_REQUEST"
        assert said in answer.json()["message"]


def test_ping_health_and_version(serve: Any, project: ServedProject):
    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in ("/ping", "/health", "/version")]

    ping, health, version = serve(work)
    assert (ping.status_code, ping.text, health.status_code) == (200, "\n", 200)
    assert version.text == tenure.__version__
    project.pointer.unlink()
    assert [answer.status_code for answer in serve(work)] == [404, 404, 200]


def test_vertex_ai_names_its_routes(
    post: Any, serve: Any, rows: list, monkeypatch: pytest.MonkeyPatch, settings: ServeSettings
):
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "/models/7:predict")
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/models/7")
    answer = post("/models/7:predict", json={"instances": plain(rows[:2]), "parameters": {"explain": 1}})
    wanted = post("/predict", json=plain(rows[:2])).json()["predictions"]
    assert [p["probability"] for p in answer.json()["predictions"]] == [p["probability"] for p in wanted]
    assert [len(p["reasons"]) for p in answer.json()["predictions"]] == [1, 1]
    assert post("/models/7:predict", json=plain(rows[:2])).status_code == 422
    assert post("/models/7:predict", json={"instances": [1]}).status_code == 422
    assert (
        post(
            "/models/7:predict", json={"instances": plain(rows[:1]), "parameters": {"explain": "x"}}
        ).status_code
        == 422
    )
    assert (
        post("/models/7:predict", replace(settings, tokens=("t",)), json={"instances": []}).status_code == 401
    )

    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get("/models/7")

    assert serve(work).json()["status"] == "ready"


def test_explain_gives_every_effect_unless_told_how_many(post: Any, rows: list):
    (every,) = post("/explain", json=rows[0]).json()["predictions"]
    assert len(every["reasons"]) == 7
    assert every["rest"] == 0.0
    (two,) = post("/explain?explain=2", json=rows[0]).json()["predictions"]
    assert two["reasons"] == every["reasons"][:2]
