"""The files of a project that a service reads, and the service in process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from tenure.durable import write_durably
from tenure.journal.place import Address, Place
from tenure.serve.app import PredictionApp, create_app
from tenure.serve.settings import ServeSettings


@dataclass(frozen=True)
class ServedProject:
    """root: the project's folder.  releases: name to release folder.  database: of its journal; None: a file."""

    root: Path
    releases: dict[str, Path]
    database: Address | None = None

    @property
    def pointer(self) -> Path:
        return self.root / ".tenure" / "champion.json"

    @property
    def journal(self) -> Place:
        return self.database or self.root / ".tenure" / "journal.db"


def promote(project: ServedProject, release: str, version: str) -> None:
    """Make a release the champion, as the registry does."""
    point_at(project, str(project.releases[release]), version)


def point_at(project: ServedProject, folder: str, version: str) -> None:
    project.pointer.parent.mkdir(exist_ok=True)
    body = {"name": "customers", "version": version, "release": folder}
    write_durably(project.pointer, json.dumps(body))


@contextlib.asynccontextmanager
async def serving(settings: ServeSettings) -> AsyncIterator[tuple[httpx.AsyncClient, PredictionApp]]:
    """Run a service in this process; yield a client of it, and the application."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client, app
