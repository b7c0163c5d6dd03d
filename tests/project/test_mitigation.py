"""Mitigation in a project: it narrows the difference, tells its price, and the whole life of a model keeps to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import fairlearn.metrics as fl
import msgspec
import numpy as np
import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import ConfigError
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.release.decide import NO_THRESHOLD
from tenure.release.scorer import Scorer
from tenure.simulate.telecom import TelecomWorld
from tests.project.conftest import quick
from tests.project.test_fairness import make_project

ASKED = "{groups: [group], limit: 0.05, metric: equal_opportunity_difference, mitigate: %s}"


def test_thresholds_by_group_through_the_whole_life(
    loans: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project(loans, tmp_path / "loans", ASKED % "threshold_by_group", exclude="[group]")
    report = project.run()
    release = Path(report.release)
    told = report.fairness["mitigation"]
    assert set(told["thresholds"]) == {"a", "b"}
    assert told["thresholds"]["b"] < report.threshold < told["thresholds"]["a"]
    (change,) = told["price"]["fairness"]
    assert change["with"]["value"] < 0.1 < change["without"]["value"]
    assert told["price"]["quality"]["log_loss"]["change"]["value"] == 0.0  # the probabilities are the same
    assert "decides from a probability of a " in report.to_text()
    assert "its price in accuracy" in report.to_text()
    card = (release / "card.md").read_text()
    assert "Mitigation and its price" in card
    assert "unlawful" in card
    assert json.loads((release / "schema.json").read_text())["properties"]["group"]["description"]
    (flip,) = report.fairness["flips"]  # no feature, but the decision goes by it
    assert flip["flipped"]["value"] > 0
    assert flip["moved"]["value"] == 0
    assert project.replay_run(report.run).same

    test = _test_rows(project)
    test.write_csv(tmp_path / "test.csv")
    project.predict(str(tmp_path / "test.csv"), str(tmp_path / "out.csv"))
    scored = pl.read_csv(tmp_path / "out.csv")
    decided = (scored["prediction"] == "yes").to_numpy()
    theirs = fl.equal_opportunity_difference(
        (test["repaid"] == "yes").to_numpy(), decided, sensitive_features=test["group"].to_numpy()
    )
    assert change["with"]["value"] == pytest.approx(theirs, abs=1e-12)
    cuts = np.array([told["thresholds"][group] for group in test["group"]])
    assert (decided == (scored["probability"].to_numpy() >= cuts)).all()

    answered = [
        answer["prediction"]
        for answer in _served(release, test.drop("repaid").with_columns(pl.all().cast(str)))
    ]
    assert answered == scored["prediction"].to_list()
    assert all(
        "warnings" not in answer
        for answer in _served(release, test.drop("repaid").head(3).with_columns(pl.all().cast(str)))
    )
    without = _served(release, test.drop("repaid", "group").with_columns(pl.all().cast(str)))
    told = {"column": "group", "rule": NO_THRESHOLD, "value": "(missing)"}
    assert all(told in answer["warnings"] for answer in without)
    common = (scored["probability"] >= report.threshold).to_list()
    assert [answer["prediction"] == "yes" for answer in without] == common
    test.drop("group").write_csv(tmp_path / "blind.csv")
    scored_blind = project.predict(str(tmp_path / "blind.csv"), str(tmp_path / "blind_out.csv"))
    assert scored_blind["groups"] == [{**told, "rows": len(test)}]
    assert f"column 'group': {NO_THRESHOLD}: (missing), {len(test)} row(s)" in caplog.text
    assert (pl.read_csv(tmp_path / "blind_out.csv")["prediction"] == "yes").to_list() == common


def _served(release: Path, rows: pl.DataFrame) -> list[dict]:
    """What the service answers for these rows."""
    from tenure.serve.champion import ServedModel
    from tenure.serve.scoring import predict_rows

    model = ServedModel("loans", "1", release.name, release, Scorer.load(release))
    sent = [msgspec.json.decode(msgspec.json.encode(row)) for row in rows.iter_rows(named=True)]
    answers, _ = asyncio.run(predict_rows(model, sent, 0, time.perf_counter()))
    return answers


def _test_rows(project: Project) -> pl.DataFrame:
    from tenure.prepare.split import PART, TEST

    path = next(project.folder.versions.glob("*/rows.parquet"))
    return pl.read_parquet(path).filter(pl.col(PART) == TEST).drop(PART)


def test_a_table_and_its_rows_are_decided_alike(loans: Path, tmp_path: Path) -> None:
    """Also where the group is a feature, is missing, or is one that training never saw."""
    for name, exclude in (("feature", "[]"), ("beside", "[group]")):
        project = make_project(
            loans,
            tmp_path / name,
            "{groups: [group], limit: 0.01, metric: demographic_parity_difference, mitigate: threshold_by_group}",
            exclude=exclude,
        )
        report = project.run()
        assert report.fairness["mitigation"].get("thresholds"), name
        scorer = Scorer.load(Path(report.release))
        rows = _test_rows(project).with_columns(pl.all().cast(str))
        rows = rows.with_columns(
            group=pl.when(pl.int_range(pl.len()) % 5 == 0)
            .then(None)
            .when(pl.int_range(pl.len()) % 7 == 0)
            .then(pl.lit("never seen"))
            .otherwise(pl.col("group"))
        )
        table = scorer.score_table(rows)
        one_by_one = [scorer.score_row(row) for row in rows.iter_rows(named=True)]
        assert table.predictions == [score.prediction for score in one_by_one]
        told = Counter(
            problem for score in one_by_one for problem in score.warnings if problem.rule == NO_THRESHOLD
        )
        assert table.ungrouped == told
        assert sum(told.values()) == rows["group"].is_in(["a", "b"]).not_().fill_null(True).sum()
        assert {problem.column for problem in told} <= scorer.warned_names
        assert table.predictions == [
            scorer.score_anyway(row)[0].prediction for row in rows.iter_rows(named=True)
        ]


@pytest.mark.parametrize("kind", ["reweighing", "constraint"])
def test_weights_in_fits_narrow_the_difference(loans: Path, tmp_path: Path, kind: str) -> None:
    asked, source = ASKED % kind, loans
    if kind == "reweighing":  # it is about outcomes that are more frequent in one group
        asked, source = asked.replace("equal_opportunity", "demographic_parity"), tmp_path / "loans.csv"
        rows = pl.read_csv(loans)
        denied = (pl.col("group") == "b") & (pl.int_range(pl.len()) % 5 < 3)
        rows.with_columns(repaid=pl.when(denied).then(pl.lit("no")).otherwise("repaid")).write_csv(source)
    project = make_project(source, tmp_path / "loans", asked, exclude="[group]")
    project.prepare()
    run = project.train()
    assert run.trained.plain is not None
    report = project.evaluate()  # the plain model has waited with it on disk
    told = report.fairness["mitigation"]
    (change,) = told["price"]["fairness"]
    assert change["change"]["low"] <= change["change"]["value"] < -0.03
    assert (
        change["with"]["value"]
        == report.fairness["groupings"][0]["differences"][report.fairness["metric"]]["value"]
    )
    assert told["price"]["quality"]["roc_auc"]["with"] == pytest.approx(report.test["roc_auc"].value)
    loss = told["price"]["quality"]["log_loss"]
    assert loss["change"]["value"] == pytest.approx(loss["with"] - loss["without"])
    assert loss["change"]["low"] < loss["change"]["value"] < loss["change"]["high"]
    assert {group for group, _, _ in told["weights"]} == {"a", "b"}
    if kind == "constraint":
        assert told["held_out"]["with"] <= 0.05 < told["held_out"]["without"]
        assert change["with"]["value"] < 0.08
    assert project.replay_run(report.run).same


@pytest.mark.slow
def test_the_price_is_that_of_the_same_plan_without_mitigation(loans: Path, tmp_path: Path) -> None:
    asked = ASKED % "reweighing"
    mitigated = make_project(loans, tmp_path / "with", asked, exclude="[group]").run()
    plain = make_project(
        loans, tmp_path / "without", asked.replace(", mitigate: reweighing", ""), exclude="[group]"
    ).run()
    told = mitigated.fairness["mitigation"]["price"]
    assert "mitigation" not in plain.fairness
    for name in ("log_loss", "roc_auc", "accuracy", "f1"):
        assert told["quality"][name]["without"] == pytest.approx(plain.test[name].value, abs=1e-12)
    measured = plain.fairness["groupings"][0]["differences"]["equal_opportunity_difference"]["value"]
    assert told["fairness"][0]["without"]["value"] == pytest.approx(measured)


@pytest.mark.slow
def test_nothing_is_done_where_the_limit_is_kept(loans: Path, tmp_path: Path) -> None:
    for kind in ("threshold_by_group", "constraint"):
        asked = f"{{groups: [group], limit: 0.9, mitigate: {kind}}}"
        report = make_project(loans, tmp_path / kind, asked, exclude="[group]").run()
        assert "keeps the limit" in report.fairness["mitigation"]["why"]
        assert report.fairness["mitigation"]["price"]["fairness"][0]["change"]["value"] == 0.0
        calibration = json.loads((Path(report.release) / "calibration.json").read_text())
        assert "by_group" not in calibration


def test_what_does_not_fit_is_told_before_anything_is_trained(
    loans: Path,
    toy_tables: dict[str, Path],
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match="did you mean 'group'"):
        make_project(loans, tmp_path / "loans", "{groups: [gruop], mitigate: reweighing}").run()
    root = tmp_path / "diabetes"
    create_project(Folder(root), Request(str(toy_tables["diabetes"]), "target", None))
    quick(root, "[logistic]")
    with (root / "tenure.yaml").open("a") as file:
        file.write("fairness: {groups: [sex], mitigate: threshold_by_group}\n")
    with pytest.raises(ConfigError, match="the target is a number"):
        Project.open(str(root)).run()
    assert not list((root / "releases").glob("*"))


@pytest.mark.slow
def test_a_retrained_challenger_is_mitigated_the_same_way(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = telecom("mitigated")
    path = project.folder.config_file
    text = path.read_text().replace("when: [drift, performance, age]", "when: [age]")
    text = text.replace("promote: automatic}", "promote: automatic, age: 1s}")
    asked = "groups: [tenure_months], bins: {tenure_months: [12]}, metric: demographic_parity_difference"
    path.write_text(text + f"fairness: {{{asked}, limit: 0.03, mitigate: threshold_by_group}}\n")
    project = Project.open(str(project.folder.root))
    first = project.run()
    assert first.fairness["mitigation"]["thresholds"]
    if not first.champion:
        project.promote("1", despite="there is no other")
    project.predict(str(world.live[0]), str(tmp_path / "scored.csv"))
    project.take_outcomes(str(world.outcomes[0]))
    time.sleep(1.1)
    main(["review", "--project", str(project.folder.root), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["challenger"] == "2"
    places = sorted(project.folder.releases.iterdir(), key=lambda place: place.stat().st_mtime)
    assert (
        json.loads((places[-1] / "fairness.json").read_text())["mitigation"]["kind"] == "threshold_by_group"
    )
    assert "by_group" in json.loads((places[-1] / "calibration.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reweighing", "threshold_by_group", "constraint"])
def test_the_difference_by_sex_in_adult(shared_data: Path, tmp_path: Path, kind: str) -> None:
    source = shared_data / "adult.csv.gz"
    root = tmp_path / "adult"
    create_project(Folder(root), Request(str(source), "income", ">50K"))
    quick(root, "[lightgbm]")
    path = root / "tenure.yaml"
    path.write_text(
        path.read_text()
        + f"fairness: {{groups: [sex], metric: demographic_parity_difference, limit: 0.05, mitigate: {kind}}}\n"
    )
    report = Project.open(str(root)).run()
    (change,) = report.fairness["mitigation"]["price"]["fairness"]
    assert change["change"]["high"] < 0
    if kind != "reweighing":
        assert change["with"]["value"] < 0.08
    assert report.fairness["mitigation"]["price"]["quality"]["accuracy"]["change"]["value"] > -0.05
