"""Fairness in a project: measured once on the test rows, and a limit that keeps a version from the post."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import fairlearn.metrics as fl
import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError, ExtraMissing, GateFailed
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.simulate.telecom import TelecomWorld
from tests.project.conftest import quick


def make_project(loans: Path, root: Path, fairness: str, exclude: str = "[]") -> Project:
    """The loans' project with a section `fairness`; group is left out of the features where exclude says so."""
    create_project(Folder(root), Request(str(loans), "repaid", "yes"))
    quick(root, "[logistic]")
    path = root / "tenure.yaml"
    path.write_text(
        path.read_text().replace("exclude: []", f"exclude: {exclude}") + f"fairness: {fairness}\n"
    )
    return Project.open(str(root))


def test_a_version_over_the_limit_is_registered_and_not_promoted(
    loans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "loans"
    project = make_project(loans, root, "{groups: [group], limit: 0.1}", exclude="[group, near]")
    assert main(["run", "--project", str(root), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["model"]["champion"]
    assert not document["fairness"]["verdict"]["passed"]
    assert project.registry().champion() is None
    with closing(open_journal(project.folder.journal)) as db:
        stops = [event.body for event in events(db, "gate")]
    assert [(stop["version"], stop["by"]) for stop in stops] == [("1", "run")]
    assert "surely more than the limit" in stops[0]["reasons"][0]

    assert main(["promote", "1", "--project", str(root)]) == 1
    assert "--despite" in capsys.readouterr().err
    assert main(["promote", "1", "--despite", "agreed by the board", "--project", str(root)]) == 0
    with closing(open_journal(project.folder.journal)) as db:
        promotion = events(db, "promotion")[-1].body
    assert promotion["despite"] == "agreed by the board"
    assert promotion["overruled"] == stops[0]["reasons"]


def test_the_figures_of_a_release_are_those_of_its_predictions(loans: Path, tmp_path: Path) -> None:
    project = make_project(loans, tmp_path / "loans", "{groups: [group], limit: 0.9}", exclude="[group]")
    report = project.run()
    assert report.champion
    body = json.loads((Path(report.release) / "fairness.json").read_text())
    assert body == json.loads(json.dumps(dict(report.fairness)))
    assert "## Fairness" in (Path(report.release) / "card.md").read_text()
    assert "fairness by group: equal_opportunity_difference" in report.to_text()

    assert project.replay_run(report.run).same  # its fairness is measured again, to the same bytes
    assert "fairness by group: equal_opportunity_difference" in project.card().to_markdown()

    rows = next(project.folder.versions.glob("*/rows.parquet"))
    test = _test_rows(rows)
    test.write_csv(tmp_path / "test.csv")
    project.predict(str(tmp_path / "test.csv"), str(tmp_path / "out.csv"))
    decided = pl.read_csv(tmp_path / "out.csv")["prediction"] == "yes"
    theirs = fl.equal_opportunity_difference(
        (test["repaid"] == "yes").to_numpy(), decided.to_numpy(), sensitive_features=test["group"].to_numpy()
    )
    found = body["groupings"][0]["differences"]["equal_opportunity_difference"]
    assert found["value"] == pytest.approx(theirs, abs=1e-12)


def test_the_audit_gives_its_point_for_groups_that_are_within_the_limit(loans: Path, tmp_path: Path) -> None:
    project = make_project(loans, tmp_path / "loans", "{groups: [group], limit: 0.9}", exclude="[group]")

    def inclusion() -> tuple[float | None, str]:
        found = Project.open(str(project.folder.root)).audit().answers
        return next((answer.points, answer.why) for answer in found if answer.test.key == "model-7")

    project.run()
    assert inclusion() == (1.0, "equal_opportunity_difference by group, none above the limit of 0.9")
    text = project.folder.config_file.read_text()
    project.folder.config_file.write_text(text.replace("limit: 0.9", "limit: 0.001"))
    points, why = inclusion()
    assert points == 0.0
    assert "the limit of 0.001" in why
    project.folder.config_file.write_text(text)
    (place,) = project.folder.releases.iterdir()
    body = (place / "fairness.json").read_text()
    (place / "fairness.json").write_text(body.replace('"doubts": []', '"doubts": [ ]'))
    assert body != (place / "fairness.json").read_text()
    assert inclusion()[0] == 0.0


def _test_rows(path: Path) -> pl.DataFrame:
    from tenure.prepare.split import PART, TEST

    return pl.read_parquet(path).filter(pl.col(PART) == TEST).drop(PART)


def test_a_version_that_was_never_measured_does_not_pass(loans: Path, tmp_path: Path) -> None:
    root = tmp_path / "loans"
    project = make_project(loans, root, "null")
    project.run()
    path = root / "tenure.yaml"
    path.write_text(path.read_text().replace("fairness: null", "fairness: {groups: [group]}"))
    with pytest.raises(GateFailed, match="not measured"):
        Project.open(str(root)).promote("1")


@pytest.mark.parametrize(
    ("fairness", "told"),
    [
        ("{groups: [gruop]}", "did you mean 'group'"),
        ("{groups: [repaid]}", "is the target"),
        ("{groups: [group], metric: mean_error_difference}", "does not fit the task binary"),
        ("{groups: [group], bins: {near: [1]}}", "not one of groups"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(
    loans: Path, tmp_path: Path, fairness: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        make_project(loans, tmp_path / "loans", fairness).run()
    assert not list((tmp_path / "loans" / "releases").glob("*"))


def test_without_fairlearn_the_extra_is_named(
    loans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fairlearn.metrics", None)
    with pytest.raises(ExtraMissing, match=r"tenure\[fair\]"):
        make_project(loans, tmp_path / "loans", "{groups: [group]}").run()


@pytest.mark.slow
def test_numbers_and_several_classes_are_measured_too(toy_tables: dict[str, Path], tmp_path: Path) -> None:
    for name, group, metric in (
        ("diabetes", "sex", "mean_error_difference"),
        ("wine", "alcohol", "demographic_parity_difference"),
    ):
        root = tmp_path / name
        create_project(Folder(root), Request(str(toy_tables[name]), "target", None))
        quick(root, "[logistic]")
        with (root / "tenure.yaml").open("a") as file:
            file.write(f"fairness: {{groups: [{group}], least: 10, metric: {metric}}}\n")
        report = Project.open(str(root)).run()
        assert report.fairness["metric"] == metric
        assert metric in report.fairness["groupings"][0]["differences"]


def test_a_flip_follows_what_the_model_reads_and_its_declared_proxies(loans: Path, tmp_path: Path) -> None:
    read = make_project(loans, tmp_path / "read", "{groups: [group], proxies: {group: [seen]}}").run()
    alone, with_proxies = read.fairness["flips"]
    assert alone["moved"]["low"] > 0  # the model has learned to undo what is written too low of group b
    assert 0 < alone["flipped"]["low"] <= alone["flipped"]["value"] <= alone["flipped"]["high"] < 1
    assert with_proxies["with"] == ["seen"]
    left_out = make_project(loans, tmp_path / "out", "{groups: [group]}", exclude="[group]").run()
    assert left_out.fairness["flips"] == [
        {"column": "group", "with": [], "why": "the model does not read it"}
    ]


def test_the_features_that_give_a_group_away_are_found(loans: Path, tmp_path: Path) -> None:
    report = make_project(loans, tmp_path / "loans", "{groups: [group]}", exclude="[group]").run()
    (found,) = report.fairness["proxies"]
    assert [feature["feature"] for feature in found["features"]] == ["near", "seen"]
    assert found["features"][0]["low"] > 0.9  # near is group in 95 of 100 rows; noise is not told
    assert "what gives group away" in (Path(report.release) / "card.md").read_text()


@pytest.mark.slow
def test_a_retrained_challenger_over_the_limit_does_not_take_the_post(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = telecom("limited")
    path = project.folder.config_file
    text = path.read_text().replace("when: [drift, performance, age]", "when: [age]")
    text = text.replace("promote: automatic}", "promote: automatic, age: 1s}")
    asked = "groups: [support_calls, tenure_months], bins: {support_calls: [2], tenure_months: [12]}"
    path.write_text(text + f"fairness: {{{asked}, metric: demographic_parity_difference, limit: 0.02}}\n")
    project = Project.open(str(project.folder.root))
    assert project.run().stopped
    project.promote("1", despite="there is no other")
    project.predict(str(world.live[0]), str(tmp_path / "scored.csv"))
    project.take_outcomes(str(world.outcomes[0]))
    time.sleep(1.1)
    assert main(["review", "--project", str(project.folder.root), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["champion"], document["challenger"]) == ("1", "2")
    assert "surely more than the limit of 0.02" in document["stopped"][0]
    champion = project.registry().champion()
    assert champion is not None
    assert champion.version == "1"
    with closing(open_journal(project.folder.journal)) as db:
        assert [event.body["by"] for event in events(db, "gate")] == ["run", "review"]
