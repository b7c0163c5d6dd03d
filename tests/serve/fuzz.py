"""Bytes that a fuzzer makes, given to every route that takes a body.

    python fuzz.py RELEASE CORPUS [options of libFuzzer]

The first two bytes choose the route and where the JSON of a request with binary tensors ends; the others are the body.
Whatever they are, the answer must be JSON with a status that a client's mistake has, or 200.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["tenure.serve", "tenure.prepare.rows", "tenure.release"]):
    from tests.serve.project import ServedProject, promote

    from tenure.serve.app import PredictionApp, create_app
    from tenure.serve.settings import ServeSettings

ROUTES = [
    ("/predict", b"application/json"),
    ("/explain", b"application/json"),
    ("/invocations", b"application/json"),
    ("/invocations", b"text/csv"),
    ("/v2/models/customers/infer", b"application/json"),
    ("/v2/models/customers/infer", b"application/octet-stream"),
    ("/outcomes", b"application/json"),
]
EXPECTED = {200, 400, 413, 415, 422}


async def answer(app: PredictionApp, data: bytes) -> tuple[int, bytes]:
    route, cut, body = data[0] % len(ROUTES), data[1], data[2:]
    path, media = ROUTES[route]
    headers = [(b"content-type", media)]
    if cut != 255:
        headers.append((b"inference-header-content-length", str(min(cut * 8, len(body))).encode()))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def main() -> None:
    release, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        project = ServedProject(Path(folder), {"only": Path(release)})
        promote(project, "only", "1")
        app = create_app(ServeSettings(project.pointer, journal=Path(folder) / "journal.db"))
        context = app.router.lifespan_context(app)
        runner.run(context.__aenter__())

        def one_input(data: bytes) -> None:
            if len(data) < 2:
                return
            status, body = runner.run(answer(app, data))
            assert status in EXPECTED, (status, body)
            if body[:1] in b"{[":
                json.loads(body)

        atheris.Setup([sys.argv[0], *options], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
