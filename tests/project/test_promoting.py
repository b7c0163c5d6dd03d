"""Who holds the post is told by the journal, even when a command died before it could say so."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.model.registry import Registry
from tenure.project import Project
from tests.builders import write_stand_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own tables, SQLAlchemy 2.1


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three registered versions, the first of them promoted; no release has a model in it."""
    (tmp_path / "tenure.yaml").write_text("name: x\ndata:\n  source: x.csv\n  target: y\n")
    registry = Registry(None, "x", tmp_path)
    for number in "123":
        write_stand_in(tmp_path / "releases" / number)
        registry.register(tmp_path / "releases" / number, {"release": number}, {}, {})
    project = Project.open(str(tmp_path))
    project.promote("1")
    return project


def changes(project: Project) -> list[tuple[str, str | None, str]]:
    with closing(open_journal(project.folder.journal)) as db:
        told = sorted(events(db, "promotion") + events(db, "rollback"), key=lambda event: event.id)
    return [(event.body["version"], event.body["before"], event.body["by"]) for event in told]


def test_every_change_of_post_is_told_once(project: Project) -> None:
    assert project.promote("2") == ("1", "2")
    assert project.rollback() == ("2", "1")
    assert changes(project) == [("1", None, "command"), ("2", "1", "command"), ("1", "2", "command")]


def test_a_change_made_with_mlflow_is_told_by_the_next_command(project: Project) -> None:
    project.registry().promote("2")
    project.promote("3")
    assert changes(project)[1:] == [("2", "1", "unknown"), ("3", "2", "command")]


def test_a_command_killed_before_it_could_tell(project: Project) -> None:
    code = (
        "import os, signal, sys; from tenure.project import Project, promoting;"
        "promoting.note = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "Project.open(sys.argv[1]).promote('2')"
    )
    died = subprocess.run([sys.executable, "-c", code, project.folder.root], check=False)
    assert died.returncode == -signal.SIGKILL
    assert project.promote("2") == ("2", "2")
    assert changes(project)[1:2] == [("2", "1", "unknown")]
    assert project.rollback() == ("2", "1")
