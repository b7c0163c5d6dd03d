"""A version that only listens: what it says is kept and counted, and nothing of it touches an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote, serving

from tenure.errors import JournalError
from tenure.journal.entries import NewShadow
from tenure.journal.queries import count_predictions, find_shadows, predictions_between
from tenure.journal.tables import Journal
from tenure.release.scorer import Scorer
from tenure.serve import shadow
from tenure.serve.settings import Beside, ServeSettings

Rows = list[dict[str, Any]]


@pytest.fixture
def shadowed(settings: ServeSettings, project: ServedProject) -> ServeSettings:
    return replace(settings, shadow=Beside("2", project.releases["second"]))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that in 5 s")


def shadows(journal: Journal) -> list[NewShadow]:
    ids = [p.id for page in predictions_between(journal) for p in page]
    return [found for key in ids for found in find_shadows(journal, key)]


def counted(page: str, result: str) -> float:
    line = f'tenure_shadow_rows_total{{result="{result}",version="2"}} '
    return sum(float(text.removeprefix(line)) for text in page.splitlines() if text.startswith(line))


def test_what_it_would_have_answered_is_kept_beside_the_answer(
    serve: Any, shadowed: ServeSettings, journal: Journal, rows: Rows, project: ServedProject
) -> None:
    async def work(client: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
        answer = (await client.post("/predict", json=rows)).json()
        await until(lambda: len(shadows(journal)) == len(rows))
        return answer, (await client.get("/metrics")).text

    answer, page = serve(work, shadowed)
    assert answer["model"]["version"] == "1"
    first, second = (Scorer.load(project.releases[name]) for name in ("first", "second"))
    own = [second.score_row(row) for row in rows]
    found = shadows(journal)
    assert [s.prediction_id for s in found] == [p["id"] for p in answer["predictions"]]
    assert [(s.version, s.prediction, s.probability) for s in found] == [
        ("2", score.prediction, score.probability) for score in own
    ]
    assert [p["probability"] for p in answer["predictions"]] == [first.score_row(r).probability for r in rows]
    differing = sum(s.prediction != p["prediction"] for s, p in zip(own, answer["predictions"], strict=True))
    assert counted(page, "different") == differing
    assert counted(page, "same") == len(rows) - differing
    assert 'tenure_predictions_total{prediction="Yes",version="2"}' not in page
    assert count_predictions(journal) == len(rows)


@pytest.mark.parametrize("fault", ["score", "journal", "load"])
def test_a_fault_in_it_touches_no_answer(
    serve: Any,
    shadowed: ServeSettings,
    journal: Journal,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    changed = shadowed
    if fault == "load":
        changed = replace(shadowed, shadow=Beside("2", tmp_path / "nothing"))
    elif fault == "journal":

        def fail(*_: object, **__: object) -> None:
            raise JournalError("the disk is full")

        monkeypatch.setattr("tenure.journal.group_commit.add_shadows", fail)
    else:
        score_row = Scorer.score_row

        def break_on_live_rows(scorer: Scorer, row: dict[str, Any]) -> Any:
            if row in rows:  # not on the golden rows, by which a release is proven
                raise ZeroDivisionError
            return score_row(scorer, row)

        monkeypatch.setattr(Scorer, "score_row", break_on_live_rows)

    async def work(client: httpx.AsyncClient) -> list[int]:
        answers = [await client.post("/predict", json=row) for row in rows]
        await asyncio.sleep(0.2)
        answers.append(await client.get("/readyz"))
        return [answer.status_code for answer in answers]

    assert set(serve(work, changed)) == {200}
    assert count_predictions(journal) == len(rows)
    assert shadows(journal) == []


def test_rows_beyond_those_that_may_wait_are_dropped_and_counted(
    serve: Any, shadowed: ServeSettings, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "MOST_WAITING", 10)

    async def work(client: httpx.AsyncClient) -> str:
        assert (await client.post("/predict", json=rows)).status_code == 200
        return (await client.get("/metrics")).text

    assert counted(serve(work, shadowed), "dropped") == len(rows) - 10


def test_what_it_has_answered_itself_it_is_not_asked_again(
    serve: Any,
    shadowed: ServeSettings,
    journal: Journal,
    rows: Rows,
    project: ServedProject,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By its share, and then as the champion."""
    changed = replace(shadowed, canary=Beside("2", project.releases["second"], 0.4))

    def answered_by_the_first() -> set[str]:
        return {p.id for page in predictions_between(journal) for p in page if p.version == "1"}

    async def work(client: httpx.AsyncClient) -> None:
        answers: Rows = [{}]
        while not any(answer.get("version") == "2" for answer in answers):  # it is loaded beside
            answers = (await client.post("/predict", json=rows)).json()["predictions"]
        assert not all("version" in answer for answer in answers)
        await until(lambda: len(shadows(journal)) == len(answered_by_the_first()))
        promote(project, "second", "2")
        while (await client.post("/predict", json=rows)).json()["model"]["version"] != "2":
            await asyncio.sleep(0.05)
        await until(lambda: len(shadows(journal)) == len(answered_by_the_first()))

    serve(work, changed)
    assert {said.prediction_id for said in shadows(journal)} == answered_by_the_first()
    said = [
        r.getMessage() for r in caplog.records if r.name == "tenure.serve.shadow" and r.levelname == "WARNING"
    ]
    assert said == ["version 2 is the champion itself: it has nothing to add"]


def test_a_row_that_it_would_refuse_is_counted(
    settings: ServeSettings, journal: Journal, rows: Rows, project: ServedProject
) -> None:
    changed = replace(settings, shadow=Beside("2", project.releases["regression"]))

    async def work() -> str:
        async with serving(changed) as (client, _):
            bad = [{**row, "charges": "no number"} for row in rows[:1]]
            assert (await client.post("/predict", json=bad)).status_code == 422
            assert (await client.post("/predict", json=rows[0])).status_code == 200
            await until(lambda: len(shadows(journal)) == 1)
            return (await client.get("/metrics")).text

    page = asyncio.run(work())
    assert counted(page, "scored") == 1
