"""A release folder is whole or not there, and whatever was changed in it is named."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tenure.durable import TEMPORARY
from tenure.errors import ReleaseError
from tenure.release import files
from tenure.release.folder import open_release, write_release
from tests.builders import make_parts


@pytest.fixture(scope="module")
def parts():
    return make_parts()


@pytest.fixture(scope="module")
def made(parts, tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("releases"), parts)


@pytest.fixture
def release(made, tmp_path):
    return shutil.copytree(made, tmp_path / made.name)


def test_manifest_tells_where_it_comes_from(made, parts):
    manifest = open_release(made)
    assert manifest.release == made.name
    assert len(manifest.release) == 12
    assert (manifest.name, manifest.task, manifest.run_id, manifest.seed) == (
        "customers",
        "binary",
        "run-1",
        0,
    )
    assert manifest.metrics["log_loss"] == {"value": 0.4, "low": 0.35, "high": 0.45}
    assert {"python", "numpy", "lightgbm"} <= set(manifest.runtime)
    assert sorted(os.listdir(made)) == sorted([*manifest.files, "manifest.json"])


def test_equal_parts_give_an_equal_id_and_the_first_stays(made, parts):
    before = (made / "manifest.json").stat().st_mtime_ns
    assert write_release(made.parent, parts) == made
    assert (made / "manifest.json").stat().st_mtime_ns == before
    assert [entry.name for entry in made.parent.iterdir()] == [made.name]


def test_damaged_release_of_the_same_id_is_replaced(release, parts):
    (release / "card.md").write_text("x")
    assert write_release(release.parent, parts) == release
    open_release(release)
    assert [entry.name for entry in release.parent.iterdir()] == [release.name]


@pytest.mark.parametrize("name", sorted(files.OTHER_FILES | {"model.txt"}))
def test_every_changed_or_missing_file_is_named(release, name):
    content = (release / name).read_bytes()
    (release / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ReleaseError, match=f"{name} was changed"):
        open_release(release)
    (release / name).unlink()
    with pytest.raises(ReleaseError, match=f"{name} is missing"):
        open_release(release)


def test_extra_files_and_links_are_refused(release):
    (release / "extra.py").write_text("")
    with pytest.raises(ReleaseError, match=r"extra\.py in the folder"):
        open_release(release)
    (release / "extra.py").unlink()
    shutil.move(release / "card.md", release.parent / "card.md")
    (release / "card.md").symlink_to(release.parent / "card.md")
    with pytest.raises(ReleaseError, match=r"card\.md is a link"):
        open_release(release)


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, **changes}))
    return body


@pytest.mark.parametrize(
    "name", ["../card.md", "/etc/passwd", "a/b.json", "manifest.json", "model.pkl", ".hidden.json"]
)
def test_manifest_cannot_name_paths_or_other_kinds_of_file(release, name):
    body = edit_manifest(release)
    edit_manifest(release, files={**body["files"], name: "0" * 64})
    with pytest.raises(ReleaseError, match="no file of a release"):
        open_release(release)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "tenure-release/2"}, "tenure-release/2"),
        ({"files": []}, "no release's"),
        ({"files": {}}, "does not name"),
        ({"release": "0" * 12}, "not that of its files"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wrong_manifests_are_refused(release, changes, message):
    edit_manifest(release, **changes)
    with pytest.raises(ReleaseError, match=message):
        open_release(release)


def test_what_is_no_release_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="there is no release"):
        open_release(tmp_path / "nothing")
    with pytest.raises(ReleaseError, match=r"manifest\.json is missing"):
        open_release(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ReleaseError, match="no JSON"):
        open_release(tmp_path)


def test_full_disk_leaves_nothing_behind(parts, tmp_path, monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write_flushed", fail)
    with pytest.raises(ReleaseError, match="No space left on device"):
        write_release(tmp_path, parts)
    assert list(tmp_path.iterdir()) == []


def test_killed_writer_leaves_only_a_temporary_folder(parts, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(source, target):
        raise Killed

    monkeypatch.setattr(files, "_put_in_place", die)
    monkeypatch.setattr(files.shutil, "rmtree", lambda *args, **kwargs: None)
    with pytest.raises(Killed):
        write_release(tmp_path, parts)
    assert [entry.name.startswith(TEMPORARY) for entry in tmp_path.iterdir()] == [True]
    monkeypatch.undo()
    open_release(write_release(tmp_path, parts))
