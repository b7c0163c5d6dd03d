"""Versions of prepared data: named by content, whole or not there, back from DVC with the same hash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tenure.errors import ProjectError
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.prepare.split import PART
from tenure.prepare.versions import Fingerprint
from tenure.project import dvc
from tenure.project.comparing import compare_versions
from tenure.project.folder import Folder
from tenure.project.versions import (
    Version,
    VersionParts,
    find_version,
    is_intact,
    keep_version,
    list_absent,
    list_versions,
    read_rows,
    restore_version,
)

ROWS = pl.DataFrame(
    {
        "id": [f"c{i}" for i in range(60)],
        "x": [float(i) for i in range(60)],
        "city": ["Bern", "Biel"] * 30,
        "y": ["no", "yes", "no"] * 20,
        PART: [0] * 40 + [1] * 10 + [2] * 10,
    }
)
RECIPE = Recipe(
    TargetRecipe("y", "binary", ("no", "yes"), "yes"),
    (ColumnRecipe("x", "number"), ColumnRecipe("city", "category", levels=("Bern", "Biel"))),
    id="id",
)
MADE = Fingerprint({"the source": "12"}, {"data": {"exclude": []}}, "0+a")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "project")
    folder.make()
    return folder


def parts(folder: Folder, rows: pl.DataFrame = ROWS, recipe: Recipe = RECIPE) -> VersionParts:
    path = folder.own / "rows.parquet"
    path.unlink(missing_ok=True)
    rows.write_parquet(path)
    counts = {"train": 40, "validation": 10, "test": rows.height - 50}
    return VersionParts(path, recipe, counts, MADE, ("a warning",), ({"x": 1.0},), {"n_rows": rows.height})


def test_equal_content_is_one_version(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    first = keep_version(folder, parts(folder))
    path = folder.versions / first.version / "rows.parquet"
    kept = path.stat().st_ino
    assert kept == (folder.own / "rows.parquet").stat().st_ino
    assert keep_version(folder, parts(folder)) == first
    assert path.stat().st_ino == kept
    assert list_versions(folder) == [first]
    assert (first.rows["train"], first.id, first.golden) == (40, "id", ({"x": 1.0},))
    rows, recipe = read_rows(folder, first)
    assert rows.collect().equals(ROWS)
    assert recipe == RECIPE
    assert is_intact(folder, first)
    assert [record.message for record in caplog.records if "DVC is not installed" in record.message] == [
        "warning: data versions are kept but not tracked: DVC is not installed (tenure[versions])"
    ]


def test_other_rows_and_another_recipe_are_other_versions(folder: Folder) -> None:
    first = keep_version(folder, parts(folder))
    rows = keep_version(folder, parts(folder, ROWS.reverse()))
    recipe = keep_version(folder, parts(folder, recipe=Recipe(RECIPE.target, RECIPE.columns[:1], id="id")))
    assert len({first.version, rows.version, recipe.version}) == 3
    assert first.content == recipe.content != rows.content


def test_a_name_may_be_cut_short_and_an_unknown_one_is_told(folder: Folder) -> None:
    with pytest.raises(ProjectError, match="tenure prepare"):
        find_version(folder, "12")
    first = keep_version(folder, parts(folder))
    assert find_version(folder, first.version[:5]) == first
    with pytest.raises(ProjectError, match="no data version begins with 'zz'"):
        find_version(folder, "zz")
    (folder.versions / "moved.json").write_text(f'{{"gone": "{first.version}"}}')
    assert find_version(folder, "gone") == first


def test_damage_is_found(folder: Folder) -> None:
    first = keep_version(folder, parts(folder))
    path = folder.versions / first.version / "rows.parquet"
    path.unlink()
    ROWS.with_columns(x=pl.col("x") + 1).write_parquet(path)
    with pytest.raises(ProjectError, match="does not hash"):
        restore_version(folder, first.version)
    path.write_bytes(b"no table")
    assert not is_intact(folder, first)


def test_what_differs_is_said(folder: Folder) -> None:
    first = keep_version(folder, parts(folder))
    changed = ROWS[5:].with_columns(x=pl.col("x") * 10, new=pl.lit(1.0))
    second = keep_version(folder, parts(folder, changed))
    found = compare_versions(folder, first.version, second.version)
    assert found.schema.added == ("new",)
    assert found.ids is not None
    assert (found.ids.removed, found.ids.changed) == (5, 55)
    assert [column.column for column in found.columns if column.alarm] == ["x"]
    text = found.to_text()
    assert "5 removed (c0, c1, c2, …)" in text
    assert "1 of 2 features are distributed as before" in text
    assert "only the recipe differs" in compare_versions(folder, first.version, first.version).to_text()


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tenure.project import versions
from tests.project.test_versions import Folder, parts
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
versions.{where} = die
folder = Folder(Path(sys.argv[1]))
versions.keep_version(folder, parts(folder))
"""


@pytest.mark.parametrize("where", ["_flush", "track_version"])
def test_a_kill_leaves_a_whole_version_or_none(folder: Folder, where: str) -> None:
    code = KILLED.format(where=where)
    command = [sys.executable, "-c", code, str(folder.root), str(Path(__file__).parents[2])]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with folder.changing("prepare"):
        assert all(is_intact(folder, version) for version in list_versions(folder))
        assert len(list_versions(folder)) == (1 if where == "track_version" else 0)
        assert [path.name for path in folder.versions.iterdir() if path.name.startswith(".tmp-")] == []
        first = keep_version(folder, parts(folder))
        assert list_versions(folder) == [first]


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting takes root")
def test_a_full_disk_leaves_no_half_version(tmp_path: Path) -> None:
    root = tmp_path / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        folder = Folder(root)
        folder.make()
        big = pl.DataFrame({"id": [os.urandom(500).hex() for _ in range(4000)], PART: [0] * 4000})
        given = VersionParts(tmp_path / "big.parquet", RECIPE, {"train": 4000}, MADE)
        big.write_parquet(given.rows)
        with pytest.raises(OSError, match="No space"):
            keep_version(folder, given)
        assert list_versions(folder) == []
        assert keep_version(folder, parts(folder)).rows["train"] == 40
    finally:
        subprocess.run(["umount", root], check=True)


def tracked(folder: Folder, remote: str | None = None) -> Version:
    return keep_version(folder, parts(folder), remote)


@pytest.mark.dvc
def test_dvc_tracks_without_git_and_sends_nothing(folder: Folder) -> None:
    first = tracked(folder)
    place = folder.versions / first.version
    assert (folder.versions / f"{first.version}.dvc").is_file()
    assert "up to date" in dvc.run(folder.root, "status")
    config = (folder.root / ".dvc" / "config").read_text()
    assert "analytics = false" in config
    assert "check_update = false" in config
    assert "/cache" in (folder.root / ".dvc" / ".gitignore").read_text()
    cached = dvc.cached_files(folder.root, folder.versions / f"{first.version}.dvc")
    assert all(path.is_file() for path in cached)
    assert (place / "rows.parquet").stat().st_ino in {path.stat().st_ino for path in cached}
    shutil.rmtree(place)
    assert list_absent(folder) == [first.version]
    with pytest.raises(ProjectError, match="data restore"):
        find_version(folder, first.version)
    assert restore_version(folder, first.version[:6]) == first


@pytest.mark.dvc
def test_one_process_runs_all_commands_and_goes_on_after_one_that_fails(folder: Folder) -> None:
    with dvc.ready(folder.root):
        first = tracked(folder)
        with pytest.raises(ProjectError, match=r"`dvc add nowhere` failed: ERROR: .*nowhere"):
            dvc.run(folder.root, "add", "nowhere")
        assert "up to date" in dvc.run(folder.root, "status")
    assert (folder.versions / f"{first.version}.dvc").is_file()
    assert "up to date" in dvc.run(folder.root, "status")


@pytest.mark.slow
@pytest.mark.dvc
def test_a_project_that_git_ignores_is_tracked_without_git(folder: Folder) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder.root.parent, check=True)
    (folder.root.parent / ".gitignore").write_text(f"/{folder.root.name}/\n")
    version = tracked(folder)
    assert (folder.versions / f"{version.version}.dvc").is_file()
    assert "no_scm = true" in (folder.root / ".dvc" / "config").read_text()


@pytest.mark.slow
@pytest.mark.dvc
def test_status_push_clone_pull_checkout(folder: Folder, tmp_path: Path) -> None:
    def git(*arguments: str, cwd: Path = folder.root) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)

    git("init", "-q")
    first = tracked(folder, "../remote")
    assert "up to date" in dvc.run(folder.root, "status")
    dvc.run(folder.root, "push")
    assert list((tmp_path / "remote").rglob("*"))
    git("add", "-A")
    git("commit", "-qm", "data")
    clone = Folder(tmp_path / "clone")
    git("clone", "-q", str(folder.root), str(clone.root), cwd=tmp_path)
    assert not (clone.versions / first.version).exists()
    clone.make()
    assert tracked(clone, "../remote") == first, "a clone takes the version that was made, not one made anew"
    shutil.rmtree(clone.versions / first.version)
    dvc.run(clone.root, "pull")
    assert restore_version(clone, first.version) == first
    (clone.versions / first.version / "facts.json").unlink()
    assert "modified" in dvc.run(clone.root, "status")
    dvc.run(clone.root, "checkout", "--force")
    assert is_intact(clone, find_version(clone, first.version))


@pytest.mark.slow
@pytest.mark.dvc
def test_a_damaged_copy_is_refused_and_does_not_stay(folder: Folder) -> None:
    first = tracked(folder)
    pointer = folder.versions / f"{first.version}.dvc"
    other = keep_version(folder, parts(folder, ROWS.reverse()))
    shutil.copy(folder.versions / f"{other.version}.dvc", pointer)
    pointer.write_text(pointer.read_text().replace(other.version, first.version))
    shutil.rmtree(folder.versions / first.version)
    with pytest.raises(ProjectError, match="does not hash"):
        restore_version(folder, first.version)
    assert not (folder.versions / first.version).exists()


@pytest.mark.slow
@pytest.mark.dvc
def test_the_remote_of_the_config_is_dvcs_and_can_change(folder: Folder) -> None:
    tracked(folder)
    tracked(folder, "../one")
    assert dvc.has_remote(folder.root)
    assert "tenure\t" in (listed := dvc.run(folder.root, "remote", "list")) or "tenure" in listed
    tracked(folder, "s3://bucket/data")
    assert "s3://bucket/data" in dvc.run(folder.root, "remote", "list")
