"""An erased person is in no byte of the project, and does not come back; what is left for people to do is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.errors import JournalError, ProjectError
from tenure.journal.entries import NewPrediction, NewRefusal
from tenure.journal.erase import count_person, erase_person
from tenure.journal.identifiers import new_id
from tenure.journal.tables import open_journal
from tenure.journal.writer import add_predictions, add_refusals
from tenure.project import Project, dvc
from tenure.project.folder import Folder
from tenure.project.receipts import is_genuine
from tenure.project.versions import find_version, is_intact, list_versions

from .letters import CONFIG, NAME, PERSON, letters, project_of_letters


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of_letters(tmp_path)


def holding(root: Path, *needles: str) -> list[str]:
    """The files under root that hold one of the texts, in their bytes or in the cells of a Parquet file."""
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content[:4] == b"PAR1":
            content = pl.read_parquet(path).select(pl.all().cast(pl.String)).write_csv().encode() + content
        if any(needle.encode() in content for needle in needles):
            found.append(str(path.relative_to(root)))
    return found


@pytest.mark.slow
@pytest.mark.dvc
def test_nothing_of_a_forgotten_person_is_left(project: Project, tmp_path: Path) -> None:
    root, folder = project.folder.root, project.folder
    report = project.run()
    project.predict(str(tmp_path / "letters.csv"), str(tmp_path / "scored.csv"))
    outcomes = letters().select("customer", outcome=pl.lit("yes"))
    outcomes.write_csv(tmp_path / "outcomes.csv")
    project.take_outcomes(str(tmp_path / "outcomes.csv"))
    outcomes.with_columns(outcome=pl.lit("no")).write_csv(tmp_path / "outcomes.csv")
    project.take_outcomes(str(tmp_path / "outcomes.csv"))
    (folder.collected / "crm").mkdir(parents=True)
    (folder.collected / "crm" / "page-1.json").write_text(json.dumps({"customer": PERSON}))
    (folder.own / "explore.html").write_text(f"<p>{NAME}</p>")
    with closing(open_journal(folder.journal)) as db:
        add_refusals(db, [NewRefusal(1, 422, json.dumps([{"column": "months", "value": repr(PERSON)}]))])
    before = list_versions(folder)[0]
    assert {Path(path).parts[0] for path in holding(root, PERSON, NAME)} == {".dvc", ".tenure", "versions"}

    receipt = project.forget(PERSON)

    assert holding(root, PERSON, NAME) == []
    after = list_versions(folder)
    assert [version.version for version in after] == [receipt["versions"][before.version]]
    assert is_intact(folder, after[0])
    assert sum(after[0].rows.values()) == sum(before.rows.values()) - 1
    assert find_version(folder, before.version) == after[0]
    assert "up to date" in dvc.run(root, "status")
    erased = receipt["erased"]
    assert erased == {
        f"version {before.version}": 1,
        "journal: predictions": 1,
        "journal: outcomes": 1,
        "journal: corrections": 1,
        "journal: refusals": 1,
        "collected sources (files)": 1,
        "exploration (files)": 1,
    }
    assert receipt["releases"] == [Path(report.release).name]
    assert receipt["remaining"] == {"../letters.csv": 1}
    assert is_genuine(Path(receipt["file"]))
    text = Path(receipt["file"]).read_text()
    Path(receipt["file"]).write_text(text.replace('"journal: predictions": 1', '"journal: predictions": 0'))
    assert not is_genuine(Path(receipt["file"]))
    Path(receipt["file"]).write_text(text)

    with closing(open_journal(folder.journal)) as db:
        assert db.db.execute("SELECT count(*) FROM predictions").fetchone() == (299,)
        assert db.db.execute("SELECT count(*) FROM outcomes").fetchone() == (299,)
    assert project.replay("c0007")["same"]

    again = project.forget(PERSON)
    assert (again["erased"], again["file"], again["earlier"]) == ({}, None, [receipt["receipt"]])

    assert project.prepare().id == after[0].version
    prepared = project.prepare(again=True)
    assert sum(prepared.counts().values()) == 299, "the source still holds the person, who must not come back"
    assert "1 row(s) of persons who were forgotten" in prepared.warnings[0]
    assert holding(root, PERSON, NAME) == []


KILLED = """
import os, signal, sys
from tenure.project import Project, dvc, forgetting, rewriting
dvc.is_installed = lambda: False
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr({module}, "{where}", die)
Project.open(sys.argv[1]).forget("{person}")
"""


@pytest.mark.parametrize(
    ("module", "where"),
    [
        ("rewriting", "keep_version"),
        ("rewriting", "_drop"),
        ("forgetting", "erase_person"),
        ("forgetting", "note"),
    ],
)
def test_a_killed_erasure_is_gone_on_with(project: Project, module: str, where: str) -> None:
    before = project.prepare().id
    with closing(open_journal(project.folder.journal)) as db:
        add_refusals(db, [NewRefusal(1, 422, json.dumps([{"value": PERSON}]))])
    code = KILLED.format(module=module, where=where, person=PERSON)
    died = subprocess.run([sys.executable, "-c", code, project.folder.root], check=False)
    assert died.returncode == -signal.SIGKILL
    receipt = project.forget(PERSON)
    done = project.forget(PERSON) if where == "note" else receipt
    assert holding(project.folder.root, PERSON, NAME) == []
    assert len(list(project.folder.forgotten.glob("*.json"))) == 1
    body = json.loads(next(project.folder.forgotten.glob("*.json")).read_text())
    assert body["erased"] == {f"version {before}": 1, "journal: refusals": 1}
    assert list(body["versions"]) == [before]
    assert body["finished"]
    assert done["next"][0].startswith("take the 1 row(s) out of ../letters.csv")


def test_who_is_meant_must_be_clear(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="empty"):
        project.forget(" ")
    assert project.forget("nobody")["erased"] == {}
    config = project.folder.config_file
    config.write_text(CONFIG.replace(", id: customer", ""))
    with pytest.raises(ProjectError, match="--column"):
        Project.open(str(project.folder.root)).forget(PERSON)
    households = letters().with_columns(household=pl.int_range(pl.len()) // 4)
    households = households.with_columns(customer=pl.int_range(pl.len()).cast(pl.String))
    households.write_csv(tmp_path / "letters.csv")
    config.write_text(CONFIG.replace("id: customer", "id: customer, group: household"))
    project = Project.open(str(project.folder.root))
    before = project.prepare().counts()
    with pytest.raises(ProjectError, match="'customer' and in 'household', in different rows"):
        project.forget("2")
    receipt = project.forget("2", column="household")
    assert list(receipt["erased"].values()) == [4]
    assert sum(list_versions(project.folder)[0].rows.values()) == sum(before.values()) - 4


def of_raw_row(row: str) -> NewPrediction:
    return NewPrediction(new_id(), None, 1, "m", "1", "r", row, "no", 0.5, "[]", None, 0.1)


def test_the_bytes_leave_the_journal_and_its_log(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(open_journal(path)) as db:
        for i in range(50):
            row = json.dumps({"customer": PERSON if i == 7 else f"c{i}", "note": f"{NAME if i == 7 else i}"})
            add_predictions(db, [of_raw_row(row)])
        assert holding(tmp_path, PERSON, NAME)
        assert count_person(db, ["customer"], PERSON) == {
            "predictions": 1,
            "outcomes": 0,
            "corrections": 0,
            "refusals": 0,
        }
        with closing(open_journal(path)) as reader:
            reader.db.execute("BEGIN")
            reader.db.execute("SELECT count(*) FROM predictions").fetchone()
            db.db.execute("PRAGMA busy_timeout=100")
            with pytest.raises(JournalError, match="another process"):
                erase_person(db, ["customer"], PERSON)
        erase_person(db, ["customer"], PERSON)
        assert holding(tmp_path, PERSON, NAME) == []
        assert db.db.execute("SELECT count(*) FROM predictions").fetchone() == (49,)


@pytest.mark.parametrize(
    ("cell", "found"), [("17", 1), (17, 1), (17.0, 1), (" 17 ", 1), ("017", 0), (None, 0)]
)
def test_a_number_and_its_digits_are_one_person(tmp_path: Path, cell: object, found: int) -> None:
    with closing(open_journal(tmp_path / "journal.db")) as db:
        row = json.dumps({'odd "name"': cell, "other": "17"})
        add_predictions(db, [of_raw_row(row)])
        assert count_person(db, ['odd "name"'], "17")["predictions"] == found


def test_a_household_that_was_forgotten_by_its_own_column_does_not_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "id": [f"p{i}" for i in range(300)],
            "household": [f"h{i // 3}" for i in range(300)],
            "x": rng.normal(size=300).round(3),
            "y": rng.choice(["no", "yes"], 300),
        }
    )
    table.write_csv(tmp_path / "t.csv")
    (tmp_path / "tenure.yaml").write_text("name: t\ndata: {source: t.csv, target: y, id: id}\n")
    project = Project(Folder(tmp_path))
    assert sum(project.prepare().counts().values()) == 300
    project.forget("h7", column="household")
    again = project.prepare(again=True)
    assert sum(again.counts().values()) == 297
    assert again.warnings[0].startswith("3 row(s) of persons who were forgotten are still in the source")
