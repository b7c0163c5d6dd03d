"""The installed command, run as a user runs it, and the service in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TENURE = [sys.executable, "-m", "tenure"]
TELCO = ["--target", "Churn", "--positive", "Yes", "--id", "customerID"]


def run(*arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one tenure command."""
    done = subprocess.run([*TENURE, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done


def run_json(*arguments: str, cwd: Path) -> dict[str, Any]:
    """Run one tenure command that succeeds and return its document."""
    return dict(json.loads(run(*arguments, "--json", cwd=cwd).stdout))


@dataclass
class Service:
    """A running `tenure serve`."""

    project: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [*TENURE, "serve", "--project", str(self.project), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/readyz"):
                return
            time.sleep(0.02)
        raise AssertionError("the service did not become ready")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, how)
            self.process.wait(timeout=30)
            self.process = None

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def serving(project: Path) -> Iterator[Service]:
    """A service on this project, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        service = Service(project, probe.getsockname()[1])
    service.start()
    try:
        yield service
    finally:
        service.stop()
