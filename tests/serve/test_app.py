from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, point_at, promote, serving

from tenure.serve.settings import ServeSettings

FORBIDDEN = "polars pandas scipy sklearn lightgbm xgboost catboost optuna mlflow sqlalchemy"


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_live_and_ready(serve: Any):
    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get("/livez"), await client.get("/readyz")]

    live, ready = serve(work)
    assert live.json() == {"status": "alive"}
    assert ready.json()["model"]["version"] == "1"


@pytest.mark.parametrize("fault", ["no pointer", "no release", "damaged", "not JSON"])
def test_without_a_loadable_model_it_is_alive_but_not_ready(
    serve: Any, project: ServedProject, rows: list, fault: str, tmp_path: Path
):
    if fault == "no pointer":
        project.pointer.unlink()
    elif fault == "not JSON":
        project.pointer.write_text('{"name": 3')
    elif fault == "no release":
        point_at(project, "releases/absent", "1")
    else:
        copy = _copy(project.releases["first"], tmp_path / "releases" / "damaged")
        (copy / "model.txt").write_bytes((copy / "model.txt").read_bytes()[:-10])
        point_at(project, "releases/damaged", "1")

    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.get("/livez"),
            await client.get("/readyz"),
            await client.post("/predict", json=rows[0]),
            await client.get("/openapi.json"),
            await client.get("/docs"),
        ]

    live, ready, predict, openapi, docs = serve(work)
    assert [a.status_code for a in (live, ready, predict, openapi, docs)] == [200, 503, 503, 200, 200]
    assert ready.json()["reason"]


def test_a_promoted_release_is_taken_into_service_and_rolled_back(
    settings: ServeSettings, project: Any, rows: list
):
    async def work() -> list[dict[str, Any]]:
        answers = []
        async with serving(settings) as (client, app):
            for release, version in (("first", "1"), ("second", "2"), ("first", "1")):
                promote(project, release, version)
                await until(lambda wanted=version: app.service.champion.model.version == wanted)
                answers.append((await client.post("/predict", json=rows[0])).json())
            metrics = (await client.get("/metrics")).text
        assert 'tenure_model_loads_total{result="loaded"} 3.0' in metrics
        return answers

    first, second, again = asyncio.run(work())
    assert [a["model"]["version"] for a in (first, second, again)] == ["1", "2", "1"]
    probabilities = [a["predictions"][0]["probability"] for a in (first, second, again)]
    assert probabilities[0] == probabilities[2] != probabilities[1]


def test_a_bad_promotion_is_refused_and_the_model_before_goes_on(
    settings: ServeSettings, project: Any, rows: list, caplog: Any
):
    async def work() -> tuple[dict[str, Any], str]:
        async with serving(settings) as (client, app):
            point_at(project, "releases/absent", "2")
            await until(lambda: app.service.champion.problem)
            answer = (await client.post("/predict", json=rows[0])).json()
            metrics = (await client.get("/metrics")).text
            promote(project, "second", "3")
            await until(lambda: app.service.champion.model.version == "3")
            assert app.service.champion.problem is None
            return answer, metrics

    answer, metrics = asyncio.run(work())
    assert answer["model"]["version"] == "1"
    assert 'tenure_model_loads_total{result="refused"} 1.0' in metrics
    assert "version 1 goes on" in caplog.text


def test_a_release_that_scores_otherwise_here_is_refused(
    settings: ServeSettings, project: ServedProject, monkeypatch: Any
):
    from tenure.errors import ReleaseError
    from tenure.release.scorer import Scorer

    def differ(self: Scorer) -> None:
        raise ReleaseError("golden row 0 gives other margins")

    monkeypatch.setattr(Scorer, "check_golden", differ)

    async def work() -> httpx.Response:
        async with serving(settings) as (client, _):
            return await client.get("/readyz")

    answer = asyncio.run(work())
    assert answer.status_code == 503
    assert "golden" in answer.json()["reason"]


def test_metrics_count_rows_refusals_and_outcomes(serve: Any, rows: list):
    async def work(client: httpx.AsyncClient) -> str:
        ids = (await client.post("/predict", json=rows[:10])).json()["predictions"]
        await client.post("/predict", content=b"{", headers={"content-type": "application/json"})
        await client.post(
            "/outcomes", json=[{"id": ids[0]["id"], "outcome": "Yes"}, {"id": "x", "outcome": "No"}]
        )
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    text = serve(work)
    counted = re.findall(r'tenure_predictions_total\{prediction="(\w+)",version="1"\} (\S+)', text)
    assert sum(float(number) for _, number in counted) == 10
    for line in (
        'tenure_refusals_total{status="400"} 1.0',
        'tenure_outcomes_total{result="recorded"} 1.0',
        'tenure_outcomes_total{result="unknown"} 1.0',
        'tenure_request_seconds_count{model="customers",route="/predict",version="1"} 1.0',
        "tenure_journal_seconds_count 1.0",
        "tenure_model_made_timestamp_seconds",
    ):
        assert line in text
    assert "_created" not in text


@pytest.mark.parametrize("release", ["first", "multiclass", "regression"])
def test_openapi_describes_this_models_own_columns(serve: Any, project: ServedProject, release: str):
    promote(project, release, "1")

    async def work(client: httpx.AsyncClient) -> dict[str, Any]:
        document = (await client.get("/openapi.json")).json()
        example = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"][
            "example"
        ]
        assert (await client.post("/predict", json=example)).status_code == 200
        return document

    document = serve(work)
    assert document["openapi"].startswith("3.1")
    row = document["components"]["schemas"]["Row"]
    assert row["properties"]["months"]["type"] == ["number", "string", "null"]
    assert "One year" in row["properties"]["contract"]["examples"]
    assert "months" in row["required"]
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]


@pytest.mark.parametrize("release", ["first", "multiclass", "regression"])
def test_every_example_of_the_document_is_answered(serve: Any, project: ServedProject, release: str):
    promote(project, release, "1")

    async def work(client: httpx.AsyncClient) -> dict[str, int]:
        found = {}
        for path, methods in (await client.get("/openapi.json")).json()["paths"].items():
            (operation,) = methods.values()
            places = {p["name"]: p.get("example") for p in operation.get("parameters", [])}
            if "get" in methods and None not in places.values():
                found[f"GET {path}"] = (await client.get(path.format(**places))).status_code
            body = (
                methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
            )
            if "example" in body:
                answer = await client.post(path.format(**places), json=body["example"])
                found[f"POST {path}"] = answer.status_code
        return found

    found = serve(work)
    assert set(found.values()) == {200}, found
    assert sum(name.startswith("POST") for name in found) == 5


def test_docs_is_one_page_that_needs_no_network(serve: Any, settings: ServeSettings):
    answer = serve(lambda client: client.get("/docs"), replace(settings, title="<script>alert(1)</script>"))
    assert answer.status_code == 200
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", answer.text)
    assert "<script>alert" not in answer.text
    for word in ("months", "contract", "One year", "/predict", "/outcomes", "/metrics"):
        assert word in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_unknown_paths_are_404(serve: Any):
    assert serve(lambda client: client.get("/predictt")).status_code == 404


def test_behind_a_prefix_predictions_work_too(settings: ServeSettings, rows: list):
    async def work() -> int:
        async with serving(settings) as (_, app):
            transport = httpx.ASGITransport(app=app, root_path="/models")
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return (await client.post("/models/predict", json=rows[0])).status_code

    assert asyncio.run(work()) == 200


def test_the_service_imports_no_library_of_training(project: ServedProject):
    code = f"""
import sys
from pathlib import Path
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings
app = create_app(ServeSettings(Path({str(project.pointer)!r})))
app.service.champion.load()
print([name for name in {FORBIDDEN.split()!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def _copy(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target
