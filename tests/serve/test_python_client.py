"""The clients against a real service: typed answers, batches in order, retries, and errors that say where."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject
from tests.serve.test_server import free_port, server

import tenure
from tenure.client import Outcomes, Prediction, ServiceError
from tenure.client.requests import Retries
from tenure.journal.queries import count_predictions
from tenure.journal.tables import open_journal
from tenure.release.scorer import Scorer
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings

Rows = list[dict[str, Any]]


@pytest.fixture
def client(project: ServedProject) -> Iterator[tenure.Client]:
    with server(project) as (address, _), tenure.Client(address, batch=7) as client:
        yield client


def test_rows_are_answered_in_order_with_the_releases_scores(
    client: tenure.Client,
    rows: Rows,
    releases: dict[str, Path],
):
    assert client.is_ready()
    answers = client.predict(rows)
    scorer = Scorer.load(releases["first"])
    assert [a.probability for a in answers] == [scorer.score_row(row).probability for row in rows]
    one = client.predict(rows[0], explain=2)
    assert isinstance(one, Prediction)
    assert len(one.reasons) == 2
    assert one.base + sum(r.effect for r in one.reasons) + one.rest == pytest.approx(one.score)
    told = client.send_outcomes(
        [{"id": a.id, "outcome": "Yes"} for a in answers] + [{"id": "0", "outcome": "No"}]
    )
    assert told == Outcomes(recorded=len(rows), unknown=["0"])


def test_a_refusal_names_the_row_by_its_place_in_what_was_given(client: tenure.Client, rows: Rows):
    with pytest.raises(ServiceError, match="422: 1 bad cell") as caught:
        client.predict([*rows[:20], {**rows[20], "months": "many"}])
    assert (caught.value.status, [(p.row, p.column) for p in caught.value.problems]) == (
        422,
        [(20, "months")],
    )
    assert caught.value.request


def test_nobody_there_is_told_with_the_address():
    address = f"http://127.0.0.1:{free_port()}"
    with tenure.Client(address, retries=1) as client:
        assert not client.is_ready()
        with pytest.raises(ServiceError, match="did not answer") as caught:
            client.predict({"months": 1})
    assert caught.value.where == address


def in_process(settings: ServeSettings, work: Any, **options: Any) -> Any:
    async def main() -> Any:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with tenure.AsyncClient("http://test", transport=transport, **options) as client:
                return await work(client)

    return asyncio.run(main())


def test_a_service_with_no_room_is_asked_again_until_all_is_answered(
    settings: ServeSettings,
    rows: Rows,
    project: ServedProject,
):
    async def work(client: tenure.AsyncClient) -> list[Prediction]:
        return await client.predict(rows[:12])

    narrow = replace(settings, max_waiting=2)
    answers = in_process(narrow, work, batch=1, together=6, retries=20)
    wanted = in_process(settings, work)
    assert [a.probability for a in answers] == [a.probability for a in wanted]
    with closing(open_journal(project.journal)) as db:
        assert count_predictions(db) == 24


def test_a_token_is_sent(settings: ServeSettings, rows: Rows):
    async def work(client: tenure.AsyncClient) -> Prediction:
        assert await client.is_ready()
        return await client.predict(rows[0])

    guarded = replace(settings, tokens=("secret",))
    assert in_process(guarded, work, token="secret").id
    with pytest.raises(ServiceError, match="401"):
        in_process(guarded, work)


def test_what_may_have_been_done_is_not_sent_again():
    assert Retries(3).after_error(never_sent=False) is None
    assert Retries(3).after_answer(500, {}) is None
    pauses = Retries(2)
    first, second = pauses.after_error(never_sent=True), pauses.after_answer(503, {"retry-after": "2"})
    assert first is not None
    assert second is not None
    assert 0.1 <= first < 0.2
    assert second >= 2.0
    assert pauses.after_error(never_sent=True) is None


def test_rows_beside_bad_ones(settings: ServeSettings, rows: Rows):
    async def work(client: tenure.AsyncClient) -> list[Prediction]:
        return await client.predict([rows[0], {**rows[1], "months": "many"}])

    good, bad = in_process(replace(settings, skip_bad_rows=True), work)
    assert good.id
    assert not good.problems
    assert bad.id is None
    assert [(p.row, p.column) for p in bad.problems] == [(1, "months")]
