"""data, forget: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.project.letters import CONFIG, PERSON, letters

from tenure.cli import main
from tenure.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    letters().write_csv(tmp_path / "letters.csv")
    root = tmp_path / "project"
    root.mkdir()
    (root / "tenure.yaml").write_text(CONFIG)
    monkeypatch.chdir(root)
    return Project.open(str(root))


def printed(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> str:
    assert main(line) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_versions_are_listed_shown_compared_and_restored(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no data versions yet" in printed(capsys, "data")
    first = json.loads(printed(capsys, "prepare", "--json"))["data_version"]
    project.folder.config_file.write_text(CONFIG.replace("id: customer", "id: customer, exclude: [plan]"))
    assert "again: data.exclude changed" in printed(capsys, "prepare")
    listed = printed(capsys, "data").splitlines()
    assert len(listed) == 3
    assert listed[1].startswith(first)
    assert "models   none" in printed(capsys, "data", "show", first[:6])
    second = listed[2].split()[0]
    assert "data.exclude changed" in printed(capsys, "data", "compare", first, second)
    assert "hashes as it did" in printed(capsys, "data", "restore", first)
    assert "takes VERSION VERSION, got 1" in printed(capsys, "data", "compare", first, code=2)
    assert "no data version begins with 'zzz'" in printed(capsys, "data", "show", "zzz", code=2)


def test_a_person_is_forgotten_and_the_receipt_does_not_say_who(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = project.prepare().id
    told = printed(capsys, "forget", PERSON)
    assert f"1  version {first}" in told
    assert "take the 1 row(s) out of ../letters.csv yourself" in told
    receipt = next(project.folder.forgotten.glob("*.json")).read_text()
    assert PERSON not in receipt
    assert "earlier receipts" in printed(capsys, "forget", PERSON)
    assert json.loads(printed(capsys, "data", "show", first, "--json"))["version"] != first
