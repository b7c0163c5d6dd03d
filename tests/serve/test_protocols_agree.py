"""Whatever a row comes by, it gets the bits of Scorer.score_row, or the same refusal."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serve import messy_rows
from tests.serve.messy_rows import Row
from tests.serve.project import ServedProject, promote

from tenure.errors import RowsRefused
from tenure.journal.entries import names_a_row
from tenure.monitor.windows import text_table
from tenure.release.scorer import Scorer
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings

JSON, CSV = b"application/json", b"text/csv"
Ask = Callable[[str, bytes, bytes], tuple[int, Any]]


@pytest.fixture(
    scope="module",
    params=["first", *(pytest.param(r, marks=pytest.mark.slow) for r in ("multiclass", "regression"))],
)
def release(request: pytest.FixtureRequest, releases: dict[str, Path]) -> Path:
    return releases[request.param]


@pytest.fixture(scope="module")
def ask(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Send one request to a service in this process, without a client's or a server's part in it."""
    yield from asking(release, tmp_path_factory.mktemp("agree"), skip_bad_rows=False)


@pytest.fixture(scope="module")
def ask_skipping(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The same, where bad rows are told of in their places."""
    yield from asking(release, tmp_path_factory.mktemp("skipping"), skip_bad_rows=True)


def asking(release: Path, root: Path, *, skip_bad_rows: bool) -> Iterator[Ask]:
    project = ServedProject(root, {"only": release})
    promote(project, "only", "1")
    settings = ServeSettings(pointer=project.pointer, max_rows=1000, skip_bad_rows=skip_bad_rows)
    app = create_app(settings)
    app.service.champion.load()
    with asyncio.Runner() as runner:

        async def send_one(path: str, body: bytes, media: bytes) -> tuple[int, Any]:
            sent: list[dict[str, Any]] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            headers = [(b"content-type", media)]
            scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
            await app(scope, receive, send)
            return sent[0]["status"], json.loads(sent[1]["body"])

        yield lambda path, body, media=JSON: runner.run(send_one(path, body, media))


def bits(value: float) -> str:
    return struct.pack(">d", value).hex()


def wanted_of(scorer: Scorer, row: Row) -> str | list[str]:
    """The bits of a row's score, or the columns for which it is refused."""
    try:
        if not names_a_row(row.get("customer")):
            return ["customer"]
        score = scorer.score_row(row)
    except RowsRefused as refused:
        return sorted(problem.column for problem in refused.problems)
    return bits(score.prediction if score.probability is None else score.probability)


def told_by(answer: dict[str, Any]) -> str:
    return bits(answer["prediction"] if "probability" not in answer else answer["probability"])


def check(scorer: Scorer, ask: Ask, rows: list[Row]) -> None:
    wanted = [wanted_of(scorer, row) for row in rows]
    status, answer = ask("/predict", msgspec.json.encode(rows))
    if all(isinstance(one, str) for one in wanted):
        assert status == 200, answer
        assert [told_by(one) for one in answer["predictions"]] == wanted
    else:
        assert status == 422
        named = [(p["row"], p["column"]) for p in answer["problems"]]
        refused = [(i, c) for i, one in enumerate(wanted) if not isinstance(one, str) for c in one]
        assert sorted(named) == sorted(refused)
    for path, body, media in others(rows):
        said, told = ask(path, body, media)
        assert said == (200 if status == 200 else 400), (path, told)
        if said == 200:
            assert numbers_of(scorer, path, told) == numbers_of(scorer, "/predict", answer)


def others(rows: list[Row]) -> Iterator[tuple[str, bytes, bytes]]:
    yield "/invocations", messy_rows.as_records(rows), JSON
    if all(row.keys() == rows[0].keys() for row in rows):
        yield "/invocations", messy_rows.as_split(rows), JSON
        yield "/invocations", messy_rows.as_inputs(rows), JSON
        if (body := messy_rows.as_tensors(rows)) is not None:
            yield "/v2/models/customers/infer", body, JSON
        if all(type(cell) is str or cell is None for row in rows for cell in row.values()):
            yield "/invocations", messy_rows.as_csv(rows), CSV


def numbers_of(scorer: Scorer, path: str, answer: dict[str, Any]) -> list[Any]:
    """Label and chances of each row, whatever the protocol calls them."""
    if path.startswith("/v2"):
        found = {output["name"]: output["data"] for output in answer["outputs"]}
        flat = found.get("probabilities", found.get("probability", []))
        n = len(flat) // len(found["prediction"])
        return [(label, flat[i * n : (i + 1) * n]) for i, label in enumerate(found["prediction"])]
    return [(one["prediction"], _chances(scorer, one)) for one in answer["predictions"]]


def _chances(scorer: Scorer, answer: dict[str, Any]) -> list[float]:
    if scorer.task != "multiclass":
        return [answer["probability"]] if scorer.task == "binary" else []
    if "probabilities" in answer:
        return [answer["probabilities"][name] for name in scorer.classes]
    return [answer[f"probability_{name}"] for name in scorer.classes]


SETTINGS = settings(
    max_examples=int(os.environ.get("TENURE_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_rows_of_any_cells(release: Path, ask: Ask, rows: list[Row]):
    scorer, good = Scorer.load(release), json.loads(json.dumps(rows, default=str))

    @SETTINGS
    @given(st.lists(messy_rows.rows(good), min_size=1, max_size=6), st.sampled_from([0, 40, 300]))
    def agree(drawn: list[Row], n_more: int) -> None:
        more = (good * (n_more // len(good) + 1))[:n_more]
        check(scorer, ask, more + drawn)  # a long list goes by columns, and in pieces

    agree()


def test_rows_of_texts_alone(release: Path, ask: Ask, rows: list[Row]):
    """Here CSV can take part, and tensors nearly always; and a table of them is scored as the rows are."""
    scorer = Scorer.load(release)
    good = [{name: None if cell is None else str(cell) for name, cell in row.items()} for row in rows]

    @SETTINGS
    @given(st.lists(messy_rows.rows(good, st.none() | messy_rows.texts), min_size=1, max_size=6))
    def agree(drawn: list[Row]) -> None:
        check(scorer, ask, drawn)
        whole = [row for row in drawn if isinstance(wanted_of(scorer, row), str)]
        if whole:
            table = pl.DataFrame(text_table(whole, scorer.recipe))
            scores = scorer.score_table(table)
            found = [scorer.score_row(row) for row in whole]
            assert [bits(m) for m in scores.margins[:, 0]] == [bits(score.margins[0]) for score in found]

    agree()


def test_where_bad_rows_are_skipped_a_long_list_says_of_each_row_what_it_is_told_alone(
    ask_skipping: Ask, rows: list[Row]
):
    good = json.loads(json.dumps(rows, default=str))

    def alone(row: Row, place: int) -> dict[str, Any]:
        status, answer = ask_skipping("/predict", msgspec.json.encode(row))
        if status == 422:
            return {"problems": [{**problem, "row": place} for problem in answer["problems"]]}
        return told(answer["predictions"][0])

    def told(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "id"}

    @SETTINGS
    @given(st.lists(messy_rows.rows(good), min_size=1, max_size=6), st.integers(0, 200))
    def agree(drawn: list[Row], place: int) -> None:
        more = (good * 4)[:200]
        status, answer = ask_skipping("/predict", msgspec.json.encode(more[:place] + drawn + more[place:]))
        assert status == 200
        assert len({one["id"] for one in answer["predictions"] if "id" in one}) >= 200
        found = answer["predictions"][place : place + len(drawn)]
        assert [told(one) for one in found] == [alone(row, place + i) for i, row in enumerate(drawn)]

    agree()
