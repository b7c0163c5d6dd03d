"""The command: a table alone, a project, a page where it was asked for, and clear mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tenure.cli import main


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    n = 400
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n)],
            "age": [20 + i * 7 % 50 for i in range(n)],
            "plan": [("basic", "plus", "?")[i % 3] for i in range(n)],
            "churn": [("no", "yes", "no", "no")[i * 13 % 4] for i in range(n)],
        }
    )
    frame.write_csv("people.csv", separator=";")
    return tmp_path / "people.csv"


def test_a_table_alone(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "people.csv", "--target", "churn", "--delimiter", ";"]) == 0
    page = table.parent / "people-explore.html"
    assert page.read_text().startswith("<!doctype html>")
    out = capsys.readouterr().out
    assert "people: 400 rows (all rows), 4 columns" in out
    assert out.rstrip().endswith("page: people-explore.html")
    assert main(["explore", "people.csv", "--delimiter", ";", "--out", "p.html", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["page"], document["n_rows"]) == (str(table.parent / "p.html"), 400)
    assert [column["missing"] for column in document["columns"]] == [0, 0, 133, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nowhere.csv"], "no such file"),
        (["people.csv"], "--delimiter"),
        (["people.csv", "--delimiter", ";", "--target", "chrun"], "'churn'"),
        (["people.csv", "--delimiter", ";", "--target", "churn", "--positive", "maybe"], "no class"),
        (["people.csv", "--delimiter", ";", "--out", "no/such/folder.html"], "no such folder"),
        (["people.csv", "--delimiter", ";", "--out", "."], "a folder stands there"),
        (["--target", "churn"], "goes with a SOURCE"),
        ([], "no project"),
    ],
)
def test_mistakes(table: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", *options]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not list(table.parent.glob("*.html"))


def test_a_project_before_and_after_it_is_prepared(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(table.parent / "p")
    init = ["init", folder, "--data", "people.csv", "--target", "churn", "--id", "id", "--delimiter", ";"]
    assert main(init) == 0
    capsys.readouterr()
    assert main(["explore", "--project", folder]) == 0
    assert "400 rows (all rows)" in capsys.readouterr().out
    assert main(["prepare", "--project", folder]) == 0
    prepared = (table.parent / "p" / ".tenure" / "prepared.json").read_text()
    capsys.readouterr()
    documents = []
    for _ in range(2):  # the second is drawn from what the first kept
        assert main(["explore", "--project", folder, "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    first, second = documents
    assert first == second
    assert first["scope"] == f"training rows of {json.loads(prepared)['id']}"
    assert first["n_rows"] == 240
    assert (table.parent / "p" / ".tenure" / "explore.html").is_file()
    kinds = {column["name"]: (column["kind"], column["why"]) for column in first["columns"]}
    assert kinds["id"] == ("identifier", "the id column")
    assert kinds["plan"][0] == "category"
