"""Explanations of a project: the file in the release, the command, and rows as they come."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.simulate.telecom import TelecomWorld
from tests.project.conftest import quick

CHANGES = "explain: {immutable: [age, region], only_up: [tenure_months], only_down: [monthly_charge]}\n"


@pytest.fixture(scope="module")
def explained(world: TelecomWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run with limits of change."""
    root = tmp_path_factory.mktemp("explained") / "telecom"
    create_project(Folder(root), Request(str(world.customers), "churned", "yes", "customer_id"))
    quick(root)
    path = root / "tenure.yaml"
    path.write_text(path.read_text() + CHANGES)
    Project.open(str(root)).run()
    return root


def body_of(root: Path) -> dict:
    (release,) = (root / "releases").iterdir()
    assert "explanations.json" in json.loads((release / "manifest.json").read_text())["files"]
    return json.loads((release / "explanations.json").read_text())


def test_the_release_holds_its_explanations(explained: Path) -> None:
    body = body_of(explained)
    permutation = body["permutation"]
    assert permutation["measured"]
    assert permutation["rows"] > 100
    first = permutation["columns"][0]
    assert first["column"] == "contract"  # the simulated world's strongest cause
    assert 0.0 < first["low"] < first["value"] < first["high"]
    names = {c["column"] for c in permutation["columns"]}
    assert {"support_calls", "monthly_charge"} <= names
    assert body["stability"]["measured"]
    assert body["stability"]["fits"] == 5
    assert body["interactions"]["measured"]
    assert {c["outcome"] for c in body["dependence"]["columns"]} == {"yes"}
    assert body["changes"] == {
        "immutable": ["age", "region"],
        "only_up": ["tenure_months"],
        "only_down": ["monthly_charge"],
    }


def test_run_card_and_page_tell_of_them(explained: Path, tmp_path: Path) -> None:
    project = Project.open(str(explained))
    report = project.run()  # unchanged: told again from the record
    told = report.to_dict()["explanations"]
    assert told["permutation"] == body_of(explained)["permutation"]
    assert "rises by when a column is shuffled: contract" in report.to_text()
    (release,) = (explained / "releases").iterdir()
    assert "### When a column is shuffled" in (release / "card.md").read_text()
    card = project.card()
    assert "contract: effect on the chance of yes" in card.to_markdown()
    page = card.to_html()
    assert page.count('class="dependence"') == len(body_of(explained)["dependence"]["columns"])
    assert "<script" not in page


def test_a_replay_explains_alike(explained: Path) -> None:
    project = Project.open(str(explained))
    (run,) = [place.name for place in (explained / ".tenure" / "runs").iterdir()]
    assert project.replay_run(run).different == ()


def test_what_the_command_proposes_flips_what_predict_says(
    explained: Path, world: TelecomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_csv(world.customers, infer_schema=False).drop("churned").head(12)
    changed, expected = [], []
    for number, row in enumerate(rows.to_dicts()):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(row))
        assert main(["explain", "--row", str(path), "--project", str(explained), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["base"] + sum(e["effect"] for e in document["effects"]) + document[
            "rest"
        ] == pytest.approx(document["score"], abs=1e-9)
        for one in document["changes"]["found"]:
            assert one["prediction"] != document["prediction"]
            for change in one["changes"]:
                assert change["column"] not in ("age", "region")
                if change["column"] == "tenure_months":
                    assert float(change["to"]) > float(change["from"])
                if change["column"] == "monthly_charge":
                    assert float(change["to"]) < float(change["from"])
            changed.append({**row, **{c["column"]: str(c["to"]) for c in one["changes"]}})
            expected.append((one["prediction"], one["probability"]))
    assert len(changed) > 8
    pl.DataFrame(changed).write_csv(tmp_path / "changed.csv")
    Project.open(str(explained)).predict(str(tmp_path / "changed.csv"), str(tmp_path / "out.csv"))
    out = pl.read_csv(tmp_path / "out.csv")
    assert list(zip(out["prediction"], out["probability"], strict=True)) == expected


def test_a_recorded_prediction_is_explained_by_its_own_release(
    explained: Path, world: TelecomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pl.read_csv(world.customers, infer_schema=False).drop("churned").head(1)
    rows.write_csv(tmp_path / "one.csv")
    Project.open(str(explained)).predict(str(tmp_path / "one.csv"), str(tmp_path / "scored.csv"))
    name = rows["customer_id"][0]
    assert main(["explain", name, "--project", str(explained), "--to", "0.001", "--changes", "1"]) == 0
    text = capsys.readouterr().out
    assert f"of {name}, by version 1" in text
    assert "a probability of yes of at most 0.001: none was found with up to 1 changes" in text
    assert "immutable: age, region; only up: tenure_months; only down: monthly_charge" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the ID of a prediction, or --row FILE"),
        (["nobody"], "no prediction has the id"),
        (["--row", "absent.json"], "cannot be read"),
        (["C1", "--model", "1"], "by the release that made it"),
    ],
)
def test_what_cannot_be_explained_is_named(
    explained: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments, "--project", str(explained)]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"), [("[1]", "got list"), ("{", "no JSON"), ('{"age": 3}', "bad cell")]
)
def test_a_file_that_is_no_row_is_named(
    explained: Path, tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "row.json").write_text(text)
    assert main(["explain", "--row", str(tmp_path / "row.json"), "--project", str(explained)]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("{immutable: [aeg]}", "did you mean 'age'"),
        ("{only_up: [contract]}", "only go one way"),
        ("{only_up: [age], only_down: [age]}", "stands under only_up as well"),
        ("{imutable: [age]}", "did you mean 'immutable'"),
    ],
)
def test_mistakes_in_the_section_are_named_before_anything_is_trained(
    telecom, tmp_path: Path, section: str, told: str
) -> None:
    project = telecom("wrong")
    path = project.folder.config_file
    path.write_text(path.read_text() + f"explain: {section}\n")
    with pytest.raises(ConfigError, match=told):
        Project.open(str(project.folder.root)).run()
    assert not list(project.folder.releases.glob("*"))


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_several_classes_and_numbers(toy_tables: dict[str, Path], tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    create_project(Folder(root), Request(str(toy_tables[name]), "target"))
    project = quick(root)
    project.run()
    body = body_of(root)
    assert body["permutation"]["measured"]
    assert body["stability"]["measured"]
    outcomes = {c["outcome"] for c in body["dependence"]["columns"]}
    assert outcomes == ({"0", "1", "2"} if name == "wine" else {None})
    row = pl.read_csv(toy_tables[name]).drop("target").row(0, named=True)
    (tmp_path / "row.json").write_text(json.dumps(row))
    found = project.explain(row=str(tmp_path / "row.json"))
    if name == "wine":
        assert found.search is not None
        assert all(one.score.prediction != found.score.prediction for one in found.search.found)
    else:
        assert found.search is None
        assert "pass --to VALUE" in found.to_text()


def awkward() -> dict[str, pl.DataFrame]:
    """Tables that explanations must not fall over."""
    n = 240
    rng = np.random.default_rng(0)
    x = rng.normal(size=n).round(2).tolist()
    y = np.where(np.array(x) + rng.normal(size=n) > 0, "yes", "no").tolist()
    text = [f"word{i % 9} and {'more ' * (i % 4)}text number {i}" for i in range(n)]
    gaps = [None if i % 2 else v for i, v in enumerate(x)]
    number = (2 * np.array(x) + rng.normal(size=n)).round(3).tolist()
    return {
        "one feature": pl.DataFrame({"x": x, "y": y}),
        "constant beside": pl.DataFrame({"x": x, "c": [1.0] * n, "y": y}),
        "gaps everywhere": pl.DataFrame(
            {"x": gaps, "z": gaps[::-1], "w": [None if i % 3 else "a" for i in range(n)], "y": y}
        ),
        "texts": pl.DataFrame({"note": text, "x": x, "y": y}),
        "number": pl.DataFrame({"x": x, "note": text, "y": number}),
    }


@pytest.mark.parametrize("name", list(awkward()))
def test_awkward_tables(tmp_path: Path, name: str) -> None:
    awkward()[name].write_csv(tmp_path / "table.csv")
    root = tmp_path / "project"
    create_project(Folder(root), Request(str(tmp_path / "table.csv"), "y"))
    project = quick(root)
    report = project.run()
    body = body_of(root)
    assert "shuffled" in report.to_text() or "not measured" in report.to_text()
    assert len(body["permutation"]["columns"]) == len({c["column"] for c in body["permutation"]["columns"]})
    project.card().to_html()
    row = awkward()[name].drop("y").row(1, named=True)
    (tmp_path / "row.json").write_text(json.dumps(row))
    assert project.explain(row=str(tmp_path / "row.json"), to="9" if name == "number" else None).to_text()


def test_what_cannot_be_measured_says_why(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60).round(3)
    y = np.where(x + rng.normal(size=60) > 0, "yes", "no")
    pl.DataFrame({"x": x, "z": rng.normal(size=60).round(3), "y": y}).write_csv(tmp_path / "few.csv")
    root = tmp_path / "project"
    create_project(Folder(root), Request(str(tmp_path / "few.csv"), "y"))
    report = quick(root, "[logistic]").run()
    permutation = body_of(root)["permutation"]
    assert permutation == {
        "measured": False,
        "why": "12 validation rows are too few for an interval, it takes 30",
    }
    assert "permutation importance was not measured: 12 validation rows" in report.to_text()
    assert "was not measured: 12 validation rows" in Project.open(str(root)).card().to_html()
