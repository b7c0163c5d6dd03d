"""Features and rules of tenure.yaml go round the whole circle."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from tenure.cli import main
from tenure.errors import ExpressionError, ExtraMissing
from tenure.prepare.sql.parse import _dialect
from tenure.project import Project
from tenure.serve.app import create_app
from tenure.serve.settings import ServeSettings
from tenure.simulate.telecom import TelecomWorld

FEATURES = """
features:
  price_of_a_gigabyte: "monthly_charge / NULLIF(data_gb, 0)"
  is_new: "tenure_months < 6"
"""


def with_expressions(project: Project, features: str, rules: str) -> Project:
    path = project.folder.config_file
    text = path.read_text().replace("\ndata:", f"\ndata:\n  rules: {rules}") + features
    path.write_text(text.replace("\nfeatures: {}", "", 1))
    return Project.open(str(project.folder.root))


def test_features_and_rules_go_round(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
) -> None:
    project = with_expressions(telecom("sql"), FEATURES, '["monthly_charge <= 105"]')
    report = project.run()
    assert sum(report.rows.values()) < 1500
    assert any("break the rule" in warning for warning in report.warnings)
    assert {"price_of_a_gigabyte", "is_new"} <= set(report.importance)
    schema = json.loads((Path(report.release) / "schema.json").read_text())
    assert not {"price_of_a_gigabyte", "is_new"} & set(schema["properties"])

    live = pl.read_csv(world.live[0], infer_schema=False)
    live = live.filter(pl.col("monthly_charge").cast(pl.Float64, strict=False) < 100).head(60)
    good, bad = live.row(0, named=True), {**live.row(1, named=True), "monthly_charge": 1e6}
    folder = project.folder
    with TestClient(create_app(ServeSettings(pointer=folder.champion, journal=folder.journal))) as client:
        answer = client.post("/predict?explain=40", json=good).json()["predictions"][0]
        assert "is_new" in {reason["column"] for reason in answer["reasons"]}
        refused = client.post("/predict", json=[good, bad])
    assert refused.status_code == 422
    assert refused.json()["problems"] == [
        {
            "row": 1,
            "column": "monthly_charge",
            "rule": "must satisfy the rule monthly_charge <= 105",
            "value": "monthly_charge = 1e+06",
        }
    ]
    assert project.replay(answer["id"])["same"]

    charge = pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("999999")).otherwise("monthly_charge")
    live.with_columns(monthly_charge=charge).write_csv(tmp_path / "live.csv")
    result = project.predict(str(tmp_path / "live.csv"), str(tmp_path / "scored.csv"), explain=2)
    assert result["problems"] == 1
    assert "must satisfy the rule" in Path(result["problems_file"]).read_text()
    assert pl.read_csv(tmp_path / "scored.csv").height == 60
    broken = project.replay(live["customer_id"][1])
    assert broken["same"]
    assert broken["scored_as_missing"] == []
    assert {"is_new", "price_of_a_gigabyte"} <= {column.column for column in project.monitor().drift.columns}


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose table is not there: whatever a command says, it says before it reads one."""
    (tmp_path / "tenure.yaml").write_text("name: plain\ndata: {source: away.csv, target: left}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


WRONG = {
    "features.half": "features: {half: amount / }\n",
    "features.told": "features: {told: 1 - left}\n",
    "features.same": "features: {same: 1 + 1}\n",
    "features.sooner": "features: {sooner: NOW()}\n",
    "data.rules.1": "",
    "data.label.where": "",
}


@pytest.mark.parametrize(
    "command", [["models"], ["monitor"], ["serve"], ["prepare"], ["predict", "a.csv", "b.csv"]]
)
@pytest.mark.parametrize("key", WRONG)
def test_any_command_refuses_a_wrong_expression(
    plain: Path, key: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    data = "source: away.csv, target: left"
    if key == "data.rules.1":
        data += ", rules: ['amount > 0', 'amount >']"
    if key == "data.label.where":
        data = (
            "target: left, id: who, cutoffs: [2024-01-01], tables: {calls: {source: away.csv, key: who, time: day}}, "
            "label: {table: calls, when: none, within: 9d, where: 'SUM(amount) > 1'}"
        )
    (plain / "tenure.yaml").write_text(f"name: plain\ndata: {{{data}}}\n{WRONG[key]}")
    assert main(command) == 2
    said = capsys.readouterr().err
    assert f"tenure.yaml, line {3 if WRONG[key] else 2}, {key}\n" in said
    assert "^" in said


def visits(root: Path, more: str) -> Project:
    """Rows with a time that is a column of dates, a plan and a rare plan."""
    rng, n = np.random.default_rng(0), 1500
    days, plan = rng.integers(0, 700, n), rng.choice(["basic", "Plus", "rare"], n, p=[0.6, 0.395, 0.005])
    table = {
        "seen": [(date(2023, 1, 1) + timedelta(int(day))).isoformat() for day in days],
        "plan": plan,
        "city": [f"village {row % 250}" if row % 3 else f"town {row % 5}" for row in range(n)],
        "spend": rng.gamma(2, 30, n).round(2),
        "left": np.where(rng.random(n) < 0.2 + days / 1500, "yes", "no"),
    }
    pl.DataFrame(table).write_csv(root / "visits.csv")
    text = f"name: visits\ndata: {{source: visits.csv, target: left, time: seen{more}}}\n"
    (root / "tenure.yaml").write_text(
        text + "features: {doy: EXTRACT(DOY FROM seen), cheap: plan = 'Basic' OR spend < 9}\n"
    )
    return Project.open(str(root))


def test_a_time_that_a_feature_reads_is_explored_as_a_time(tmp_path: Path) -> None:
    project = visits(tmp_path, "")
    project.prepare()
    found = project.explore().to_dict()
    assert found["scope"].startswith("training rows")
    kinds = {column["name"]: column["kind"] for column in found["columns"]}
    assert kinds["seen"] == "date"
    assert found["trends"]["column"] == "seen"
    assert "2023" in str(found["trends"])


def test_a_word_that_no_row_holds_is_doubted(tmp_path: Path) -> None:
    rules = (
        """, rules: ["plan IN ('basic', 'Plus', 'rare', 'plos')", "plan <> 'gold'", "city <> 'village 7'"]"""
    )
    prepared = visits(tmp_path, rules).prepare()
    city = next(column for column in prepared.recipe.columns if column.name == "city")
    assert "village 7" not in city.levels  # too rare for a level, and still there
    warnings = [w for w in prepared.warnings if "compares" in w]
    assert warnings == [
        "feature 'cheap' compares 'plan' with 'Basic', which no training row holds; did you mean 'basic'?; "
        "letter case counts",
        "rule \"plan IN ('basic', 'Plus', 'rare', 'plos')\" compares 'plan' with 'plos', which no training row holds; "
        "did you mean 'Plus'?",
        "rule \"plan <> 'gold'\" compares 'plan' with 'gold', which no training row holds; "
        "its levels are 'basic', 'Plus', 'rare'",
    ]


def test_a_config_without_expressions_needs_no_grammar(plain: Path) -> None:
    code = "import sys\nfrom tenure.project import Project\nProject.open().config\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"sqlglot", "tenure.prepare.sql.parse"} & set(loaded)


def test_without_sqlglot_the_config_is_read_all_the_same(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (plain / "tenure.yaml").open("a") as file:
        file.write("features: {half: amount / 2}\n")
    _dialect.cache_clear()
    monkeypatch.setitem(sys.modules, "sqlglot.dialects.dialect", None)
    project = Project.open()
    assert project.config.features
    with pytest.raises(ExtraMissing, match="sqlglot"):
        project.prepare()


def test_a_rule_that_warns_is_told_wherever_rows_are_scored(
    telecom: Callable[[str], Project], world: TelecomWorld, tmp_path: Path
) -> None:
    rules = """[{rule: "monthly_charge <= 60 OR data_gb > 1", then: warn}, {rule: "data_gb < 1e6", then: refuse}]"""
    project = with_expressions(telecom("sql"), FEATURES, rules)
    assert any("are kept" in warning for warning in project.run().warnings)
    live = pl.read_csv(world.live[0], infer_schema=False).head(40)
    numbers = live.with_columns(pl.col("monthly_charge", "data_gb").cast(pl.Float64, strict=False))
    breaking = (
        numbers.select((pl.col("monthly_charge") > 60) & (pl.col("data_gb") <= 1))
        .to_series()
        .fill_null(False)
    )
    live = live.with_columns(
        monthly_charge=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("99")).otherwise("monthly_charge"),
        data_gb=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("0.5")).otherwise("data_gb"),
    )
    n_breaking = int(breaking.sum()) + (not breaking[3])
    live.write_csv(tmp_path / "live.csv")
    (told,) = project.predict(str(tmp_path / "live.csv"), str(tmp_path / "scored.csv"))["rules"]
    assert (told["rule"], told["rows"]) == ("monthly_charge <= 60 OR data_gb > 1", n_breaking)
    assert "row 3 (monthly_charge = 99, data_gb = 0.5)" in told["examples"]
    assert not (tmp_path / "scored.csv.problems.csv").exists()
    folder = project.folder
    with TestClient(create_app(ServeSettings(pointer=folder.champion, journal=folder.journal))) as client:
        answers = client.post("/predict", json=live.to_dicts()).json()["predictions"]
        page = client.get("/metrics").text
    rule = {
        "column": "monthly_charge, data_gb",
        "rule": "must satisfy the rule monthly_charge <= 60 OR data_gb > 1",
        "value": "monthly_charge = 99, data_gb = 0.5",
    }
    assert rule in answers[3]["warnings"]
    warned = [a for a in answers if any(w["column"] == rule["column"] for w in a.get("warnings", []))]
    assert len(warned) == n_breaking
    assert f'tenure_row_warnings_total{{column="monthly_charge, data_gb"}} {n_breaking}.0' in page


def test_a_wrong_expression_stops_before_the_table_is_read(telecom: Callable[[str], Project]) -> None:
    project = with_expressions(telecom("sql"), FEATURES.replace("NULLIF", "NULIF"), "[]")
    Path(project.folder.root / "nothing").mkdir()
    with pytest.raises(ExpressionError, match="did you mean NULLIF") as caught:
        project.prepare()
    assert "tenure.yaml, line " in str(caught.value.where)
    assert "features.price_of_a_gigabyte" in str(caught.value.where)
