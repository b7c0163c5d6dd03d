"""POST /batch: a table of any length is taken in, scored by a process of its own, and fetched when it is done.

The process is `tenure predict`: the same answers, journal and bounded memory, and requests for single rows keep the
core that they are answered on. What is known of a job lies on disk, so that every worker tells the same of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from tenure.durable import write_durably
from tenure.journal.identifiers import new_id
from tenure.serve.limits import Refused
from tenure.serve.predict import count_reasons
from tenure.serve.service import Service

log = logging.getLogger(__name__)

_SUFFIXES = {
    "text/csv": ".csv",
    "application/x-ndjson": ".ndjson",
    "application/vnd.apache.parquet": ".parquet",
    "application/gzip": ".csv.gz",
}
_STATE, _RESULT = "state.json", "result.csv"
KEPT_SECONDS = 7 * 86_400.0
"""After so long a job is forgotten, with its table and its result."""


class BatchJobs:
    """The jobs of one service; they lie beside the champion file, in batches/."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._folder = service.settings.pointer.parent / "batches"
        self._turn = asyncio.Semaphore(1)  # a second one would take the core from the service
        self._running: dict[asyncio.Task[None], Path] = {}

    async def accept(self, request: Request) -> Response:
        """Take a table in, and start its job when its turn comes."""
        service = self._service
        service.guard.check_head(request.scope)
        suffix = _suffix_of(request.headers.get("content-type", ""))
        n_reasons = count_reasons(request.scope["query_string"])
        service.model()
        self._forget_old()
        job = self._folder / new_id()
        job.mkdir(parents=True)
        try:
            source = job / f"table{suffix}"
            await _store(request.stream(), source, service.settings.max_upload)
        except BaseException:
            shutil.rmtree(job, ignore_errors=True)
            raise
        _note(job, status="waiting", worker=os.getpid())
        task = asyncio.create_task(self._run(job, source, n_reasons))
        self._running[task] = job
        task.add_done_callback(self._running.pop)
        return JSONResponse(self._told(job), 202, headers={"location": f"/batch/{job.name}"})

    async def state(self, request: Request) -> Response:
        """What became of a job."""
        self._service.guard.check_head(request.scope, "GET")
        return JSONResponse(self._told(self._find(request)))

    async def result(self, request: Request) -> Response:
        """The scored table, when it is there."""
        self._service.guard.check_head(request.scope, "GET")
        job = self._find(request)
        told = self._told(job)
        if told["status"] != "done":
            raise Refused(
                409, f"the job is {told['status']}, and has no result", todo=f"GET /batch/{job.name}"
            )
        return FileResponse(job / _RESULT, media_type="text/csv", filename=f"{job.name}.csv")

    async def close(self) -> None:
        """End what runs; those jobs are told of as failed."""
        unfinished = dict(self._running)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        for job in unfinished.values():
            _note(job, status="failed", error="the service was stopped")

    async def _run(self, job: Path, source: Path, n_reasons: int) -> None:
        try:
            async with self._turn:
                await self._score(job, source, n_reasons)
        except Exception as error:
            log.exception("job %s failed", job.name)
            _note(job, status="failed", error=str(error))

    async def _score(self, job: Path, source: Path, n_reasons: int) -> None:
        explain = ["--explain", str(n_reasons)] if n_reasons else []
        project = ["--project", str(self._service.settings.root)]
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tenure", "predict", str(source), str(job / _RESULT), *explain, "--json"],
            *project,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._service.settings.root,
        )
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
        _note(job, status="running", worker=os.getpid())
        try:
            out, errors = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        if process.returncode:
            said = errors.decode(errors="replace").replace(f"{job}{os.sep}", "")  # no paths of this machine
            _note(job, status="failed", error=said.strip()[-2000:])
            return
        document = json.loads(out)
        _note(
            job,
            status="done",
            rows=document["rows"],
            problems=document["problems"],
            version=document["model"]["version"],
        )

    def _told(self, job: Path) -> dict[str, Any]:
        """The state of a job. An unfinished one whose worker has gone without a word is failed."""
        facts: dict[str, Any] = msgspec.json.decode((job / _STATE).read_bytes())
        worker = facts.pop("worker", None)
        is_mine = worker == os.getpid()
        if worker is not None and not (job in self._running.values() if is_mine else _is_alive(worker)):
            facts = {"status": "failed", "error": "the service was killed"}
        return {"id": job.name, **facts}

    def _find(self, request: Request) -> Path:
        name: str = request.path_params["job"]
        job = self._folder / name
        if not name.isalnum() or not (job / _STATE).is_file():
            raise Refused(404, f"there is no job {name!r}", todo="POST /batch starts one")
        return job

    def _forget_old(self) -> None:
        for job in self._folder.glob("*") if self._folder.is_dir() else ():
            if time.time() - job.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(job, ignore_errors=True)


async def _store(stream: AsyncIterator[bytes], path: Path, most: int) -> None:
    size = 0
    try:
        with path.open("wb") as file:
            async for part in stream:
                size += len(part)
                if size > most:
                    raise Refused(
                        413,
                        f"the table is larger than {most:,} bytes",
                        todo="cut it, or raise serve.max_upload",
                    )
                await asyncio.to_thread(file.write, part)
    except ClientDisconnect:
        raise Refused(400, "the table was cut off", todo="send it again") from None
    except OSError as error:
        raise Refused(
            507, f"the table cannot be kept: {error.strerror}", todo="make room on the disk"
        ) from None


def _suffix_of(content_type: str) -> str:
    media = content_type.partition(";")[0].strip().lower()
    if media not in _SUFFIXES:
        raise Refused(
            415, f"the content type is {media!r}, not one of {', '.join(_SUFFIXES)}", todo="name what is sent"
        )
    return _SUFFIXES[media]


def _note(job: Path, **facts: Any) -> None:
    write_durably(job / _STATE, msgspec.json.encode(facts))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
