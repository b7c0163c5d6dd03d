"""A project's folder: found upward, held by one command at a time, swept after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenure.durable import TEMPORARY
from tenure.errors import ProjectBusy, ProjectError
from tenure.project.folder import Folder, find_folder

HOLD = """
import sys, time
from pathlib import Path
from tenure.project.folder import Folder
with Folder(Path(sys.argv[1])).changing("run"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_nearest_project_upward_is_found(tmp_path: Path, monkeypatch):
    (tmp_path / "tenure.yaml").write_text("name: a")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_folder(None).root == tmp_path


def test_a_folder_without_a_project_is_refused(tmp_path: Path):
    with pytest.raises(ProjectError, match=r"no tenure\.yaml"):
        find_folder(str(tmp_path))


def test_two_at_once_is_refused_and_a_killed_one_frees_the_project(tmp_path: Path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ProjectBusy, match=f"process {holder.pid}"), Folder(tmp_path).changing("review"):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    (tmp_path / "releases" / f"{TEMPORARY}half").mkdir()
    with Folder(tmp_path).changing("review"):
        assert list((tmp_path / "releases").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_named(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(ProjectError, match="cannot be written"):
        Folder(tmp_path / "a").make()


def test_a_file_in_the_way_is_named(tmp_path: Path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ProjectError, match="cannot be written"):
        Folder(tmp_path / "a" / "b").make()
