"""Generated features from a run to its report, its card, a plan that is followed, and a retrained model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from tenure.monitor.windows import LabelledRows
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.retraining import NewRows, retrain
from tenure.project.setup import Request, create_project
from tenure.release.scorer import Scorer
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings

from .conftest import quick

RATIO = "ratio_spend_visits"


def visitors(n: int, seed: int) -> pl.DataFrame:
    """Customers who leave if they spend little a visit."""
    rng = np.random.default_rng(seed)
    spend, visits = np.round(rng.uniform(10, 1000, n), 2), rng.integers(1, 40, n)
    signal = 8 * (np.log(spend / visits) - 3.2) + 0.3 * rng.logistic(size=n)
    left = np.where(signal > 0, "no", "yes")
    return pl.DataFrame(
        {"spend": spend, "visits": visits, "age": np.round(rng.normal(50, 9, n), 1), "left": left}
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    visitors(4000, 1).write_csv(tmp_path / "visitors.csv")
    folder = Folder(tmp_path / "project")
    create_project(folder, Request(str(tmp_path / "visitors.csv"), "left", "yes"))
    return edited(quick(folder.root, "[lightgbm]"), "generate_features: false", "generate_features: true")


def edited(project: Project, before: str, after: str) -> Project:
    path = project.folder.config_file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return Project.open(str(project.folder.root))


@pytest.mark.slow
def test_a_kept_feature_goes_round_and_is_followed_by_a_plan(project: Project) -> None:
    report = project.run()
    (feature,) = report.to_dict()["features"]
    assert (feature["name"], feature["sql"]) == (RATIO, '"spend" / NULLIF("visits", 0)')
    assert feature["gain"]["low"] > 0
    assert feature["microseconds"] > 0
    assert f"generated feature {RATIO} = " in report.to_text()
    assert f'- {RATIO}: `"spend" / NULLIF("visits", 0)`' in (Path(report.release) / "card.md").read_text()
    assert next(iter(report.importance)) == RATIO
    assert RATIO not in json.loads((Path(report.release) / "schema.json").read_text())["properties"]

    folder = project.folder
    row = visitors(1, 7).drop("left").row(0, named=True)
    with TestClient(create_app(ServeSettings(pointer=folder.champion, journal=folder.journal))) as client:
        answer = client.post("/predict?explain=3", json=row).json()["predictions"][0]
    assert RATIO in {reason["column"] for reason in answer["reasons"]}

    without = edited(project, "generate_features: true", "generate_features: false")
    trained = without.train(plan=report.run)
    assert [found.name for found in trained.trained.plan.features] == [RATIO]
    assert without.evaluate().release == report.release
    plain = without.run(again=True)
    assert plain.features == ()
    assert plain.test["log_loss"].value > report.test["log_loss"].value


@pytest.mark.slow
def test_retraining_keeps_the_features_of_the_champion(project: Project) -> None:
    report = project.run()
    rows = visitors(600, 9)
    at = np.arange(1, 601, dtype=np.int64)
    y = (rows["left"] == "yes").to_numpy().astype(float)
    dicts, outcomes = tuple(rows.drop("left").to_dicts()), tuple(rows["left"].to_list())
    live = LabelledRows(
        at, y, np.column_stack([1 - y, y]), (Path(report.release).name,) * 600, dicts, outcomes
    )
    champion = Scorer.load(Path(report.release))
    done = retrain(project.folder, project.config, champion, NewRows(live, live), None)
    version = next(v for v in project.registry().versions() if v.version == done.version)
    scorer = Scorer.load(project.folder.root / version.path)
    assert [derived.column.name for derived in scorer.recipe.derived] == [RATIO]
    assert scorer.recipe.n_rows > champion.recipe.n_rows


@pytest.mark.slow
def test_where_a_tenth_of_the_budget_is_too_little_it_says_so(project: Project) -> None:
    # a tenth of two seconds is not enough for anything
    report = edited(edited(project, "  trials: 3\n", ""), "  budget: 120s", "  budget: 2s").run()
    assert report.features == ()
    assert any("generated features: nothing was tried: " in warning for warning in report.warnings)
