"""Real servers for tests: PostgreSQL, MariaDB, S3 (moto) and an HTTP API that fails; each on a loopback port."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

PASSWORD = "s3cret/p@ss"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binary(name: str) -> str:
    found = shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[::-1]), None
    )
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _user(name: str) -> str | None:
    """The account that a server runs under: it refuses to be root."""
    if os.getuid() != 0:
        return None
    if subprocess.run(["id", name], capture_output=True, check=False).returncode:
        pytest.skip(f"running as root, and there is no user {name}")
    return name


@contextlib.contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tenure-", ignore_cleanup_errors=True) as name:
        if user:
            shutil.chown(name, user)
        yield Path(name)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    raise AssertionError(f"the server does not start: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def _running(command: list[str], port: int, folder: Path, user: str | None) -> Iterator[None]:
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, user=user)
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Stoppable:
    """A PostgreSQL server that a test may stop and start. address: of its database, with the password."""

    address: str
    _command: list[str]
    _port: int
    _folder: Path
    _user: str | None
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._folder / "server.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdout=out, stderr=out, cwd=self._folder, user=self._user
            )
        _wait_for(self._port, self._process, log)
        for _ in range(100):  # after a crash it listens before it answers
            if (
                "ready to accept connections"
                in log.read_text(errors="replace").rpartition("starting Postgre")[2]
            ):
                return
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: connections are cut; SIGQUIT: so is the server, which recovers when it starts."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)


@contextlib.contextmanager
def stoppable_postgresql() -> Iterator[Stoppable]:
    """A PostgreSQL server of its own, running; it flushes to disk."""
    initdb, postgres = _binary("initdb"), _binary("postgres")
    user, port = _user("postgres"), free_port()
    with _folder(user) as folder:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            f"{initdb} -D {folder}/db -U tester -A scram-sha-256 --pwfile={secret} -E UTF8 --no-sync".split(),
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        command = [postgres, "-D", f"{folder}/db", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
        address = with_password(f"postgresql://tester:${{PGPASSWORD}}@127.0.0.1:{port}/postgres")
        server = Stoppable(address, command, port, folder, user)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of its own; gives the address of its database, with the password as ${PGPASSWORD}."""
    with stoppable_postgresql() as server:
        yield server.address.replace(quote(PASSWORD, safe=""), "${PGPASSWORD}")


def with_password(address: str) -> str:
    """The address of a server with its password in the place of the reference."""
    return re.sub(r"\$\{\w+\}", quote(PASSWORD, safe=""), address)


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server of its own; gives the address of its database, with the password as ${MYSQL_PWD}."""
    install, server = _binary("mariadb-install-db"), _binary("mariadbd")
    user, port = _user("mysql"), free_port()
    with _folder(user) as folder:
        subprocess.run(
            [install, "--no-defaults", f"--datadir={folder}/db", "--auth-root-authentication-method=normal"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        script = folder / "init.sql"
        script.write_text(
            "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
            f"CREATE USER 'tester'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON shop.* TO 'tester'@'%';\n"
        )
        script.chmod(0o644)
        command = [
            *(server, "--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", f"--port={port}"),
            *(f"--datadir={folder}/db", f"--socket={folder}/sock", f"--pid-file={folder}/pid"),
            f"--init-file={script}",
        ]
        with _running(command, port, folder, user):
            yield f"mysql://tester:${{MYSQL_PWD}}@127.0.0.1:{port}/shop"


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """An S3-compatible server; gives its endpoint, for AWS_ENDPOINT_URL."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass
class Api:
    """An HTTP server that answers by a function, and remembers what it was asked.

    answer: takes path, query and headers; gives status, headers and body (JSON unless bytes), or None to cut
    the connection in the middle of the body.
    """

    address: str
    answer: Callable[[str, dict[str, str], dict[str, str]], tuple[int, dict[str, str], Any] | None]
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)


@contextlib.contextmanager
def http_api() -> Iterator[Api]:
    """A server whose answers the test decides."""
    api = Api("", lambda path, query, headers: (404, {}, {"error": "nothing here"}))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = (parts.path, dict(parse_qsl(parts.query)), dict(self.headers))
            api.asked.append(asked)
            answer = api.answer(*asked)
            if answer is None:
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                self.wfile.write(b'[{"id": 1')
                self.close_connection = True
                return
            status, headers, body = answer
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
