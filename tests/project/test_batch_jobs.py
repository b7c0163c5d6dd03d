"""POST /batch on a real project: a table is taken in, scored as `tenure predict` scores it, and fetched."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import polars as pl
import pytest

from tenure.errors import ConfigError
from tenure.journal.queries import predictions_between
from tenure.journal.tables import open_journal
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.serve.settings import ServeSettings
from tests.project.conftest import quick
from tests.serve.project import serving

CSV = {"content-type": "text/csv"}


@pytest.fixture(scope="module")
def root(toy_tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("batch") / "wine"
    create_project(Folder(root), Request(str(toy_tables["wine"]), "target"))
    quick(root, "[logistic]").run()
    return root


@pytest.fixture
def settings(root: Path) -> ServeSettings:
    return ServeSettings(pointer=root / ".tenure" / "champion.json", journal=root / ".tenure" / "journal.db")


def ask(settings: ServeSettings, work: Any) -> Any:
    async def main() -> Any:
        async with serving(settings) as (client, _):
            return await work(client)

    return asyncio.run(main())


async def finished(client: httpx.AsyncClient, place: str) -> dict[str, Any]:
    for _ in range(600):
        told = (await client.get(place)).json()
        if told["status"] in ("done", "failed"):
            return told
        await asyncio.sleep(0.05)
    raise AssertionError(told)


def test_a_table_is_scored_as_predict_scores_it(
    settings: ServeSettings, root: Path, toy_tables: dict[str, Path], tmp_path: Path
):
    table = toy_tables["wine"].read_bytes()

    async def work(client: httpx.AsyncClient) -> tuple[dict[str, Any], bytes]:
        taken = await client.post("/batch?explain=1", content=table, headers=CSV)
        assert taken.status_code == 202
        assert taken.json()["status"] == "waiting"
        told = await finished(client, taken.headers["location"])
        result = await client.get(f"{taken.headers['location']}/result")
        assert result.headers["content-type"].startswith("text/csv")
        return told, result.content

    told, result = ask(settings, work)
    assert (told["status"], told["rows"], told["version"]) == ("done", 178, "1")
    Project.open(str(root)).predict(str(toy_tables["wine"]), str(tmp_path / "out.csv"), explain=1)
    wanted = pl.read_csv(tmp_path / "out.csv")
    assert pl.read_csv(io.BytesIO(result)).drop("id", strict=False).equals(wanted.drop("id", strict=False))


def test_what_cannot_be_scored_fails_with_the_reason(settings: ServeSettings):
    async def work(client: httpx.AsyncClient) -> tuple[dict[str, Any], httpx.Response]:
        taken = await client.post("/batch", content=b"a,b\n1,2\n", headers=CSV)
        told = await finished(client, taken.headers["location"])
        return told, await client.get(f"{taken.headers['location']}/result")

    told, result = ask(settings, work)
    assert told["status"] == "failed"
    assert "alcohol" in told["error"]
    assert result.status_code == 409


def test_refusals(settings: ServeSettings):
    async def work(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post("/batch", content=b"x", headers={"content-type": "text/plain"}),
            await client.post("/batch", content=b"x" * 200, headers=CSV),
            await client.post("/batch?explain=x", content=b"x", headers=CSV),
            await client.get("/batch/nothing"),
            await client.get("/batch/../champion.json"),
        ]

    answers = ask(replace(settings, max_upload=100), work)
    assert [answer.status_code for answer in answers] == [415, 413, 422, 404, 404]
    guarded = ask(replace(settings, tokens=("t",)), lambda client: client.get("/batch/nothing"))
    assert guarded.status_code == 401


def test_a_stopped_service_tells_of_its_unfinished_jobs(settings: ServeSettings, toy_tables: dict[str, Path]):
    async def leave(client: httpx.AsyncClient) -> str:
        taken = await client.post("/batch", content=toy_tables["wine"].read_bytes(), headers=CSV)
        return str(taken.headers["location"])

    place = ask(settings, leave)
    told = ask(settings, lambda client: client.get(place)).json()
    assert told["status"] == "failed"
    assert "stopped" in told["error"], json.dumps(told)


def test_predict_keeps_personal_columns_out_of_the_journal(
    root: Path, toy_tables: dict[str, Path], tmp_path: Path
):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    path = copy / "tenure.yaml"
    path.write_text(path.read_text().replace("serve: {", "serve: {personal: {leave_out: [phone]}, "))
    table = pl.read_csv(toy_tables["wine"]).head(3).with_columns(phone=pl.lit("555-1234"))
    table.write_csv(tmp_path / "new.csv")
    Project.open(str(copy)).predict(str(tmp_path / "new.csv"), str(tmp_path / "out.csv"))
    with closing(open_journal(copy / ".tenure" / "journal.db")) as db:
        kept = [prediction.row for page in predictions_between(db) for prediction in page]
    assert [row["alcohol"] for row in kept[-3:]] == [str(a) for a in table["alcohol"]]
    assert all("phone" not in row for row in kept)
    path.write_text(path.read_text().replace("leave_out: [phone]", "leave_out: [alcohol]"))
    with pytest.raises(ConfigError, match="alcohol"):
        Project.open(str(copy)).predict(str(tmp_path / "new.csv"), str(tmp_path / "out.csv"))
