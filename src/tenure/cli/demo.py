"""demo: the whole circle on simulated telecom customers, told step by step."""

from __future__ import annotations

import contextlib
import csv
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tenure.cli.execute import Result
from tenure.config import parse_duration
from tenure.errors import ProjectError

_CUSTOMERS, _MONTHS = 6000, 2
_ROWS_A_REQUEST = 200
_START_SECONDS = 60.0


def demo(args: Namespace) -> Result:
    """Simulate, run, serve, predict, take outcomes, review, switch, trace, roll back."""
    from tenure.project import Project
    from tenure.project.folder import Folder
    from tenure.project.setup import Request, create_project
    from tenure.simulate.telecom import simulate

    say: Callable[[str], None] = (lambda _: None) if args.json else (lambda text: print(text, flush=True))
    root = _free_folder(Path(args.project or "demo"))
    budget = parse_duration(args.budget)

    say(f"1. A telecom company: {_CUSTOMERS} customers with known churn, then {_MONTHS} live months.")
    say("   In the last month prices rise, and customers who pay by the month leave over the price.")
    world = simulate(root / "data", customers=_CUSTOMERS, months=_MONTHS, scenario="price_rise", seed=0)
    say(f"   wrote {world.customers}; the best possible ROC-AUC there is {world.bayes_auc[0]:.3f}")

    say(f"\n2. tenure run   (tuning five model families for {budget:g} s)")
    create_project(Folder(root), Request(str(world.customers), "churned", "yes", "customer_id"))
    project = Project.open(str(root))
    run = project.run(budget=budget)
    say(_indent(run.to_text()))

    say("\n3. tenure serve, and the live months by HTTP")
    with _service(root) as address:
        answers = _predict(address, world.live[0])
        say(_describe_answers("month 1", answers))
        _explain_one(address, world.live[0], say)
        shifted = _predict(address, world.live[1])
        say(_describe_answers("month 2", shifted))
        say("\n4. tenure outcomes   (who left, as it became known)")
        for path in world.outcomes:
            taken = project.take_outcomes(str(path))
            say(f"   {path.name}: {taken['recorded']} recorded")

        say("\n5. tenure monitor")
        report = project.monitor()
        say(_indent(report.to_text()))

        say("\n6. tenure review   (decides, trains a challenger, compares on later rows neither has seen)")
        review = project.review(budget=budget)
        say(f"   verdict: {review['verdict']} ({review['rule']})")
        for step in review["actions"]:
            say(f"   {step}")

        switched = _wait_for_version(address, world.live[1], review["champion"])
        say(f"   the running service answers with version {switched}, no request failed")

        say("\n7. tenure trace and replay of one prediction")
        identifier = answers[0]["id"]
        traced = project.trace(identifier)
        replayed = project.replay(identifier)
        say(
            f"   {identifier}: row {traced['row_id']}, version {traced['version']}, release {traced['release']}"
        )
        say(f"   computed again: {'the same bits' if replayed['same'] else 'DIFFERENT'}")

        rolled = None
        if switched != run.version:
            before, rolled = project.rollback()
            _wait_for_version(address, world.live[1], rolled)
            say(
                f"\n8. tenure rollback   version {rolled} holds the post again, version {before} stepped down"
            )
    say(
        f"\nThe project is in {root}: read {root / 'tenure.yaml'}, then try\n   tenure models --project {root}"
    )
    document = {
        "project": str(root),
        "run": run.to_dict(),
        "drifted": [column.column for column in report.drift.columns if column.alarm],
        "review": review,
        "served_version": switched,
        "replayed": replayed["same"],
        "rolled_back_to": rolled,
    }
    ok = replayed["same"] and review["champion"] == switched
    return Result(document, "", 0 if ok else 1)


def _free_folder(wanted: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, … that is not there: an earlier demo is never overwritten."""
    candidate, number = wanted, 1
    while candidate.exists() and any(candidate.iterdir()):
        number += 1
        candidate = wanted.with_name(f"{wanted.name}-{number}")
    return candidate.resolve()


def _indent(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


@contextlib.contextmanager
def _service(root: Path) -> Iterator[str]:
    """Start `tenure serve` in a process of its own, as a user would; stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tenure", "serve", "--project", str(root), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{address}/readyz"):
            return
        time.sleep(0.05)
    raise ProjectError(
        "the service did not become ready", where=address, todo="run `tenure serve` and read its log"
    )


def _post(address: str, rows: list[dict[str, Any]], query: str = "") -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/predict{query}", json.dumps(rows).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))


def _rows(table: Path) -> list[dict[str, Any]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def _predict(address: str, table: Path) -> list[dict[str, Any]]:
    rows = _rows(table)
    answers: list[dict[str, Any]] = []
    for start in range(0, len(rows), _ROWS_A_REQUEST):
        answers += _post(address, rows[start : start + _ROWS_A_REQUEST])["predictions"]
    return answers


def _describe_answers(month: str, answers: list[dict[str, Any]]) -> str:
    mean = sum(answer["probability"] for answer in answers) / len(answers)
    return f"   {month}: {len(answers)} customers scored, mean chance to leave {mean:.3f}"


def _explain_one(address: str, table: Path, say: Callable[[str], None]) -> None:
    answer = _post(address, _rows(table)[:1], "?explain=3")["predictions"][0]
    say(f"   the first one: {answer['prediction']} with probability {answer['probability']:.3f}, because")
    for reason in answer["reasons"]:
        say(f"     {reason['text']}")


def _wait_for_version(address: str, table: Path, version: str) -> str:
    row = _rows(table)[:1]
    deadline = time.monotonic() + _START_SECONDS
    while True:
        answered = str(_post(address, row)["model"]["version"])
        if answered == version or time.monotonic() > deadline:
            return answered
        time.sleep(0.1)
