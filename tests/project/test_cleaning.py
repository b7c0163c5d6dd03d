"""What preparation did to the cells of a project's source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.errors import ProjectError
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project


def write_table(path: Path, n: int = 120) -> None:
    rows = [
        f"{i},{'yes' if i % 3 else 'No'},{i * 7 % 50},{('Basic', 'PLUS', 'plus ', 'Pro')[i % 4]}"
        for i in range(n)
    ]
    rows += ["7,yes,49,Pro", "900,,3,Basic"]  # a row recorded twice, and one without a target
    path.write_text("\n".join(["id,churn,months,plan", *rows]) + "\n")


def test_changes_are_counted_from_the_source(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv")
    folder = Folder(tmp_path / "project")
    create_project(folder, Request(str(tmp_path / "t.csv"), "churn", id="id"))
    written = folder.config_file.read_text()
    text = written.replace("  levels: {}", "  levels: {plan: {PLUS: Basic}}")
    folder.config_file.write_text(text)
    project = Project.open(str(folder.root))
    prepared = project.prepare()
    found = {(change.column, change.rule): change.n for change in project.changes(prepared).cells}
    assert found == {("plan", "other spelling -> level"): 60}
    assert {column.name: column.levels for column in prepared.recipe.features}["plan"] == ("Basic", "Pro")
    rows = {change.rule: change.examples[0].row for change in project.changes(prepared).rows}
    assert rows == {"row without a target left out": 121, "duplicate row dropped": 120}
    doubts = project.doubts(prepared)
    assert doubts.n_rows == len(prepared.parts) == 120
    assert doubts.warnings() == []
    write_table(tmp_path / "t.csv", 90)
    with pytest.raises(ProjectError, match="has changed"):
        project.changes(prepared)
