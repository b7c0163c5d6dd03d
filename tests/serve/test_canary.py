"""A version that answers a share of the rows: a row stays with one version, and the champion stands in for faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote, serving
from tests.serve.test_open_inference import tensors

from tenure.journal.queries import predictions_between
from tenure.journal.tables import Journal
from tenure.release.scorer import Scorer
from tenure.serve.canary import _falls_to_it
from tenure.serve.settings import Beside, ServeSettings

Rows = list[dict[str, Any]]


@pytest.fixture
def shared(settings: ServeSettings, project: ServedProject) -> ServeSettings:
    return replace(settings, canary=Beside("2", project.releases["second"], 0.4))


def ask(settings: ServeSettings, work: Callable[[httpx.AsyncClient], Any]) -> Any:
    """Run work when the version beside the champion is loaded, or given up."""

    async def main() -> Any:
        async with serving(settings) as (client, app):
            canary = app.service.canary
            for _ in range(300):
                if canary.model is not None:
                    break
                await asyncio.sleep(0.01)
            return await work(client)

    return asyncio.run(main())


def test_rows_fall_to_it_by_their_id_and_a_larger_share_keeps_them() -> None:
    rows = [{"customer": f"C-{n}", "x": n} for n in range(20_000)]
    some, more = ([n for n, row in enumerate(rows) if _falls_to_it(row, "customer", s)] for s in (0.1, 0.3))
    assert abs(len(some) / 20_000 - 0.1) < 0.01
    assert abs(len(more) / 20_000 - 0.3) < 0.015
    assert set(some) <= set(more)
    assert [n for n, row in enumerate(rows) if _falls_to_it({**row, "x": 0}, "customer", 0.1)] == some
    assert _falls_to_it({"customer": 7}, "customer", 0.5) == _falls_to_it({"customer": "7"}, "customer", 0.5)
    without = [n for n, row in enumerate(rows) if _falls_to_it({"x": row["x"]}, "customer", 0.1)]
    assert abs(len(without) / 20_000 - 0.1) < 0.01


@pytest.mark.parametrize("explain", [0, 2])
def test_each_row_is_answered_by_its_version_with_its_bits(
    shared: ServeSettings, journal: Journal, rows: Rows, project: ServedProject, explain: int
) -> None:
    async def work(client: httpx.AsyncClient) -> tuple[Any, list[Any], str]:
        url = f"/predict?explain={explain}" if explain else "/predict"
        together = (await client.post(url, json=rows)).json()
        alone = [(await client.post(url, json=row)).json() for row in rows]
        return together, alone, (await client.get("/metrics")).text

    together, alone, page = ask(shared, work)
    scorers = {"1": Scorer.load(project.releases["first"]), "2": Scorer.load(project.releases["second"])}
    assert together["model"]["version"] == "1"
    versions = []
    for row, answer, single in zip(rows, together["predictions"], alone, strict=True):
        version = answer.get("version", "1")
        versions.append(version)
        assert single["model"]["version"] == version
        for told in (answer, single["predictions"][0]):
            assert told["probability"] == scorers[version].score_row(row).probability
            assert len(told.get("reasons", [])) == explain
    n_two = versions.count("2")
    assert 0.2 < n_two / len(rows) < 0.6
    kept = [p for listed in predictions_between(journal) for p in listed]
    by_id = {p.id: p for p in kept}
    assert [by_id[p["id"]].version for p in together["predictions"]] == versions
    assert len(by_id) == len(kept) == 2 * len(rows)
    assert {p.release for p in kept if p.version == "2"} == {scorers["2"].manifest.release}
    assert f'tenure_canary_rows_total{{result="answered",version="2"}} {2 * n_two}.0' in page


def fail_on_live_rows(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    """Make one release fail on every row but those by which it is proven when it is loaded."""
    from tenure.serve import scoring

    predict_rows = scoring.predict_rows

    async def fail(model: Any, *given: Any, **named: Any) -> Any:
        if model.release == release:
            raise ZeroDivisionError("a fault")
        return await predict_rows(model, *given, **named)

    monkeypatch.setattr(scoring, "predict_rows", fail)


@pytest.mark.parametrize("fault", ["raises", "no release", "other target", "is the champion"])
def test_where_it_cannot_answer_the_champion_does(
    shared: ServeSettings,
    journal: Journal,
    rows: Rows,
    project: ServedProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    changed = shared
    if fault == "raises":
        fail_on_live_rows(monkeypatch, Scorer.load(project.releases["second"]).manifest.release)
    elif fault == "no release":
        changed = replace(shared, canary=Beside("2", tmp_path / "nothing", 0.4))
    elif fault == "other target":
        changed = replace(shared, canary=Beside("2", project.releases["regression"], 0.4))
    else:
        promote(project, "second", "2")

    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/predict", json=rows),
            *[await client.post("/predict", json=r) for r in rows[:20]],
        ]

    answers = ask(changed, work)
    assert {answer.status_code for answer in answers} == {200}
    champion = "2" if fault == "is the champion" else "1"
    assert {answer.json()["model"]["version"] for answer in answers} == {champion}
    assert all("version" not in p for answer in answers for p in answer.json()["predictions"])
    kept = [p.version for listed in predictions_between(journal) for p in listed]
    assert kept == [champion] * (len(rows) + 20)
    said = [record for record in caplog.records if record.name == "tenure.serve.canary"]
    assert len([record for record in said if record.levelno >= logging.WARNING]) == 1


@pytest.mark.parametrize("skip", [False, True])
def test_bad_rows_are_named_by_their_places(
    shared: ServeSettings, journal: Journal, rows: Rows, skip: bool
) -> None:
    bad = [3, 4, 11, 30]
    sent = [{**row, "charges": [1]} if place in bad else row for place, row in enumerate(rows)]

    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/predict", json=sent)

    answer = ask(replace(shared, skip_bad_rows=skip), work)
    if not skip:
        assert answer.status_code == 422
        assert [problem["row"] for problem in answer.json()["problems"]] == bad
        assert list(predictions_between(journal)) == []
        return
    predictions = answer.json()["predictions"]
    told = {place: p["problems"] for place, p in enumerate(predictions) if "problems" in p}
    assert sorted(told) == bad
    assert all(problem["row"] == place for place, problems in told.items() for problem in problems)
    assert {p.get("version") for p in predictions if "id" in p} == {None, "2"}
    assert len([p for listed in predictions_between(journal) for p in listed]) == len(rows) - len(bad)


def test_where_the_champions_rows_are_all_bad_the_others_are_answered(
    shared: ServeSettings, rows: Rows
) -> None:
    falls = [_falls_to_it(row, "customer", 0.4) for row in rows]
    sent = [row if mine else {**row, "charges": [1]} for row, mine in zip(rows, falls, strict=True)]

    async def work(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/predict", json=sent)

    answer = ask(replace(shared, skip_bad_rows=True), work)
    assert answer.status_code == 200
    assert [p.get("version") == "2" for p in answer.json()["predictions"]] == falls
    told = [p["problems"][0]["row"] for p in answer.json()["predictions"] if "problems" in p]
    assert told == [place for place, mine in enumerate(falls) if not mine]


def test_who_names_a_version_gets_it(shared: ServeSettings, journal: Journal, rows: Rows) -> None:
    inputs = tensors(rows)

    async def work(client: httpx.AsyncClient) -> None:
        for path in ("customers/versions/1", "customers"):
            answer = await client.post(f"/v2/models/{path}/infer", json={"inputs": inputs})
            assert answer.status_code == 200, answer.text
            assert answer.json()["model_version"] == "1"

    ask(shared, work)
    kept = [p.version for listed in predictions_between(journal) for p in listed]
    assert kept[: len(rows)] == ["1"] * len(rows)
    assert set(kept[len(rows) :]) == {"1", "2"}
