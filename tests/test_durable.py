"""Files are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenure.durable import TEMPORARY, write_durably


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "a.json"
    write_durably(path, "one")
    write_durably(path, b"two")
    assert path.read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.json"
    write_durably(path, "old")

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.glob(f"{TEMPORARY}*")) == []
