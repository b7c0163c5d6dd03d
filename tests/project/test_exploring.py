"""What an exploration found is kept: shown again while nothing changed, made anew when something did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenure.prepare.explore.kept import FOUND
from tenure.project import Project

from .letters import project_of_letters


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = project_of_letters(tmp_path)
    made.prepare()
    return made


def test_a_second_look_shows_what_was_found(project: Project) -> None:
    first = project.explore()
    place = next(project.folder.explored.glob(f"*/{FOUND}"))
    again = project.explore()
    assert again == first
    assert again.to_html() == first.to_html()
    # shown from the file, not studied again
    kept = json.loads(place.read_text())
    kept["found"]["scope"] = "as it was kept"
    place.write_text(json.dumps(kept))
    assert project.explore().scope == "as it was kept"


def test_another_question_is_answered_anew(project: Project) -> None:
    assert project.explore().name == "letters"
    config = project.folder.root / "tenure.yaml"
    config.write_text(config.read_text().replace("name: letters", "name: post"))
    renamed = Project.open(str(project.folder.root)).explore()
    assert renamed.name == "post"
    assert renamed.scope.startswith("training rows of")


@pytest.mark.parametrize("damage", ["", "{", '{"of": 1}', '{"of": {}, "found": {}}', "[]"])
def test_what_is_damaged_is_made_again(project: Project, damage: str) -> None:
    first = project.explore()
    place = next(project.folder.explored.glob(f"*/{FOUND}"))
    body = json.loads(place.read_text())
    place.write_text(damage)
    assert project.explore() == first
    del body["found"]["columns"][0]["missing"]
    place.write_text(json.dumps(body))
    assert project.explore() == first
