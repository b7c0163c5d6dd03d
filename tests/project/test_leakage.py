"""The leakage gate in a project: it stops before anything is kept, and what it lets pass is told of."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.cli import main
from tenure.errors import GateFailed, ProjectError
from tenure.journal.entries import NewPrediction
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.journal.writer import add_predictions
from tenure.project import Project
from tenure.project.folder import Folder
from tenure.project.setup import Request, create_project
from tenure.project.versions import list_versions
from tests.prepare.leakage.builders import honest, is_yes
from tests.project.conftest import quick


def make(root: Path, more: str = "") -> Project:
    """A project on customers, one column of which was written after they had left."""
    raw = honest(1200)
    table = raw.with_columns(closing_code=pl.Series(["K1" if left else None for left in is_yes(raw)]))
    root.mkdir()
    table.write_csv(root / "customers.csv")
    create_project(Folder(root), Request(str(root / "customers.csv"), "outcome", "yes"))
    (root / "tenure.yaml").write_text((root / "tenure.yaml").read_text() + more)
    return quick(root, "[logistic]")


def test_a_leak_stops_the_run_and_nothing_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = tmp_path / "p"
    make(root)
    assert main(["run", "--project", str(root), "--json"]) == 1
    out, err = capsys.readouterr()
    (found,) = json.loads(out)["leakage"]["found"]
    assert (found["code"], found["column"], found["severity"]) == ("L301", "closing_code", "critical")
    assert "critical L301 'closing_code'" in err
    assert not list((root / "releases").iterdir())
    assert not list((root / "versions").glob("*/rows.parquet"))


def test_a_waived_leak_passes_and_stands_in_report_record_and_card(tmp_path: Path):
    root = tmp_path / "p"
    project = make(
        root, 'leakage: {waive: {L301: {closing_code: "sent with the contract"}, L101: {age: "known"}}}\n'
    )
    report = project.run()
    assert [line[:6] for line in report.warnings if "L301" in line] == ["waived"]
    assert any("leakage.waive.L101: 'age' fits no finding" in line for line in report.warnings)
    assert report.to_dict()["leakage"]["found"][0]["waived"] == "sent with the contract"
    record = json.loads((root / ".tenure" / "runs" / report.run / "record.json").read_text())
    assert record["leakage"]["found"][0]["column"] == "closing_code"
    assert "sent with the contract" in (Path(report.release) / "card.md").read_text()


def test_taking_a_waiver_out_asks_for_a_new_prepare(tmp_path: Path):
    root = tmp_path / "p"
    waiver = 'leakage: {waive: {L301: {closing_code: "sent with the contract"}}}\n'
    make(root, waiver).prepare()
    (root / "tenure.yaml").write_text((root / "tenure.yaml").read_text().replace(waiver, ""))
    with pytest.raises(ProjectError, match="run `tenure prepare`"):
        Project.open(str(root)).train()
    with pytest.raises(GateFailed):
        Project.open(str(root)).prepare()


def test_a_column_that_the_serving_table_lacks_stops(tmp_path: Path):
    root = tmp_path / "p"
    project = make(root, "leakage: {serving: serving.csv}\n")
    honest(100, seed=3).drop("outcome", "calls").write_csv(root / "serving.csv")
    with pytest.raises(GateFailed) as caught:
        project.prepare()
    assert "L801 'calls'" in str(caught.value)


def customers(n: int, seed: int, closed: bool) -> pl.DataFrame:
    """Customers with an id. closed: the closing code is filled in when they leave; else it says nothing."""
    raw = honest(n, seed)
    chance = np.random.default_rng(seed + 100).random(n) < 0.5
    filled = is_yes(raw) if closed else chance
    return raw.with_columns(
        closing_code=pl.Series(["K1" if one else None for one in filled]),
        id=pl.Series([f"c{seed}-{number}" for number in range(n)]),
    )


@pytest.fixture
def live(tmp_path: Path) -> Project:
    """A champion without a leak, which has answered 600 rows that are known to leak by now."""
    root = tmp_path / "p"
    customers(3000, 0, closed=False).write_csv(tmp_path / "customers.csv")
    create_project(Folder(root), Request(str(tmp_path / "customers.csv"), "outcome", "yes", "id"))
    project = quick(root, "[logistic]")
    project.run()
    rows = customers(600, 5, closed=True)
    rows.drop("outcome").write_csv(tmp_path / "live.csv")
    project.predict(str(tmp_path / "live.csv"), str(tmp_path / "scored.csv"))
    rows.select("id", "outcome").write_csv(tmp_path / "outcomes.csv")
    project.take_outcomes(str(tmp_path / "outcomes.csv"))
    return project


def test_a_leak_in_the_labelled_live_rows_makes_no_challenger(
    live: Project, capsys: pytest.CaptureFixture[str]
):
    root = live.folder.root
    versions = sorted((root / "versions").iterdir())
    assert main(["review", "--project", str(root), "--json"]) == 1
    out, err = capsys.readouterr()
    (stopping,) = [f for f in json.loads(out)["leakage"]["found"] if f["severity"] == "critical"]
    assert (stopping["code"], stopping["column"]) == ("L101", "closing_code")
    assert "no model was made" in err
    assert "among the labelled live rows" in err
    assert len(live.registry().versions()) == 1
    assert sorted((root / "versions").iterdir()) == versions
    with closing(open_journal(live.folder.journal)) as db:
        (review,) = [event.body for event in events(db, "review")]
    assert review["verdict"] == "retrain"
    assert review["actions"][0].startswith("no challenger: the leakage gate")
    with (root / "tenure.yaml").open("a") as file:
        file.write('leakage: {waive: {L101: {closing_code: "known at the start of the month"}}}\n')
    assert Project.open(str(root)).review()["challenger"] == "2"


def test_the_same_customers_later_are_no_leak(live: Project):
    """Live rows are later rows of customers who are in the training part, too: their past is known."""
    rows = [live.folder.root.parent / "again.csv", live.folder.root.parent / "came.csv"]
    table = customers(3000, 0, closed=False).head(600)
    table.drop("outcome").write_csv(rows[0])
    live.predict(str(rows[0]), str(live.folder.root.parent / "scored.csv"))
    table.select("id", "outcome").write_csv(rows[1])
    live.take_outcomes(str(rows[1]))
    with live.folder.config_file.open("a") as file:
        file.write('leakage: {waive: {L101: {closing_code: "known at the start of the month"}}}\n')
    project = Project.open(str(live.folder.root))
    assert project.review()["challenger"] == "2"
    found = list_versions(project.folder)[-1].leakage["found"]
    assert {"L601", "L602", "L502"}.isdisjoint(finding["code"] for finding in found)


def test_rows_of_the_journal_are_compared_with(telecom: Callable[[str], Project]):
    project = telecom("t")
    with project.folder.changing("test"):
        pass  # lays out the journal
    customers = pl.read_csv(project.folder.root / project.config.data.source, infer_schema=False)
    rows = customers.drop("churned").with_columns(contract=pl.lit(None, dtype=pl.String)).head(60).to_dicts()
    db = open_journal(project.folder.journal)
    entries = []
    for row in rows:
        identifier, at = new_id_and_time()
        entries.append(
            NewPrediction(identifier, None, at, "m", "1", "r", json.dumps(row), "no", 0.1, "[0.0]", None, 0.0)
        )
    add_predictions(db, entries)
    db.close()
    with pytest.raises(GateFailed) as caught:
        project.prepare()
    assert "L801 'contract'" in str(caught.value)
