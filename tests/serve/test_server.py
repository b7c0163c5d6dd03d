from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from tests.journal.builders import to_text
from tests.serve.project import ServedProject, promote

from tenure.errors import JournalError, ProjectError, ReleaseError
from tenure.journal.place import Place
from tenure.journal.queries import count_predictions, predictions_between
from tenure.journal.tables import open_journal
from tenure.release.scorer import Scorer
from tenure.serve.server import run
from tenure.serve.settings import ServeSettings

SERVER = """
import os
import sys
from pathlib import Path
from tests.journal.builders import place_of
from tenure.serve.server import run
from tenure.serve.settings import ServeSettings

if __name__ == "__main__":
    pointer, journal, port, workers = sys.argv[1:]
    traces = "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ
    settings = ServeSettings(Path(pointer), journal=place_of(journal), poll_seconds=0.05, traces=traces)
    run(settings, port=int(port), workers=int(workers))
"""


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(project: ServedProject, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real service in a process of its own, ready; ended at the end if it still runs."""
    script = project.root / "serve.py"
    script.write_text(SERVER)
    port = free_port()
    command = [sys.executable, script, project.pointer, to_text(project.journal), str(port), str(workers)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.PIPE) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(address, process)
            yield address, process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(15)


def wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError("not ready in time")


def ids_in_journal(path: Place) -> list[str]:
    with closing(open_journal(path)) as db:
        return [prediction.id for page in predictions_between(db) for prediction in page]


def post_until_it_breaks(address: str, rows: list[Any], answered: list[str], seed: int) -> None:
    choose = random.Random(seed)
    try:
        with httpx.Client(base_url=address) as client:
            while True:
                batch = choose.choices(rows, k=choose.choice([1, 1, 5]))
                found = client.post("/predict", json=batch).json()["predictions"]
                answered.extend(prediction["id"] for prediction in found)
    except httpx.TransportError:
        pass


def kill_under_load(
    project: ServedProject, rows: list, answered: list[str], wait: Callable[[], None]
) -> None:
    """Start a service, keep four clients at it, and kill it when wait returns. answered: gets the ids they saw."""
    with server(project) as (address, process):
        clients = [
            threading.Thread(target=post_until_it_breaks, args=(address, rows, answered, seed))
            for seed in range(4)
        ]
        for client in clients:
            client.start()
        wait()
        process.send_signal(signal.SIGKILL)
        for client in clients:
            client.join()


def check_kept(project: ServedProject, answered: list[str]) -> None:
    """Every answered id is in the journal, once."""
    kept = ids_in_journal(project.journal)
    assert len(kept) == len(set(kept))
    assert len(answered) == len(set(answered))
    assert set(answered) <= set(kept)


def test_killed_under_load_every_answered_id_is_in_the_journal_once(project: ServedProject, rows: list):
    answered: list[str] = []
    for round_number in range(2):

        def wait(enough: int = len(answered) + 300) -> None:
            while len(answered) < enough:
                time.sleep(0.005)

        kill_under_load(project, rows, answered, wait)
        assert len(answered) >= 300 * (round_number + 1)
    check_kept(project, answered)


def test_models_are_switched_under_load_without_a_failed_request(project: ServedProject, rows: list):
    expected = {
        version: [Scorer.load(project.releases[name]).score_row(row).probability for row in rows]
        for version, name in (("1", "first"), ("2", "second"))
    }
    seen: list[tuple[str, int, float]] = []
    failures: list[object] = []
    stop = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(base_url=address) as client:
            while not stop.is_set():
                index = len(seen) % len(rows)
                answer = client.post("/predict", json=rows[index])
                if answer.status_code != 200:
                    failures.append(answer.text)
                    continue
                body = answer.json()
                seen.append((body["model"]["version"], index, body["predictions"][0]["probability"]))

    with server(project) as (address, _):
        clients = [threading.Thread(target=ask, args=(address,)) for _ in range(4)]
        for client in clients:
            client.start()
        for version in ("2", "1", "2"):
            promote(project, {"1": "first", "2": "second"}[version], version)
            deadline = time.monotonic() + 10
            while (not seen or seen[-1][0] != version) and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.1)
        stop.set()
        for client in clients:
            client.join()
    assert failures == []
    assert {version for version, _, _ in seen} == {"1", "2"}
    assert all(probability == expected[version][index] for version, index, probability in seen)
    assert len(ids_in_journal(project.journal)) == len(seen)


def test_several_workers_share_journal_and_metrics_and_stop_together(project: ServedProject, rows: list):
    with server(project, workers=2) as (address, process):
        for row in rows[:20]:
            # A new connection each time, so that both workers get some.
            assert httpx.post(f"{address}/predict", json=row).status_code == 200
        metrics = httpx.get(f"{address}/metrics").text
        process.terminate()
        assert process.wait(15) == 0
    counted = [line for line in metrics.splitlines() if line.startswith("tenure_predictions_total")]
    assert sum(float(line.rpartition(" ")[2]) for line in counted) == 20
    with closing(open_journal(project.journal)) as db:
        assert count_predictions(db) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_and_prints_nothing(project: ServedProject, rows: list, number: int):
    with server(project) as (address, process):
        httpx.post(f"{address}/predict", json=rows)
        process.send_signal(number)
        output, _ = process.communicate(timeout=15)
        assert process.returncode == 0
    assert output == b""
    assert len(ids_in_journal(project.journal)) == len(rows)
    assert not project.journal.with_name("journal.db-wal").exists()


def test_bytes_that_are_no_http_harm_nobody(project: ServedProject, rows: list):
    with server(project) as (address, _):
        port = int(address.rpartition(":")[2])
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for garbage in (
            b"\x00\xff\r\n\r\n",
            head + b"Content-Length: -5\r\n\r\n{}",
            head + b"Content-Length: 99999999999999999999\r\n\r\n{}",
            head + b"Content-Length: 100\r\n\r\n{",
            head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            with closing(socket.create_connection(("127.0.0.1", port))) as connection:
                connection.sendall(garbage)
        assert httpx.post(f"{address}/predict", json=rows[0]).status_code == 200


def test_mistakes_are_clear_before_anything_is_served(project: ServedProject):
    settings = ServeSettings(pointer=project.pointer, journal=project.journal)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ProjectError, match=f"port {port} of 127.0.0.1 is taken") as caught:
            run(settings, port=port)
        assert "--port" in str(caught.value)
    with pytest.raises(ProjectError):
        run(settings, host="no such host", port=free_port())
    with pytest.raises(ProjectError):
        run(settings, port=70_000)
    project.journal.write_bytes(b"not a database, but a text of some length\n" * 100)
    with pytest.raises(JournalError):
        run(settings, port=free_port())
    project.pointer.write_text(json.dumps({"name": "x", "version": "1", "release": "absent"}))
    for workers in (1, 2):
        with pytest.raises(ReleaseError):
            run(settings, port=free_port(), workers=workers)
