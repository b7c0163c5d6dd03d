"""What would come out as before is not done again, and what is done again has a reason that is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tenure.errors import ConfigError, SourceError
from tenure.prepare.versions import Fingerprint
from tenure.project import Project, skipping
from tenure.project.folder import Folder
from tenure.project.versions import list_versions

from .letters import letters, project_of_letters


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of_letters(tmp_path)


def edited(project: Project, before: str, after: str) -> Project:
    path = project.folder.config_file
    path.write_text(path.read_text().replace(before, after))
    return Project.open(str(project.folder.root))


def test_preparing_twice_is_preparing_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = project.prepare()
    assert first.note is None
    rows = project.folder.versions / first.id / "rows.parquet"
    made = rows.stat().st_mtime_ns
    second = project.prepare()
    assert second.note == f"unchanged: source, settings and tenure are the same as for version {first.id}"
    assert (second.id, second.recipe, rows.stat().st_mtime_ns) == (first.id, first.recipe, made)

    project = edited(project, "id: customer", "id: customer, exclude: [plan]")
    third = project.prepare()
    assert third.note == "again: data.exclude changed from [] to ['plan']"
    assert third.id != first.id
    assert third.content == first.content or "plan" in third.recipe.ignored
    project = edited(project, ", exclude: [plan]", "")
    assert project.prepare().id == first.id

    letters(200).write_csv(tmp_path / "letters.csv")
    assert project.prepare().note == "again: the source changed"
    monkeypatch.setattr(skipping, "code_digest", lambda *_: "another")
    assert project.prepare().note == "again: the code changed (tenure, or a library it computes with)"
    assert project.prepare(again=True).note is None
    assert len(list_versions(project.folder)) == 3


@pytest.mark.dvc
def test_a_version_that_a_kill_left_untracked_is_tracked_when_it_is_known_again(project: Project) -> None:
    pointer = project.folder.versions / f"{project.prepare().id}.dvc"
    pointer.unlink()
    assert (project.prepare().note or "").startswith("unchanged")
    assert pointer.is_file()


def test_features_are_known_again_and_their_order_counts(project: Project) -> None:
    features = "features: {years: months / 12, long: months > 24}\n"
    project = edited(project, "model:", f"{features}model:")
    project.prepare()
    assert (project.prepare().note or "").startswith("unchanged")
    assert project.train().trained.winner == "logistic"
    swapped = edited(project, features, "features: {long: months > 24, years: months / 12}\n")
    assert (swapped.prepare().note or "").startswith("again: features changed")


def test_a_clone_that_has_the_version_does_not_prepare_it(project: Project) -> None:
    first = project.prepare()
    shutil.rmtree(project.folder.own)
    assert (project.prepare().note or "").startswith("unchanged")
    shutil.rmtree(project.folder.versions / first.id)
    assert project.prepare().id == first.id


def test_training_twice_is_training_once(project: Project) -> None:
    first = project.run()
    assert first.notes == ()
    second = project.run()
    assert (second.run, second.version, second.champion) == (first.run, first.version, True)
    assert second.to_dict()["test"] == first.to_dict()["test"]
    assert "nothing was trained" in second.to_text()
    assert len(list(project.folder.runs.iterdir())) == 1


@pytest.mark.slow
def test_training_is_done_again_for_a_reason(project: Project, tmp_path: Path) -> None:
    first = project.run()
    again = project.run(again=True)
    assert (again.run != first.run, again.version) == (True, first.version)
    longer = project.run(budget=500.0)
    assert longer.notes[-1] == "training again: model.budget changed from 120.0 to 500.0"
    shutil.rmtree(first.release)
    anew = project.run()
    assert anew.run not in (first.run, again.run, longer.run)
    assert Path(anew.release).is_dir()

    (tmp_path / "letters.csv").unlink()
    stored = list_versions(project.folder)[-1].version
    with pytest.raises(SourceError, match=f"tenure run --data {stored}"):
        project.run()
    from_store = project.run(data=stored[:5])
    assert from_store.release == anew.release
    record = json.loads((project.folder.runs / anew.run / "record.json").read_text())
    assert record["data"]["version"] == stored
    assert json.loads((Path(anew.release) / "manifest.json").read_text())["data_version"] == stored
    with pytest.raises(ConfigError, match=r"data\.exclude changed"):
        edited(project, "id: customer", "id: customer, exclude: [plan]").run(data=stored)
    reseeded = edited(project, ", exclude: [plan]", "").run(data=stored, seed=5)
    assert "made with other settings: split.seed changed from 0 to 5" in reseeded.warnings[0]


def test_a_waiting_model_is_not_trained_again(project: Project) -> None:
    project.prepare()
    first = project.train()
    second = project.train()
    assert (second.run, first.note) == (first.run, None)
    assert "unchanged" in second.to_text()
    assert project.train(again=True).run != first.run
    assert project.train(seed=9).note == "again: split.seed changed from 0 to 9"


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.make()
    work = Fingerprint({"a": "1"}, {}, "0")
    assert skipping.look_up(folder, "run", work) == skipping.Earlier(None)
    for number in range(30):
        skipping.remember(folder, "run", Fingerprint({"a": str(number)}, {}, "0"), str(number))
    assert skipping.look_up(folder, "run", Fingerprint({"a": "29"}, {}, "0")).result == "29"
    assert skipping.look_up(folder, "run", work).why == ("a changed",)
    (folder.own / "done-run.json").write_text("[{")
    assert skipping.look_up(folder, "run", work) == skipping.Earlier(None)
