"""A project with a promoted release, served in process or by a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.builders import build_release, make_table
from tests.serve.project import ServedProject, promote, serving

from tenure.journal.tables import Journal, open_journal
from tenure.serve.settings import ServeSettings

Client = httpx.AsyncClient


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Release folders: two binary ones, one multiclass, one linear regression."""
    folder = tmp_path_factory.mktemp("releases")
    return {
        "first": build_release(folder, seed=0),
        "second": build_release(folder, seed=1),
        "multiclass": build_release(folder, "multiclass"),
        "regression": build_release(folder, "regression", linear=True),
    }


@pytest.fixture
def project(tmp_path: Path, releases: dict[str, Path]) -> ServedProject:
    """A project folder whose champion is the first binary release, as version 1."""
    project = ServedProject(tmp_path, releases)
    promote(project, "first", "1")
    return project


@pytest.fixture
def settings(project: ServedProject) -> ServeSettings:
    return ServeSettings(
        pointer=project.pointer, journal=project.journal, title="customers", poll_seconds=0.02
    )


@pytest.fixture
def serve(settings: ServeSettings) -> Callable[..., Any]:
    """Run an async function of a client against a service, and return its result."""

    def run(work: Callable[[Client], Awaitable[Any]], changed: ServeSettings | None = None) -> Any:
        async def main() -> Any:
            async with serving(changed or settings) as (client, _):
                return await work(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def post(serve: Callable[..., Any]) -> Callable[..., httpx.Response]:
    """Send one POST to a fresh service and return the answer."""

    def send(path: str, changed: ServeSettings | None = None, **request: Any) -> httpx.Response:
        async def work(client: Client) -> httpx.Response:
            return await client.post(path, **request)

        return serve(work, changed)

    return send


@pytest.fixture
def journal(project: ServedProject) -> Iterator[Journal]:
    with closing(open_journal(project.journal)) as db:
        yield db


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Raw rows that the releases have not seen, without their outcomes."""
    return make_table(60, seed=9).drop("churn").to_dicts()
