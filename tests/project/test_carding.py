"""The model card of a real run: every field told, as Markdown and as a page."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tenure.errors import TenureError
from tenure.project import Project
from tenure.project.carding import NOT_STATED, write_card
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project

from .conftest import quick


@pytest.fixture(scope="module")
def project(toy_tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("card") / "wine"
    create_project(Folder(root), Request(str(toy_tables["wine"]), "target"))
    found = quick(root)
    found.run()
    return found


def test_no_field_is_empty(project: Project, tmp_path: Path):
    card = project.card()
    text = card.to_markdown()
    front = yaml.safe_load(text.split("---")[1])
    assert front["pipeline_tag"] == "tabular-classification"
    assert all(value not in (None, "", []) for value in front.values())
    titles = {section.title for section in card.sections if section.lines or section.table}
    assert {"Model", "Intended use", "Data", "How good", "Leakage", "Limits"} <= titles
    assert NOT_STATED in text
    assert "Wh (estimated" in text
    assert "Time range: not known" in text
    (how_good,) = (section for section in card.sections if section.title == "How good")
    assert all("[" in cell for row in how_good.table[1:] for cell in row[1:] if cell != "–")


def test_what_it_is_for_is_told_as_it_is_written(project: Project):
    path = project.folder.config_file
    text = path.read_text()
    path.write_text(text + "intended_use: to sort bottles, <b>not</b> people\n")
    page = Project.open(str(project.folder.root)).card().to_html()
    path.write_text(text)
    assert "to sort bottles, &lt;b&gt;not&lt;/b&gt; people" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_another_ending_is_refused(project: Project, tmp_path: Path):
    write_card(project.card(), str(tmp_path / "card.html"))
    assert (tmp_path / "card.html").read_text().startswith("<!doctype html>")
    with pytest.raises(TenureError, match=r"\.md or \.html"):
        write_card(project.card(), str(tmp_path / "card.pdf"))
