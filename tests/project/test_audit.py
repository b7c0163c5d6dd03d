"""The audit under mutation: whatever evidence goes or changes, the points fall; nothing that is written raises them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from tenure.errors import ConfigError
from tenure.project import Project
from tenure.project.audit import EVIDENCE, Audit
from tenure.project.audit.catalogue import TESTS
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings
from tenure.simulate.telecom import TelecomWorld

from .conftest import quick


@pytest.fixture(scope="module")
def grown(world: TelecomWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a replayed run, answers, outcomes, two monitor reports, a review and a rollback."""
    root = tmp_path_factory.mktemp("audit") / "telecom"
    create_project(Folder(root), Request(str(world.customers), "churned", "yes", "customer_id"))
    project = quick(root)
    run = project.run()
    rows = pl.read_csv(world.live[0], infer_schema=False).head(600)
    settings = ServeSettings(pointer=project.folder.champion, journal=project.folder.journal)
    with TestClient(create_app(settings)) as client:
        assert client.post("/predict", json=rows.to_dicts()).status_code == 200
    project.take_outcomes(str(world.outcomes[0]))
    project.monitor()
    project.monitor()
    project.review(dry_run=True)
    assert project.replay_run(run.run).same
    return root


@pytest.fixture
def project(grown: Path, tmp_path: Path) -> Project:
    shutil.copytree(grown, tmp_path / "telecom")
    return Project.open(str(tmp_path / "telecom"))


def points(audit: Audit) -> dict[str, float | None]:
    return {answer.test.key: answer.points for answer in audit.answers}


def earned(audit: Audit) -> set[str]:
    return {key for key, n in points(audit).items() if n == 1.0}


@pytest.fixture(scope="module")
def before(grown: Path) -> set[str]:
    """What the project earns with all its evidence."""
    return earned(Project.open(str(grown)).audit())


def test_the_catalogue_is_the_papers():
    assert len(TESTS) == len({test.key for test in TESTS}) == 28
    assert {test.section for test in TESTS} == {"data", "model", "infrastructure", "monitoring"}
    assert set(EVIDENCE) <= {test.key for test in TESTS}


def test_points_are_earned_by_evidence(project: Project):
    found = project.audit()
    assert {
        *("data-1", "data-3", "data-4", "data-5", "data-7"),
        *("model-2", "infrastructure-1", "infrastructure-2", "infrastructure-3", "infrastructure-4"),
        *("infrastructure-5", "monitoring-3", "monitoring-4", "monitoring-5", "monitoring-6"),
    } <= earned(found)
    assert {"infrastructure-6", "monitoring-1", "infrastructure-7", "model-1"} & earned(found) == set()
    document = found.to_dict()
    assert document["score"] == min(document["sections"].values())
    assert len(document["tests"]) == 28


def edit_events(kind: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Project], None]:
    def mutate(project: Project) -> None:
        with sqlite3.connect(project.folder.journal) as db:
            for key, text in db.execute("SELECT id, body FROM events WHERE kind = ?", (kind,)).fetchall():
                body = json.loads(text)
                change(body)
                db.execute("UPDATE events SET body = ? WHERE id = ?", (json.dumps(body), key))
        db.close()

    return mutate


def drop_events(kind: str) -> Callable[[Project], None]:
    def mutate(project: Project) -> None:
        with sqlite3.connect(project.folder.journal) as db:
            db.execute("DELETE FROM events WHERE kind = ?", (kind,))
        db.close()

    return mutate


def sql(statement: str) -> Callable[[Project], None]:
    def mutate(project: Project) -> None:
        with sqlite3.connect(project.folder.journal) as db:
            db.execute(statement)
        db.close()

    return mutate


def spoil(pattern: str, old: str, new: str) -> Callable[[Project], None]:
    def mutate(project: Project) -> None:
        (path,) = project.folder.root.glob(pattern)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return mutate


def remove(pattern: str) -> Callable[[Project], None]:
    def mutate(project: Project) -> None:
        for path in list(project.folder.root.glob(pattern)):
            path.unlink()

    return mutate


def shift_rows(project: Project) -> None:
    (path,) = project.folder.versions.glob("*/rows.parquet")
    rows = pl.read_parquet(path)
    path.unlink()  # a hard link
    rows.with_columns(pl.col(pl.Int64).first() + 1).write_parquet(path)


MUTATIONS: dict[str, tuple[Callable[[Project], None], set[str]]] = {
    "schema gone": (remove("schema.json"), {"data-1"}),
    "schema edited": (spoil("schema.json", '"kind"', '"nulls": 0.5, "kind"'), {"data-1"}),
    "record gone": (
        remove(".tenure/runs/*/record.json"),
        {"data-3", "data-4", "infrastructure-3", "monitoring-4"},
    ),
    "record edited": (
        spoil(".tenure/runs/*/record.json", '"found": []', '"found": [ ]'),
        {"data-4", "monitoring-4"},
    ),
    "rows gone": (remove("versions/*/rows.parquet"), {"data-4", "data-7", "monitoring-5"}),
    "rows changed": (shift_rows, {"data-4", "data-7", "monitoring-5", "infrastructure-3"}),
    "golden rows edited": (
        spoil("releases/*/golden.json", "0.", "0.1"),
        {"infrastructure-2", "infrastructure-5"},
    ),
    "metrics edited": (spoil("releases/*/metrics.json", '"value": 0.', '"value": 0.9'), {"infrastructure-4"}),
    "card gone": (remove("releases/*/card.md"), {"infrastructure-2"}),
    "no champion": (remove(".tenure/champion.json"), {"data-1", "infrastructure-1", "monitoring-3"}),
    "no run in the journal": (drop_events("run"), {"data-3", "data-4", "infrastructure-3", "monitoring-4"}),
    "replay gone": (drop_events("replay"), {"infrastructure-1"}),
    "replay edited": (
        edit_events("replay", lambda body: body.update(now=body["then"], by="me")),
        {"infrastructure-1"},
    ),
    "promotion gone": (drop_events("promotion"), {"infrastructure-4"}),
    "reading gone": (drop_events("test_read"), {"infrastructure-4"}),
    "monitor gone": (drop_events("monitor"), {"model-2", "monitoring-6"}),
    "monitor edited": (
        edit_events("monitor", lambda body: body.update(passed=True, by="me")),
        {"model-2", "monitoring-6"},
    ),
    "review gone": (drop_events("review"), {"monitoring-4"}),
    "answers gone": (sql("DELETE FROM predictions"), {"monitoring-3"}),
    "answers edited": (sql("UPDATE predictions SET margins = '[0.5]'"), {"monitoring-3"}),
}


# each takes evidence that another one takes, too, in another way
SLOW = {
    *("schema edited", "rows gone", "golden rows edited", "replay edited", "monitor edited", "answers gone"),
    *("no run in the journal", "reading gone"),
}


@pytest.mark.parametrize(
    "mutation",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in MUTATIONS],
)
def test_less_evidence_is_a_lower_score(project: Project, before: set[str], mutation: str):
    mutate, lost = MUTATIONS[mutation]
    assert lost <= before
    mutate(project)
    after = earned(Project.open(str(project.folder.root)).audit())
    assert after < before
    assert not lost & after


def test_what_is_written_down_raises_nothing(project: Project):
    before = points(project.audit())
    edit_events("monitor", lambda body: [c.update(alarm=False) for c in body["drift"]["columns"]])(project)
    (record,) = project.folder.runs.glob("*/record.json")
    body = json.loads(record.read_text())
    body["audit"] = dict.fromkeys(before, 1.0)
    body["result"]["gain"] = {
        name: {"value": 1.0, "low": 0.9, "high": 1.1} for name in body["result"]["gain"]
    }
    record.write_text(json.dumps(body))
    after = points(project.audit())
    assert all((after[key] or 0) <= (n or 0) for key, n in before.items())


def test_a_rollback_earns_its_point(project: Project):
    second = project.run(seed=1, again=True)
    project.promote(second.version)
    project.rollback()
    assert "infrastructure-7" in earned(project.audit())


@pytest.fixture
def notes(project: Project) -> Callable[[str], Audit]:
    def write(text: str) -> Audit:
        path = project.folder.root / "audit" / "notes.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return project.audit()

    return write


def test_a_note_is_half_a_point_and_never_more_than_evidence(notes: Callable[[str], Audit]):
    found = notes(
        "notes:\n"
        "  - {test: infrastructure-6, date: 2026-01-05, name: Ada, text: one shop in ten for a week}\n"
        "  - {test: data-1, date: 2026-01-05, name: Ada, text: the schema was read in the team}\n"
        "not_applicable:\n  monitoring-1: nothing upstream can change\n"
    )
    answers = {answer.test.key: answer for answer in found.answers}
    assert answers["infrastructure-6"].points == 0.5
    assert answers["data-1"].points == 1.0
    assert answers["monitoring-1"].points is None
    assert "n/a" in found.to_text()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("notes: [{test: data-9, date: 2026-01-05, name: Ada, text: long enough text}]", "data-9"),
        ("notes: [{test: data-1, date: 2999-01-05, name: Ada, text: long enough text}]", "yet to come"),
        ("notes: [{test: data-1, name: Ada, text: long enough text}]", "date"),
        ("notes: [{test: data-1, date: 2026-01-05, name: Ada, text: long enough, points: 1}]", "points"),
        ("not_applicable: {data-1: ''}", "reason"),
    ],
)
def test_a_wrong_note_is_named(notes: Callable[[str], Audit], text: str, named: str):
    with pytest.raises(ConfigError, match=named):
        notes(text)


def test_nothing_made_yet_is_zero(world: TelecomWorld, tmp_path: Path):
    create_project(Folder(tmp_path / "t"), Request(str(world.customers), "churned", "yes", "customer_id"))
    found = Project.open(str(tmp_path / "t")).audit()
    assert found.score == 0
    assert not earned(found)
