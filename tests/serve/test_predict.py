from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject, promote, serving

from tenure.journal.queries import find_prediction, predictions_between, refusals
from tenure.journal.tables import Journal
from tenure.release.scorer import Scorer
from tenure.serve.settings import ServeSettings

JSON = {"content-type": "application/json"}


def test_one_row_is_answered_with_the_releases_own_score(post: Any, rows: list, releases: dict):
    answer = post("/predict", json=rows[0])
    score = Scorer.load(releases["first"]).score_row(rows[0])
    assert answer.status_code == 200
    assert answer.json()["model"] == {"name": "customers", "version": "1"}
    (prediction,) = answer.json()["predictions"]
    assert prediction.keys() == {"id", "prediction", "probability"}
    assert prediction["prediction"] == score.prediction
    assert prediction["probability"] == score.probability


def test_a_list_is_answered_in_order_and_is_in_the_journal(
    post: Any, rows: list, journal: Journal, releases: dict
):
    found = post("/predict", json=rows).json()["predictions"]
    scorer = Scorer.load(releases["first"])
    assert len(found) == len(rows)
    for answer, row in zip(found, rows, strict=True):
        kept = find_prediction(journal, answer["id"])
        assert kept.row == row
        assert kept.row_id == row["customer"]
        assert (kept.model, kept.version, kept.release) == ("customers", "1", scorer.manifest.release)
        assert (kept.prediction, kept.probability) == (answer["prediction"], answer["probability"])
        # Replayed from the journal alone, the bits are the same.
        again = scorer.score_row(kept.row)
        assert (again.margins, again.probability) == (kept.margins, answer["probability"])


def test_a_long_list_loads_what_makes_lists_quick_and_changes_no_bit(
    settings: ServeSettings, rows: list[dict[str, Any]]
):
    pytest.importorskip("numba", reason="extra explain")

    async def work() -> None:
        async with serving(settings) as (client, app):
            model = app.service.model()
            await client.post("/predict", json=rows)
            assert not model.scorer.predictor._is_warm
            first, *_ = [await client.post("/predict", json=rows * 5) for _ in range(2)]
            await asyncio.to_thread(model._warming.join)
            assert model.scorer.predictor._fast_margins is not None
            again = await client.post("/predict", json=rows * 5)
            told = [[p["probability"] for p in a.json()["predictions"]] for a in (first, again)]
            assert told[0] == told[1] == [model.scorer.score_row(row).probability for row in rows * 5]

    asyncio.run(work())


@pytest.mark.parametrize("n", [1, 3, 99])
def test_reasons_sum_to_the_score(post: Any, rows: list, n: int):
    for answer in post(f"/predict?explain={n}", json=rows[:5]).json()["predictions"]:
        assert len(answer["reasons"]) == min(n, 7)
        total = answer["base"] + sum(reason["effect"] for reason in answer["reasons"]) + answer["rest"]
        assert total == pytest.approx(answer["score"], abs=1e-12)
        assert answer["score"] == pytest.approx(answer["probability"], abs=1e-12)
        assert answer["reasons"][0].keys() == {"column", "value", "effect", "text"}


def test_several_classes_each_have_a_probability(post: Any, rows: list, project: ServedProject, journal: Any):
    promote(project, "multiclass", "1")
    (answer,) = post("/predict", json=rows[0]).json()["predictions"]
    assert answer["probabilities"].keys() == {"basic", "plus", "pro"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["probability"] == answer["probabilities"][answer["prediction"]]
    assert find_prediction(journal, answer["id"]).probabilities == answer["probabilities"]


def test_a_predicted_number_has_no_probability(post: Any, rows: list, project: ServedProject, journal: Any):
    promote(project, "regression", "1")
    (answer,) = post("/predict?explain=2", json=rows[0]).json()["predictions"]
    assert "probability" not in answer
    assert answer["score"] == pytest.approx(answer["prediction"])
    assert find_prediction(journal, answer["id"]).prediction == answer["prediction"]


def test_every_bad_cell_of_every_row_is_named_and_nothing_is_predicted(
    post: Any, rows: list, journal: Journal
):
    bad = [dict(row) for row in rows[:4]]
    bad[1]["months"] = "many"
    bad[1]["joined"] = [2021]
    del bad[3]["contract"]
    answer = post("/predict", json=bad)
    assert answer.status_code == 422
    named = [(p["row"], p["column"]) for p in answer.json()["problems"]]
    assert named == [(1, "months"), (1, "joined"), (3, "contract")]
    assert answer.json()["problems"][0] == {
        "row": 1,
        "column": "months",
        "rule": "must be a number within ±1e38",
        "value": "'many'",
    }
    assert list(predictions_between(journal)) == []
    assert [(r.status, len(r.problems)) for r in refusals(journal)] == [(422, 3)]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"months": NaN}', 400, "not JSON"),
        (b'{"months": Infinity}', 400, "not JSON"),
        (b'{"months": 1e999}', 400, "not JSON"),
        (b'{"months": ' + b"9" * 5000 + b"}", 400, "not JSON"),
        (b'{"note": "\xff\xfe"}', 400, "not JSON"),
        (b'{"note": "\\ud800"}', 400, "not JSON"),
        (b"\xef\xbb\xbf{}", 400, "not JSON"),
        (b"[" * 200_000, 400, "not JSON"),
        (b'{"a":' * 50_000, 400, "not JSON"),
        (b'{"months": 1, "months": 2}', 400, "twice"),
        (b'[{"note": {"a": 1, "a": 2}}]', 400, "twice"),
        (b"[]", 422, "empty"),
        (b"3", 422, "neither"),
        (b'"text"', 422, "neither"),
        (b"null", 422, "neither"),
        (b"[1, {}]", 422, "no objects"),
        (b"{}", 422, "bad cell"),
        (b"[[]]", 422, "no objects"),
    ],
    ids=repr,
)
def test_bodies_that_are_no_rows(post: Any, journal: Journal, body: bytes, status: int, word: str):
    answer = post("/predict", content=body, headers=JSON)
    assert answer.status_code == status
    assert word in answer.json()["error"]
    assert [r.status for r in refusals(journal)] == [status]


@pytest.mark.parametrize("number", [10**30, -(10**37), 2**64])
def test_huge_whole_numbers_are_numbers_or_refused(post: Any, rows: list, journal: Any, number: int):
    answer = post("/predict", json={**rows[0], "months": number, "unused": number})
    assert answer.status_code == 200
    kept = find_prediction(journal, answer.json()["predictions"][0]["id"])
    assert kept.row["unused"] == number
    assert post("/predict", json={**rows[0], "months": number * 10**30}).status_code == 422


def test_colons_and_keys_in_texts_are_no_double_keys(post: Any, rows: list):
    row = {**rows[0], "note": 'a: b, "note": c', "more": {"a": 1, "b": {"a": 1}}}
    assert post("/predict", json=row).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("application/vnd.rows+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
def test_content_types(post: Any, rows: list, content_type: str, status: int):
    answer = post("/predict", content=json.dumps(rows[0]), headers={"content-type": content_type})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "query", ["explain=many", "explain=-1", "explain=1.5", "explain=99999", "explian=3", "explain="]
)
def test_bad_parameters_are_named(post: Any, rows: list, query: str):
    answer = post(f"/predict?{query}", json=rows[0])
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["error"]


def test_other_methods_are_not_allowed(serve: Any):
    answer = serve(lambda client: client.get("/predict"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_large_body_is_refused_with_and_without_its_length(serve: Any, settings: ServeSettings, rows: list):
    small = replace(settings, max_body=1000)
    body = json.dumps(rows).encode()

    async def in_parts() -> Any:
        for start in range(0, len(body), 300):
            yield body[start : start + 300]

    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/predict", content=body, headers=JSON),
            await client.post("/predict", content=in_parts(), headers=JSON),
            await client.post("/outcomes", content=in_parts(), headers=JSON),
        ]

    answers = serve(work, small)
    assert [answer.status_code for answer in answers] == [413, 413, 413]
    assert "1,000 bytes" in answers[0].json()["error"]


def test_a_small_body_may_come_in_parts(post: Any, rows: list):
    async def in_parts() -> Any:
        for byte in json.dumps(rows[0]).encode():
            yield bytes([byte])

    assert post("/predict", content=in_parts(), headers=JSON).status_code == 200


def test_too_many_rows_are_refused(post: Any, settings: ServeSettings, rows: list):
    answer = post("/predict", replace(settings, max_rows=59), json=rows)
    assert answer.status_code == 422
    assert "60 rows" in answer.json()["error"]


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Bearer wrong", 401), ("secret", 401), ("Bearer é", 401), ("Bearer secret", 200)],
)
def test_a_token_is_needed_where_one_is_set(
    post: Any, settings: ServeSettings, rows: list, journal: Any, *, header: str | None, status: int
):
    headers = {} if header is None else {"authorization": header.encode()}
    answer = post("/predict", replace(settings, tokens=("secret",)), json=rows[0], headers=headers)
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert refusals(journal) == []  # strangers write nothing to the disk
    assert "secret" not in repr(replace(settings, tokens=("secret",)))


def test_without_a_journal_rows_are_answered_all_the_same(
    post: Any, settings: ServeSettings, rows: list, project: ServedProject
):
    answer = post("/predict", replace(settings, journal=None), json=rows[0])
    assert answer.status_code == 200
    assert not project.journal.exists()


def test_a_full_disk_gives_no_prediction(settings: ServeSettings, rows: list):
    async def work() -> list[httpx.Response]:
        async with serving(settings) as (client, app):
            journal = app.service.journal
            await journal.call(lambda db: db.db.execute("PRAGMA max_page_count=12").fetchall())
            full = await client.post("/predict", json=rows)
            alive = await client.get("/livez")
            await journal.call(lambda db: db.db.execute("PRAGMA max_page_count=100000").fetchall())
            return [full, alive, await client.post("/predict", json=rows)]

    full, alive, after = asyncio.run(work())
    assert full.status_code == 503
    assert "journal" in full.json()["error"]
    assert "predictions" not in full.json()
    assert [alive.status_code, after.status_code] == [200, 200]


def test_no_answer_holds_nan(post: Any, rows: list):
    for answer in post("/predict?explain=9", json=rows).json()["predictions"]:
        assert all(math.isfinite(reason["effect"]) for reason in answer["reasons"])


def test_a_mistake_of_ours_is_a_500_without_details(
    settings: ServeSettings, rows: list, monkeypatch: Any, caplog: Any
):
    def fail(*_: object) -> None:
        raise KeyError("inner detail")

    monkeypatch.setattr(Scorer, "score_row", fail)

    async def work() -> httpx.Response:
        async with serving(settings) as (client, app):
            app.service.champion.model = object.__new__(object)  # not a model at all
            return await client.post("/predict", json=rows[0])

    answer = asyncio.run(work())
    assert answer.status_code == 500
    assert "detail" not in answer.text
    assert "Traceback" in caplog.text
