"""A run trained again from its record: the same bytes, or a clear word on why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure.cli import main
from tenure.errors import ProjectError, TenureError
from tenure.project import Project

from .conftest import quick


@pytest.fixture(scope="module")
def made(toy_tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    from tenure.project.folder import Folder
    from tenure.project.setup import Request, create_project

    root = tmp_path_factory.mktemp("replay") / "diabetes"
    create_project(Folder(root), Request(str(toy_tables["diabetes"]), "target"))
    return root, quick(root).run().run


@pytest.fixture
def project(made: tuple[Path, str], tmp_path: Path) -> Project:
    shutil.copytree(made[0], tmp_path / "diabetes")
    return Project.open(str(tmp_path / "diabetes"))


@pytest.fixture
def run(made: tuple[Path, str]) -> str:
    return made[1]


def edit(project: Project, run: str, change: Callable[[dict], object]) -> None:
    path = project.folder.runs / run / "record.json"
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))


def test_the_same_bytes_come_out(project: Project, run: str, capsys: pytest.CaptureFixture[str]):
    before = {path: path.stat().st_mtime_ns for path in project.folder.releases.rglob("*")}
    assert main(["replay", run, "--project", str(project.folder.root)]) == 0
    assert "the same bytes again" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in project.folder.releases.rglob("*")} == before


def test_another_seed_is_found_out(project: Project, run: str, capsys: pytest.CaptureFixture[str]):
    edit(project, run, lambda body: body.update(seed=7, runtime={**body["runtime"], "numpy": "1.0"}))
    assert main(["replay", run, "--project", str(project.folder.root), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["different"]
    assert document["changed"]["numpy"][0] == "1.0"
    assert any("numpy" in reason for reason in document["reasons"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda body: body.pop("plan"), "no plan"),
        (lambda body: body["plan"].update(members=[]), "names no model"),
        (lambda body: body["plan"].update(format="tenure-plan/9"), "tenure-plan/9"),
        (lambda body: body["runtime"].update(fancyboost="1.2"), "fancyboost"),
        (lambda body: body["data"].update(version="0123456789ab"), "0123456789ab"),
        (lambda body: body.update(format="tenure-run/0"), "tenure-run/0"),
    ],
)
def test_what_is_missing_is_named(project: Project, run: str, change: Callable[[dict], object], named: str):
    edit(project, run, change)
    with pytest.raises(TenureError, match=named):
        project.replay_run(run)


def test_rows_that_are_gone_are_named(project: Project, run: str):
    (version,) = (path for path in project.folder.versions.iterdir() if path.is_dir())
    shutil.rmtree(version)
    with pytest.raises(ProjectError, match=version.name):
        project.replay_run(run)
