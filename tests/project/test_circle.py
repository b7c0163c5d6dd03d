"""Round the whole circle: run, predict, journal, outcomes, monitor, review, promote, roll back, trace, replay."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from tenure.errors import (
    ColumnsMissing,
    ConfigError,
    JournalError,
    ProjectError,
    RegistryError,
    TenureError,
)
from tenure.journal.tables import open_journal
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, check_agreement, create_project
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings
from tenure.simulate.telecom import TelecomWorld

from .conftest import quick


def service(project: Project) -> TestClient:
    folder = project.folder
    return TestClient(create_app(ServeSettings(pointer=folder.champion, journal=folder.journal)))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def post(client: TestClient, rows: list[dict[str, Any]], query: str = "") -> dict[str, Any]:
    answer = client.post(f"/predict{query}", json=rows)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_customer_table_goes_round(telecom: Callable[[str], Project], world: TelecomWorld):
    project = telecom("telecom")
    report = project.run()
    assert report.champion
    assert report.version == "1"
    assert set(report.test) >= {
        "roc_auc",
        "pr_auc",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier",
    }
    assert report.test["roc_auc"].low <= report.test["roc_auc"].value <= report.test["roc_auc"].high
    assert report.test["roc_auc"].low > 0.7
    assert next(iter(report.baselines)) == "majority class"
    assert len(report.baselines) == 4
    assert report.baselines["majority class"]["accuracy"].value > 0.5
    assert "majority class" in report.to_dict()["claim"]
    document = report.to_dict()
    assert {"model", "task", "metric", "validation", "test", "seconds", "release", "warnings"} <= set(
        document
    )
    record = json.loads((project.folder.runs / report.run / "record.json").read_text())
    assert record["test_reads"] == 1

    before = rows_of(world.live[0])[:50]
    with service(project) as client:
        answers = [a for path in world.live for a in post(client, rows_of(path))["predictions"]]
        first = post(client, before)["predictions"]
        for path in world.outcomes:
            taken = project.take_outcomes(str(path))
            assert taken["recorded"] == len(rows_of(path))
            assert project.take_outcomes(str(path))["already"] == len(rows_of(path))
        monitored = project.monitor()
        assert "monthly_charge" in [column.column for column in monitored.drift.alarms]
        assert not monitored.passed

        dry = project.review(dry_run=True)
        assert (dry["verdict"], dry["actions"]) == ("retrain", [])
        assert len(project.registry().versions()) == 1
        reviewed = project.review()
        assert reviewed["verdict"] == "retrain"
        assert reviewed["challenger"] == "2"
        assert reviewed["comparison"]["verdict"] in ("promote", "keep")

    project.promote("2")
    with service(project) as client:
        assert post(client, before)["model"]["version"] == "2"
    assert project.rollback() == ("2", "1")
    with service(project) as client:
        again = post(client, before)
    assert again["model"]["version"] == "1"
    assert [a["probability"] for a in again["predictions"]] == [a["probability"] for a in first]

    for answer in np.random.default_rng(0).choice(np.array(answers, dtype=object), 10, replace=False):
        assert project.replay(answer["id"])["same"]
        traced = project.trace(answer["id"])
        assert (traced["release"], traced["run"]) == (Path(report.release).name, report.run)
    with pytest.raises(JournalError, match="no prediction"):
        project.trace("nothing")


@pytest.mark.parametrize("table", ["wine", "diabetes"])
def test_multiclass_and_regression_go_round(table: str, toy_tables: dict[str, Path], tmp_path: Path):
    root = tmp_path / table
    create_project(Folder(root), Request(str(toy_tables[table]), "target"))
    project = quick(root)
    report = project.run()
    assert report.task == {"wine": "multiclass", "diabetes": "regression"}[table]
    project.predict(str(toy_tables[table]), str(tmp_path / "out.csv"), explain=2)
    scored = pl.read_csv(tmp_path / "out.csv")
    assert scored.height == len(rows_of(toy_tables[table]))
    assert scored.columns[:2] == ["row", "prediction"]
    assert {"reason_1", "effect_2"} <= set(scored.columns)
    rows: list[dict[str, Any]] = [{k: float(v) for k, v in row.items()} for row in rows_of(toy_tables[table])]
    with service(project) as client:
        answers = post(client, rows, "?explain=3")["predictions"]
        for answer in answers[:20]:
            total = answer["base"] + sum(reason["effect"] for reason in answer["reasons"]) + answer["rest"]
            assert total == pytest.approx(answer["score"], rel=1e-9, abs=1e-9)
        served = [answer["prediction"] for answer in answers]
        outcomes = [{"id": a["id"], "outcome": row["target"]} for a, row in zip(answers, rows, strict=True)]
        assert client.post("/outcomes", json=outcomes).json()["recorded"] == len(rows)
    assert [str(p) for p in served] == [str(p) for p in scored["prediction"]]
    assert project.replay(answers[0]["id"])["same"]
    assert project.monitor().performance.n_outcomes == len(rows)
    assert project.review()["verdict"] in ("keep", "retrain", "ask")


def test_the_same_seed_gives_the_same_bytes_in_another_folder(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
):
    outputs = []
    for name in ("one", "two"):
        project = telecom(name)
        project.run()
        output = tmp_path / f"{name}.csv"
        project.predict(str(world.live[0]), str(output))
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1]


@pytest.mark.slow
def test_stage_by_stage_and_by_a_recorded_plan_gives_what_run_gives(telecom: Callable[[str], Project]):
    whole = telecom("whole").run()
    project = telecom("stages")
    project.prepare()
    project.train()
    staged = project.evaluate()
    assert Path(staged.release).name == Path(whole.release).name
    with pytest.raises(ProjectError, match="no trained model"):
        project.evaluate()
    project.train(plan=staged.run)
    followed = project.evaluate()
    assert Path(followed.release).name == Path(whole.release).name
    with pytest.raises(ProjectError, match="no run"):
        project.train(plan="none")


def test_bad_cells_are_named_and_nothing_is_lost(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
):
    project = telecom("bad")
    project.run()
    table = pl.read_csv(world.live[0], infer_schema=False)
    odd = table.with_columns(
        monthly_charge=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("cheap")).otherwise("monthly_charge")
    )
    odd.write_csv(tmp_path / "odd.csv")
    document = project.predict(str(tmp_path / "odd.csv"), str(tmp_path / "out.csv"))
    assert document["problems"] == 1
    named = pl.read_csv(tmp_path / "out.csv.problems.csv").to_dicts()
    assert named[0] | {"rule": ""} == {"row": 3, "column": "monthly_charge", "rule": "", "value": "'cheap'"}
    assert pl.read_csv(tmp_path / "out.csv").height == table.height
    table.drop("contract").write_csv(tmp_path / "less.csv")
    kept = (tmp_path / "out.csv").read_bytes()
    with pytest.raises(ColumnsMissing, match="contract"):
        project.predict(str(tmp_path / "less.csv"), str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_bytes() == kept
    outcomes = pl.DataFrame({"customer_id": ["nobody"], "churned": ["maybe"]})
    outcomes.write_csv(tmp_path / "outcomes.csv")
    with pytest.raises(Exception, match="maybe"):
        project.take_outcomes(str(tmp_path / "outcomes.csv"))
    with pytest.raises(RegistryError):
        project.promote("7")
    with closing(open_journal(project.folder.journal)) as db:
        assert db.db.execute("SELECT count(*) FROM outcomes").fetchone() == (0,)


def test_a_command_line_that_contradicts_the_project_is_refused(
    telecom: Callable[[str], Project], world: TelecomWorld
):
    project = telecom("firm")
    check_agreement(project.folder, Request(str(world.customers), "churned"))
    with pytest.raises(ConfigError, match=r"data\.target"):
        check_agreement(project.folder, Request(str(world.customers), "contract"))
    with pytest.raises(ProjectError, match="already"):
        create_project(project.folder, Request(str(world.customers), "churned"))


def test_a_batch_is_journalled_so_that_outcomes_find_it(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
):
    project = telecom("batch")
    project.run()
    live = pl.read_csv(world.live[0], infer_schema=False)
    odd = live.with_columns(
        monthly_charge=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("cheap")).otherwise("monthly_charge")
    )
    odd.write_csv(tmp_path / "live.csv")
    project.predict(str(tmp_path / "live.csv"), str(tmp_path / "scored.csv"))
    assert project.take_outcomes(str(world.outcomes[0]))["recorded"] == live.height
    assert project.monitor().performance.n_outcomes == live.height
    for place, missing in ((0, ["monthly_charge"]), (1, [])):
        replayed = project.replay(live["customer_id"][place])
        assert replayed["same"]
        assert replayed["scored_as_missing"] == missing
    with pytest.raises(TenureError, match="replace the source"):
        project.predict(str(tmp_path / "live.csv"), str(tmp_path / "live.csv"))
    assert pl.read_csv(tmp_path / "live.csv", infer_schema=False).equals(odd)


@pytest.mark.slow
def test_a_worse_model_on_the_same_rows_does_not_take_the_post(telecom: Callable[[str], Project]):
    project = telecom("firm")
    first = project.run()
    path = project.folder.config_file
    spoiled = (
        path.read_text()
        .replace("  exclude: []", "  exclude: []\n  # spoiled")
        .replace("[logistic, lightgbm]", "[forest]")
    )
    path.write_text(spoiled)
    second = Project.open(str(project.folder.root)).run()
    champion = project.registry().champion()
    assert champion is not None
    assert second.champion == (champion.version == second.version)
    assert second.champion or "keeps the post" in second.post
    assert first.version == "1"


@pytest.mark.slow
def test_a_retrained_champion_is_retrained_again_and_kept_by_run(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
):
    project = telecom("again")
    project.run()
    path = project.folder.config_file
    text = path.read_text().replace("promote: automatic}", "promote: automatic, age: 1s}")
    path.write_text(text.replace("when: [drift, performance, age]", "when: [age]"))
    project = Project.open(str(project.folder.root))
    reviews = []
    for month in (0, 1):
        project.predict(str(world.live[month]), str(tmp_path / "scored.csv"))
        project.take_outcomes(str(world.outcomes[month]))
        time.sleep(1.1)
        reviews.append(project.review())
        assert reviews[-1]["verdict"] == "retrain", (reviews[-1]["reasons"], reviews[-1]["evidence"]["facts"])
        project.promote(reviews[-1]["challenger"])
    assert [review["verdict"] for review in reviews] == ["retrain", "retrain"]
    assert reviews[1]["evidence"]["facts"]["n_labelled"] == len(rows_of(world.live[1]))
    assert project.trace(rows_of(world.live[1])[0]["customer_id"])["config"] is not None
    report = project.run()
    champion = project.registry().champion()
    assert champion is not None
    assert not report.champion
    assert champion.version == reviews[1]["challenger"]


@pytest.mark.slow
def test_a_changed_config_does_not_use_old_rows_and_does_not_mix_targets(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
):
    project = telecom("changed")
    project.run()
    project.predict(str(world.live[0]), str(tmp_path / "scored.csv"))
    project.take_outcomes(str(world.outcomes[0]))
    path = project.folder.config_file
    path.write_text(
        path.read_text().replace('target: "churned"', 'target: "contract"').replace('"yes"', "null")
    )
    project = Project.open(str(project.folder.root))
    with pytest.raises(ProjectError, match="other settings"):
        project.train()
    assert project.run().task == "multiclass"
    assert project.monitor().n_outcomes == 0


def test_nothing_is_changed_when_it_cannot_be_recorded(telecom: Callable[[str], Project]):
    project = telecom("unrecorded")
    project.run()
    for file in project.folder.own.glob("journal.db*"):
        file.unlink()
    project.folder.journal.write_text("no journal " * 1000)
    pointer = project.folder.champion.read_text()
    with pytest.raises(JournalError):
        project.promote("1")
    assert project.folder.champion.read_text() == pointer
    project.folder.registry.unlink()
    with pytest.raises(RegistryError, match="no champion called"):
        project.registry()
    assert project.folder.champion.read_text() == pointer


def test_damaged_prepared_rows_are_named(telecom: Callable[[str], Project]):
    project = telecom("damaged")
    prepared = project.prepare()
    rows = project.folder.versions / prepared.id / "rows.parquet"
    rows.unlink()  # DVC's cache holds the same file
    rows.write_text("no table")
    with pytest.raises(ProjectError, match="damaged"):
        project.train()


def test_declared_slices_and_waivers_reach_result_and_card(telecom: Callable[[str], Project]):
    project = telecom("slices")
    path = project.folder.config_file
    text = (
        path.read_text()
        + '\nchecks: {waive: {M302: "it is known"}}\nslices: [contract, "monthly_charge > 60"]\n'
    )
    path.write_text(text)
    report = Project.open(str(project.folder.root)).run()
    body = report.to_dict()
    names = [one["name"] for one in body["slices"]["measured"]] + list(body["slices"]["too_few_rows"])
    assert "monthly_charge > 60" in names
    assert any(name.startswith("contract = ") for name in names)
    assert body["serving"]["microseconds"] > 0
    assert next(step["step"] for step in body["steps"]) == "best default"
    card = (Path(report.release) / "card.md").read_text()
    assert "**Claim.** " + body["claim"] in card
    assert "## Slices" in card
    assert "## Checks" in card
    failing = {one["subject"] for one in body["checks"]["found"] if one["code"] == "M401"}
    assert set(body["slices"]["failing"]) == failing
    whole = project.card().to_markdown()
    assert f"{len(body['slices']['measured'])} measured, {len(failing)} fail" in whole
    assert all(name in whole for name in names[: len(body["slices"]["measured"])])
    assert all(f"{one['code']} " in whole for one in body["checks"]["found"])


@pytest.mark.slow
def test_each_second_of_a_run_is_told_once(telecom: Callable[[str], Project]) -> None:
    project = telecom("seconds")
    edited = project.folder.config_file.read_text().replace(
        "generate_features: false", "generate_features: true"
    )
    project.folder.config_file.write_text(edited)
    seconds = dict(Project.open(str(project.folder.root)).run().seconds)
    total = seconds.pop("total")
    assert seconds["generate"] > 0.0
    assert seconds["loading"] < seconds["train"] + seconds["generate"]
    stages = ("prepare", "generate", "train", "explain", "evaluate", "register")
    assert sum(seconds[stage] for stage in stages) <= total
