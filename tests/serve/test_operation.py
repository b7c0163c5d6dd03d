"""What an operator sets and sees: tokens, limits, overload, request ids, logs, TLS."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import ssl
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, serving
from tests.serve.test_server import free_port

from tenure.errors import ConfigError
from tenure.journal.queries import count_predictions, find_prediction
from tenure.journal.redaction import Redaction
from tenure.journal.tables import open_journal
from tenure.serve.champion import load_model
from tenure.serve.logs import REQUEST, JsonLines
from tenure.serve.settings import ServeSettings

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_two_tokens_are_taken_while_one_is_replaced(post: Any, rows: list, settings: ServeSettings):
    guarded = replace(settings, tokens=("new", "old"))
    for token, status in (("new", 200), ("old", 200), ("other", 401), ("", 401)):
        answer = post("/predict", guarded, json=rows[0], headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/v2/models/customers/infer"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": "abc-1"}, "abc-1"),
        ({"traceparent": TRACE}, "0af7651916cd43dd8448eb211c80319c"),
        ({"x-request-id": "abc-1", "traceparent": TRACE}, "abc-1"),
        ({"x-request-id": "a" * 129}, None),
        ({"x-request-id": "a b"}, None),
        ({}, None),
    ],
)
def test_every_answer_names_its_request(post: Any, path: str, headers: dict[str, str], expected: str | None):
    answer = post(path, json={}, headers=headers)
    assert answer.status_code >= 400
    given = answer.headers["x-request-id"]
    assert given == expected if expected else len(given) == 32
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_beyond_the_limit_requests_are_refused_early_and_the_others_are_answered(
    settings: ServeSettings, rows: list, project: ServedProject
):
    async def work() -> list[httpx.Response]:
        async with serving(replace(settings, max_waiting=5)) as (client, _):
            together = await asyncio.gather(*(client.post("/predict", json=rows[0]) for _ in range(40)))
            afterwards = await client.post("/predict", json=rows[0])
            assert afterwards.status_code == 200
            return together

    answers = asyncio.run(work())
    refused = [answer for answer in answers if answer.status_code == 503]
    n_answered = sum(answer.status_code == 200 for answer in answers)
    assert n_answered >= 5
    assert n_answered + len(refused) == 40
    assert refused
    assert all(answer.headers["retry-after"] == "1" for answer in refused)
    with closing(open_journal(project.journal)) as db:
        assert count_predictions(db) == n_answered + 1


def test_a_request_that_has_waited_too_long_for_others_is_refused(settings: ServeSettings, rows: list):
    async def work() -> list[int]:
        async with serving(replace(settings, max_delay=1e-6)) as (_, app):
            body = json.dumps(rows[0]).encode()

            async def ask() -> int:
                sent: list[dict[str, Any]] = []

                async def receive() -> dict[str, Any]:
                    return {"type": "http.request", "body": body, "more_body": False}

                async def send(message: dict[str, Any]) -> None:
                    sent.append(message)

                scope = {
                    "type": "http",
                    "method": "POST",
                    "path": "/predict",
                    "headers": [],
                    "query_string": b"",
                }
                await app(scope, receive, send)
                return int(sent[0]["status"])

            together = await asyncio.gather(*(ask() for _ in range(10)))
            return [*together, await ask()]

    assert asyncio.run(work()) == [200, *[503] * 9, 200]


def test_a_body_that_does_not_arrive_is_not_waited_for(settings: ServeSettings):
    async def work() -> list[dict[str, Any]]:
        async with serving(replace(settings, patience=0.05)) as (_, app):
            sent: list[dict[str, Any]] = []
            parts = [{"type": "http.request", "body": b"[", "more_body": True}]

            async def receive() -> dict[str, Any]:
                if parts:
                    return parts.pop()
                await asyncio.sleep(60)
                raise AssertionError

            async def send(message: dict[str, Any]) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
            await app(scope, receive, send)
            return sent

    head, content = asyncio.run(work())
    assert head["status"] == 408
    assert "0.05 seconds" in json.loads(content["body"])["error"]


def test_good_rows_may_be_answered_beside_bad_ones(
    post: Any, serve: Any, rows: list, settings: ServeSettings, project: ServedProject
):
    lenient = replace(settings, skip_bad_rows=True)
    mixed = [rows[0], {**rows[1], "months": "many"}, rows[2], {**rows[3], "customer": {}}]

    async def work(client: httpx.AsyncClient) -> tuple[httpx.Response, str]:
        return await client.post("/predict", json=mixed), (await client.get("/metrics")).text

    answer, metrics = serve(work, lenient)
    first, second, third, fourth = answer.json()["predictions"]
    alone = post("/predict", json=[rows[0], rows[2]]).json()["predictions"]
    assert [first["probability"], third["probability"]] == [a["probability"] for a in alone]
    assert second == {
        "problems": [
            {"row": 1, "column": "months", "rule": "must be a number within ±1e38", "value": "'many'"}
        ]
    }
    assert [(p["row"], p["column"]) for p in fourth["problems"]] == [(3, "customer")]
    assert 'tenure_bad_cells_total{column="months",rule="must be a number within ±1e38"} 1.0' in metrics
    with closing(open_journal(project.journal)) as db:
        assert count_predictions(db) == 4
    only_bad = post("/predict", lenient, json=mixed[1:2])
    assert only_bad.status_code == 422


def test_json_logs_are_one_object_a_line_with_the_request():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("tenure.test")
    logger.addHandler(handler)
    token = REQUEST.set(b"r1")
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logger.exception("a\n%s", "b")
    finally:
        REQUEST.reset(token)
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"], told["request"]) == (
        "error",
        "tenure.test",
        "a\nb",
        "r1",
    )
    assert "ZeroDivisionError" in told["error"]


def test_tls(project: ServedProject, rows: list, tmp_path: Path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    settings = ServeSettings(pointer=project.pointer, certificate=certificate, key=key)

    async def work() -> int:
        import uvicorn

        from tenure.serve.app import create_app
        from tenure.serve.server import _config

        port = free_port()
        config = _config(create_app(settings), settings)
        config.host, config.port = "127.0.0.1", port
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.02)
        trust = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(verify=trust) as client:
            answer = await client.post(f"https://127.0.0.1:{port}/predict", json=rows[0])
        server.should_exit = True
        await running
        return answer.status_code

    assert asyncio.run(work()) == 200


def test_missing_cells_and_unseen_levels_are_counted_by_column(serve: Any, rows: list):
    whole = next(row for row in rows if None not in row.values())

    async def work(client: httpx.AsyncClient) -> str:
        await client.post(
            "/predict", json=[whole, {**whole, "charges": None}, {**whole, "contract": "Weekly"}]
        )
        return (await client.get("/metrics")).text

    metrics = serve(work)
    assert 'tenure_feature_missing_total{column="charges"} 1.0' in metrics
    assert 'tenure_feature_unseen_total{column="contract"} 1.0' in metrics
    assert metrics.count("tenure_feature_missing_total{") == 1


def test_relaxed_answers_soon_and_writes_all_before_it_stops(
    serve: Any, rows: list, settings: ServeSettings, project: ServedProject
):
    answer = serve(lambda client: client.post("/predict", json=rows), replace(settings, relaxed=True))
    assert answer.status_code == 200
    with closing(open_journal(project.journal)) as db:
        assert count_predictions(db) == len(rows)


def test_relaxed_does_not_go_on_answering_what_it_cannot_write(settings: ServeSettings, rows: list):
    async def work() -> tuple[list[int], int]:
        async with serving(replace(settings, relaxed=True)) as (client, app):
            pages = app.service.journal._journal.db.execute("PRAGMA page_count").fetchone()[0]
            await app.service.journal.call(
                lambda db: db.db.execute(f"PRAGMA max_page_count = {pages}").fetchall()
            )
            statuses = []
            for _ in range(60):
                statuses.append((await client.post("/predict", json=rows[0])).status_code)
                await asyncio.sleep(0.002)
            await app.service.journal.call(
                lambda db: db.db.execute("PRAGMA max_page_count = 1000000").fetchall()
            )
            return statuses, (await client.post("/predict", json=rows[0])).status_code

    statuses, afterwards = asyncio.run(work())
    assert statuses[-1] == 503
    assert statuses.index(503) >= 1, "the disk was full from the start"
    assert afterwards == 200


def test_relaxed_waits_where_too_much_is_not_written(tmp_path: Path):
    async def work() -> tuple[bool, bool, bool]:
        from tests.journal.builders import make_prediction

        from tenure.journal import group_commit

        journal = group_commit.GroupCommit(tmp_path / "journal.db")
        many = [make_prediction() for _ in range(group_commit.MOST_UNWRITTEN)]
        first, second = journal.add_soon(many), journal.add_soon([make_prediction()])
        await journal.add_predictions([make_prediction()])
        await asyncio.sleep(0)
        third = journal.add_soon([make_prediction()])
        await journal.close()
        return first, second, third

    assert asyncio.run(work()) == (True, False, True)


def test_personal_columns_are_not_kept_as_they_are(
    serve: Any, rows: list, settings: ServeSettings, project: ServedProject
):
    redaction = Redaction(frozenset({"phone"}), frozenset({"email"}), key="secret")
    sent = [{**row, "phone": "555", "email": "a@b.org"} for row in rows[:2]]
    answer = serve(lambda client: client.post("/predict", json=sent), replace(settings, redaction=redaction))
    assert answer.status_code == 200
    with closing(open_journal(project.journal)) as db:
        kept = [find_prediction(db, p["id"]).row for p in answer.json()["predictions"]]
    assert "555" not in project.journal.read_bytes().decode("latin-1")
    assert kept[0]["email"] == kept[1]["email"] != "a@b.org"
    assert {**kept[0], "email": None} == {**rows[0], "email": None}
    assert "secret" not in repr(redaction)


@pytest.mark.parametrize("column", ["months", "customer"])
def test_a_column_that_is_needed_cannot_be_left_out(settings: ServeSettings, column: str):
    with pytest.raises(ConfigError, match=column):
        load_model(settings.pointer, settings.root, Redaction(frozenset({column})))
