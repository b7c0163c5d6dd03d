"""The application run by uvicorn, in this process or in several."""

from __future__ import annotations

import errno
import functools
import gc
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenure.errors import ProjectError
from tenure.serve.logs import write_json_logs
from tenure.serve.settings import ServeSettings

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from tenure.serve.app import PredictionApp

log = logging.getLogger(__name__)

_GRACE_SECONDS = 10


class _Stopped(BaseException):
    """SIGTERM has come, and what was being answered is finished."""


def run(settings: ServeSettings, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serve until SIGINT or SIGTERM; requests that are being answered are finished first.

    Raises ReleaseError if the champion cannot be loaded, ProjectError if the port is taken, and
    JournalError if the journal cannot be opened, each before the first request is accepted.
    """
    if settings.json_logs:
        write_json_logs()
    listener = _listen(host, port)
    try:
        with _stop_at_signals():
            if workers == 1:
                _run_here(settings, listener)
            else:
                _run_workers(settings, listener, workers)
    finally:
        listener.close()


@contextmanager
def _stop_at_signals() -> Iterator[None]:
    """End the block, and not the process, when uvicorn has shut down at a signal and raises it again."""

    def stop(*_: object) -> None:
        raise _Stopped

    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if in_main else None
    try:
        yield
    except (KeyboardInterrupt, _Stopped):
        log.info("stopped")
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _run_here(settings: ServeSettings, listener: socket.socket) -> None:
    import uvicorn

    from tenure.serve.app import create_app

    app = create_app(settings)
    app.service.champion.load()
    _check_journal(settings)
    _say_where(settings, listener)
    server = uvicorn.Server(_config(_with_traces(app, settings), settings))
    _spare_the_collector()
    server.run(sockets=[listener])
    if not server.started:
        raise ProjectError("the service did not start", todo="read the lines above")


def _run_workers(settings: ServeSettings, listener: socket.socket, workers: int) -> None:
    from uvicorn.supervisors import Multiprocess

    from tenure.serve.champion import load_model
    from tenure.serve.metrics import SHARED_FOLDER

    # Once here, so that a mistake is one clear error and not one per worker.
    load_model(settings.pointer, settings.root, settings.redaction)
    _check_journal(settings)
    with tempfile.TemporaryDirectory(prefix="tenure-metrics-") as folder:
        # Read by prometheus_client when a worker imports it.
        os.environ[SHARED_FOLDER] = folder
        try:
            _say_where(settings, listener)
            config = _config(functools.partial(_make_app, settings), settings, workers)
            Multiprocess(config, sockets=[listener]).run()
        finally:
            del os.environ[SHARED_FOLDER]


def _make_app(settings: ServeSettings) -> ASGIApp:
    if settings.json_logs:  # in this worker's own process
        write_json_logs()
    from tenure.serve.app import create_app

    app = _with_traces(create_app(settings), settings)
    _spare_the_collector()
    return app


def _spare_the_collector() -> None:
    """Take what is here by now out of the garbage collector's rounds, each of which stops all requests."""
    gc.collect()
    gc.freeze()


def _with_traces(app: PredictionApp, settings: ServeSettings) -> ASGIApp:
    if not settings.traces:
        return app
    from tenure.serve.traces import traced

    return traced(app, settings.title)


def _config(
    app: ASGIApp | Callable[[], ASGIApp], settings: ServeSettings, workers: int = 1
) -> uvicorn.Config:
    import uvicorn

    return uvicorn.Config(
        app,
        factory=workers > 1,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )


def _check_journal(settings: ServeSettings) -> None:
    if settings.journal is not None:
        from tenure.journal.tables import open_journal

        open_journal(settings.journal).close()


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:  # getaddrinfo would cut it to 16 bits
        raise ProjectError(f"{port} is no port", todo="pass a --port from 1024 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ProjectError(f"{host!r} is no address: {error.strerror}", todo="pass another --host") from error
    try:
        # A restart need not wait until the system has forgotten the connections of the last run.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Bound but not listening yet: who connects before the model is loaded is refused, not kept waiting.
        return listener
    except OSError as error:
        listener.close()
        raise _no_port(host, port, error) from error


def _no_port(host: str, port: int, error: OSError) -> ProjectError:
    code = error.errno
    if code == errno.EADDRINUSE:
        return ProjectError(
            f"port {port} of {host} is taken", todo="end what listens there, or pass another --port"
        )
    if code == errno.EACCES:
        return ProjectError(
            f"port {port} needs more rights than this user has", todo="pass a --port above 1023"
        )
    return ProjectError(
        f"cannot listen on port {port} of {host}: {error}", todo="pass another --host or --port"
    )


def _say_where(settings: ServeSettings, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    scheme = "http" if settings.certificate is None else "https"
    log.info("%s://%s:%d/docs", scheme, f"[{host}]" if ":" in host else host, port)
