"""The Open Inference Protocol: its answers are those of /predict, its errors the protocol's."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote

import tenure
from tenure.journal.queries import find_prediction
from tenure.journal.tables import Journal
from tenure.release.scorer import Scorer
from tenure.serve.settings import ServeSettings

INFER = "/v2/models/customers/infer"


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One input a column: texts as BYTES, numbers as FP64."""
    found = []
    for name in rows[0]:
        data = [row[name] for row in rows]
        data = [value if value is None or type(value) in (str, int, float) else str(value) for value in data]
        is_text = any(type(value) is str for value in data)
        datatype = "BYTES" if is_text else "FP64"
        found.append({"name": name, "shape": [len(rows)], "datatype": datatype, "data": data})
    return found


def get(serve: Any, path: str, changed: ServeSettings | None = None) -> httpx.Response:
    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(path)

    return serve(work, changed)


def outputs(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {output["name"]: output for output in answer.json()["outputs"]}


def test_the_answers_are_the_releases_scores_and_are_in_the_journal(
    post: Any, rows: list, releases: dict, journal: Journal
):
    answer = post(INFER, json={"id": "a1", "inputs": tensors(rows)})
    found = outputs(answer)
    assert answer.json()["id"] == "a1"
    assert (answer.json()["model_name"], answer.json()["model_version"]) == ("customers", "1")
    scores = [Scorer.load(releases["first"]).score_row(row) for row in rows]
    assert found["probability"]["data"] == [score.probability for score in scores]
    assert found["prediction"]["data"] == [score.prediction for score in scores]
    assert found["probability"]["shape"] == [len(rows)]
    kept = [find_prediction(journal, name).probability for name in found["id"]["data"]]
    assert kept == found["probability"]["data"]


def test_several_classes_are_a_matrix(post: Any, rows: list, project: ServedProject, releases: dict):
    promote(project, "multiclass", "1")
    found = outputs(post("/v2/models/customers/versions/1/infer", json={"inputs": tensors(rows[:3])}))
    scores = [Scorer.load(releases["multiclass"]).score_row(row) for row in rows[:3]]
    assert found["probabilities"]["shape"] == [3, 3]
    assert found["probabilities"]["data"] == [p for score in scores for p in score.probabilities.values()]


def test_a_number_is_predicted_as_one(post: Any, rows: list, project: ServedProject, releases: dict):
    promote(project, "regression", "1")
    found = outputs(post(INFER, json={"inputs": tensors(rows[:3]), "outputs": [{"name": "prediction"}]}))
    assert list(found) == ["prediction"]
    scorer = Scorer.load(releases["regression"])
    assert found["prediction"]["data"] == [scorer.score_row(row).prediction for row in rows[:3]]
    assert found["prediction"]["datatype"] == "FP64"


def test_a_column_of_shape_n_1_is_a_column(post: Any, rows: list):
    plain = outputs(post(INFER, json={"inputs": tensors(rows[:4])}))
    nested = [
        {**tensor, "shape": [4, 1], "data": [[value] for value in tensor["data"]]}
        for tensor in tensors(rows[:4])
    ]
    assert outputs(post(INFER, json={"inputs": nested}))["probability"] == plain["probability"]


def test_tensors_may_follow_as_bytes(post: Any, rows: list):
    plain = outputs(post(INFER, json={"inputs": tensors(rows[:5])}))
    head, behind = [], b""
    for tensor in tensors(rows[:5]):
        data = tensor.pop("data")
        if tensor["datatype"] == "BYTES":
            texts = ["" if value is None else value for value in data]
            blob = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in texts)
        else:
            blob = struct.pack("<5d", *(float("nan") if value is None else value for value in data))
        head.append({**tensor, "parameters": {"binary_data_size": len(blob)}})
        behind += blob
    text = json.dumps({"inputs": head}).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    answer = post(INFER, content=text + behind, headers=headers)
    assert outputs(answer)["probability"] == plain["probability"]


def test_metadata_names_each_column_and_output(serve: Any, releases: dict):
    assert get(serve, "/v2").json() == {"name": "tenure", "version": tenure.__version__, "extensions": []}
    told = get(serve, "/v2/models/customers").json()
    recipe = Scorer.load(releases["first"]).recipe
    assert [tensor["name"] for tensor in told["inputs"]] == [recipe.id, *(c.name for c in recipe.inputs)]
    assert [tensor["name"] for tensor in told["outputs"]] == ["prediction", "probability", "id"]
    assert told["versions"] == ["1"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/health/live", {"live": True, "ready": True}),
        ("/v2/health/ready", {"live": True, "ready": True}),
        ("/v2/models/customers/ready", {"name": "customers", "ready": True}),
        ("/v2/models/customers/versions/1/ready", {"name": "customers", "ready": True}),
    ],
)
def test_health(serve: Any, path: str, body: dict[str, Any]):
    answer = get(serve, path)
    assert (answer.status_code, answer.json()) == (200, body)


def test_without_a_model_it_is_live_and_not_ready(
    serve: Any, settings: ServeSettings, project: ServedProject
):
    project.pointer.unlink()
    assert get(serve, "/v2/health/live").json() == {"live": True, "ready": False}
    assert get(serve, "/v2/health/ready").status_code == 400
    assert get(serve, "/v2/models/customers/ready").status_code == 503


def put(rows: list, place: int, **changes: Any) -> dict[str, Any]:
    inputs = tensors(rows)
    inputs[place] = {**inputs[place], **changes}
    return {"inputs": inputs}


BAD: dict[str, Any] = {
    "a list": (tensors, "must be an object"),
    "no inputs": (lambda rows: {}, "inputs must be a list"),
    "no rows": (
        lambda rows: {"inputs": [{"name": "a", "shape": [0], "datatype": "FP64", "data": []}]},
        "no rows",
    ),
    "a matrix": (lambda rows: put(rows, 1, shape=[1, 2], data=[1.0, 2.0]), "an input is a column"),
    "too few values": (lambda rows: put(rows, 1, data=[1.0]), "its shape says 2"),
    "another length": (lambda rows: put(rows, 1, shape=[1], data=[1.0]), "as many rows as one another"),
    "an unknown type": (lambda rows: put(rows, 1, datatype="FP8"), "datatype"),
    "not of its type": (lambda rows: put(rows, 1, datatype="INT64", data=[1, 1.5]), "row 1 of it is 1.5"),
    "out of its range": (lambda rows: put(rows, 1, datatype="UINT8", data=[1, 256]), "row 1 of it is 256"),
    "twice": (lambda rows: {"inputs": [*tensors(rows), tensors(rows)[1]]}, "twice"),
    "an unknown output": (
        lambda rows: {"inputs": tensors(rows), "outputs": [{"name": "nothing"}]},
        "no output",
    ),
    "bytes that are not there": (
        lambda rows: put(rows, 1, parameters={"binary_data_size": 8}),
        "0 bytes are left",
    ),
    "a bad cell": (lambda rows: put(rows, 2, datatype="BYTES", data=["1", "many"]), "row 1"),
    "a missing column": (lambda rows: {"inputs": tensors(rows)[:3]}, "row 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_with_one_text(post: Any, rows: list, name: str):
    make, said = BAD[name]
    answer = post(INFER, json=make(rows[:2]))
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert said in answer.json()["error"]


@pytest.mark.parametrize("path", ["/v2/models/other/infer", "/v2/models/customers/versions/7/infer"])
def test_another_model_is_not_found(post: Any, rows: list, path: str):
    answer = post(path, json={"inputs": tensors(rows[:1])})
    assert answer.status_code == 404
    assert "ask for 'customers', version '1'" in answer.json()["error"]


def test_the_limits_and_the_token_hold_here_too(post: Any, serve: Any, rows: list, settings: ServeSettings):
    short = replace(settings, max_rows=3)
    assert "more than 3" in post(INFER, short, json={"inputs": tensors(rows)}).json()["error"]
    guarded = replace(settings, tokens=("a token",))
    assert post(INFER, guarded, json={"inputs": tensors(rows)}).status_code == 401
    assert get(serve, INFER).status_code == 405
    assert post("/v2/models/customers", json={}).status_code == 405
    assert get(serve, "/v2/nowhere").status_code == 404
