"""The service on real customers: killed in the middle, restarted, switched under load, rolled back."""

from __future__ import annotations

import csv
import http.client
import random
import signal
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tenure.journal.tables import open_journal
from tests.e2e.command import TELCO, Service, run, run_json, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def telco(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on the real telco table, with a first champion."""
    folder = tmp_path_factory.mktemp("telco")
    run("run", str(shared_data / "telco.csv"), *TELCO, "--budget", "10s", cwd=folder)
    return folder / "telco"


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "telco.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ask_until_it_dies(service: Service, rows: list[dict[str, str]], answered: list[str]) -> None:
    for row in rows:
        try:
            answered.append(service.post("/predict", row)["predictions"][0]["id"])
        except (OSError, http.client.HTTPException):  # an answer that broke off is none
            return


def test_no_answered_prediction_is_lost_or_doubled_by_a_kill(telco: Path, rows: list[dict[str, str]]):
    answered: list[str] = []
    with serving(telco) as service:
        for row in rows[:1000]:
            answered.append(service.post("/predict", row)["predictions"][0]["id"])
        client = threading.Thread(target=ask_until_it_dies, args=(service, rows[1000:2000], answered))
        client.start()
        while len(answered) < 1300 and client.is_alive():
            time.sleep(0.001)
        service.stop(signal.SIGKILL)
        client.join()
        service.start()
        answered.append(service.post("/predict", rows[0])["predictions"][0]["id"])
    assert 1300 <= len(answered) < 2000
    with closing(open_journal(telco / ".tenure" / "journal.db")) as db:
        kept = Counter(row[0] for row in db.db.execute("SELECT id FROM predictions"))
    assert [identifier for identifier in answered if kept[identifier] != 1] == []
    for identifier in random.Random(0).sample(answered, 10):
        assert run_json("trace", identifier, "--project", str(telco), cwd=telco)["id"] == identifier
        assert run_json("replay", identifier, "--project", str(telco), cwd=telco)["same"]


class Client(threading.Thread):
    """Asks for one row after another and keeps what was answered, by version, and what failed."""

    def __init__(self, service: Service, rows: list[dict[str, str]]) -> None:
        super().__init__()
        self.service, self.rows = service, rows
        self.stopping = threading.Event()
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            for row in self.rows:
                try:
                    self.versions[self.service.post("/predict", row)["model"]["version"]] += 1
                except OSError as error:
                    self.failures.append(str(error))


def probabilities(service: Service, rows: list[dict[str, str]]) -> list[float]:
    return [answer["probability"] for answer in service.post("/predict", rows)["predictions"]]


def wait_for(client: Client, version: str) -> None:
    before = client.versions[version]
    for _ in range(600):
        if client.versions[version] > before:
            return
        client.stopping.wait(0.05)
    raise AssertionError(f"version {version} never answered: {client.versions}, {client.failures}")


def outcome(row: dict[str, Any]) -> str:
    """After the shift, who pays more than 75 leaves, but for one in six: a world that the first champion does not know.

    Without exceptions the charge alone would tell the outcome, and the leakage gate would rightly refuse such rows.
    """
    is_exception = crc32(row["customerID"].encode()) % 6 == 0
    return "Yes" if (float(row["MonthlyCharges"]) > 75) != is_exception else "No"


def test_shift_review_switch_and_rollback(telco: Path, rows: list[dict[str, str]]):
    shifted = [
        {**row, "MonthlyCharges": f"{float(row['MonthlyCharges']) * 1.4:.2f}"} for row in rows[2000:4000]
    ]
    with serving(telco) as service:
        before = probabilities(service, rows[:200])
        for start in range(0, len(shifted), 500):
            answers = service.post("/predict", shifted[start : start + 500])["predictions"]
            labels = [
                {"id": a["id"], "outcome": outcome(r)}
                for a, r in zip(answers, shifted[start : start + 500], strict=True)
            ]
            assert service.post("/outcomes", labels)["recorded"] == len(labels)
        monitored = run("monitor", "--project", str(telco), cwd=telco, check=False)
        assert monitored.returncode == 1
        assert "MonthlyCharges" in monitored.stdout
        client = Client(service, rows[:50])
        client.start()
        try:
            review = run_json("review", "--budget", "10s", "--project", str(telco), cwd=telco)
            assert (review["verdict"], review["comparison"]["verdict"]) == ("retrain", "promote")
            wait_for(client, review["champion"])
            run("rollback", "--project", str(telco), cwd=telco)
            wait_for(client, "1")
        finally:
            client.stopping.set()
            client.join()
        assert client.failures == []
        assert set(client.versions) == {"1", review["champion"]}
        assert probabilities(service, rows[:200]) == before
