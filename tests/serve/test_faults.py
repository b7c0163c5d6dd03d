"""What breaks around a running service, and what its clients and its journal then have. Each on a real process."""

from __future__ import annotations

import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.serve.project import ServedProject
from tests.serve.test_server import (
    check_kept,
    free_port,
    ids_in_journal,
    kill_under_load,
    post_until_it_breaks,
    server,
    wait_until_ready,
)

from tenure.journal.day_files import list_days
from tenure.journal.move import days_here, move_day
from tenure.journal.tables import open_journal

Rows = list[dict[str, Any]]


@pytest.mark.slow
def test_killed_at_fifty_moments_acknowledged_ids_are_journal_ids_once(project: ServedProject, rows: Rows):
    choose = random.Random(0)
    answered: list[str] = []
    for _ in range(50):
        kill_under_load(project, rows, answered, lambda: time.sleep(choose.uniform(0.0, 0.4)))
    assert len(answered) > 1000
    check_kept(project, answered)


@pytest.mark.slow
def test_two_services_share_one_journal(project: ServedProject, rows: Rows):
    answered: list[str] = []
    with ExitStack() as stack:
        servers = [stack.enter_context(server(project)) for _ in range(2)]
        clients = [
            threading.Thread(target=post_until_it_breaks, args=(address, rows, answered, seed))
            for seed, (address, _) in enumerate(servers * 2)
        ]
        for client in clients:
            client.start()
        time.sleep(1.0)
        for _, process in servers:
            process.terminate()
        for client in clients:
            client.join()
    assert len(answered) > 100
    assert sorted(answered) == sorted(ids_in_journal(project.journal))


@pytest.mark.slow
def test_without_descriptors_open_connections_are_answered_and_new_ones_later(
    project: ServedProject, rows: Rows
):
    with server(project) as (address, process):
        used = len(os.listdir(f"/proc/{process.pid}/fd"))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 8, used + 8))
        host, port = address.removeprefix("http://").split(":")
        with httpx.Client(base_url=address) as early:
            assert early.post("/predict", json=rows[0]).status_code == 200
            flood = []
            for _ in range(30):
                flood.append(socket.create_connection((host, int(port)), 2))
            time.sleep(0.2)
            assert early.post("/predict", json=rows[0]).status_code == 200
            for connection in flood:
                connection.close()
        time.sleep(1.5)  # the loop tries to accept again after a second
        assert httpx.post(f"{address}/predict", json=rows[0], timeout=5).status_code == 200


def test_a_day_is_moved_while_its_predictions_are_still_coming_in(project: ServedProject, rows: Rows):
    answered: list[str] = []
    n_moves = 0
    with server(project, workers=2) as (address, process), closing(open_journal(project.journal)) as journal:
        clients = [
            threading.Thread(target=post_until_it_breaks, args=(address, rows, answered, seed))
            for seed in range(3)
        ]
        for client in clients:
            client.start()
        deadline = time.monotonic() + 30
        while (len(answered) < 1500 or n_moves < 10) and time.monotonic() < deadline:
            for day in days_here(journal, "9999-12-31"):
                move_day(journal, day)
                n_moves += 1
        process.terminate()
        for client in clients:
            client.join()
        assert list_days(journal.days) != []
    assert len(answered) >= 1500
    assert sorted(answered) == sorted(ids_in_journal(project.journal))


def test_half_requests_and_slow_clients_hold_nobody_up(project: ServedProject, rows: Rows):
    with server(project) as (address, _), ExitStack() as stack:
        host, port = address.removeprefix("http://").split(":")
        halves = [
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le",
            b"POST /predict HTTP/1.1\r\nHost: x\r\n",
        ]
        halves.append(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
        for number in range(150):
            connection = stack.enter_context(socket.create_connection((host, int(port)), 2))
            connection.sendall(halves[number % 3])
        started = time.perf_counter()
        for row in rows[:20]:
            assert httpx.post(f"{address}/predict", json=row, timeout=5).status_code == 200
        assert time.perf_counter() - started < 5


SERVICE = """
import sys
from pathlib import Path
from tenure.serve.server import run
from tenure.serve.settings import ServeSettings
run(ServeSettings(pointer=Path(sys.argv[1]), journal=Path(sys.argv[2])), port=int(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a file system can be mounted by root only")
def test_a_disk_that_fills_up_gives_no_answer_that_is_not_kept(
    project: ServedProject, rows: Rows, tmp_path: Path
):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-c", SERVICE, project.pointer, disk / "journal.db", str(port)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with subprocess.Popen(list(map(str, command)), env=environment) as process:
            try:
                wait_until_ready(address, process)
                answered: list[str] = []
                status = 200
                with httpx.Client(base_url=address) as client:
                    for _ in range(2000):
                        answer = client.post("/predict", json=rows[:20])
                        status = answer.status_code
                        if status != 200:
                            break
                        answered += [prediction["id"] for prediction in answer.json()["predictions"]]
                    assert status == 503
                    assert client.get("/livez").status_code == 200
                    subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
                    assert client.post("/predict", json=rows[0]).status_code == 200
            finally:
                process.terminate()
                process.wait(15)
        assert set(answered) <= set(ids_in_journal(disk / "journal.db"))
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
