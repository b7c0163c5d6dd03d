"""Files of object stores: a real S3 server, and fsspec's store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.servers import s3

from tenure.config import SourceConfig
from tenure.errors import ProjectBusy, SourceError
from tenure.prepare.sources import Source, check_source, open_source, scan
from tenure.prepare.sources.collected import only_one

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


def fetch(address: str, folder: Path, **settings: Any) -> Source:
    return open_source(SourceConfig(source=address, **settings), folder, folder)


def test_a_glob_a_folder_and_one_file(memory: Any, tmp_path: Path) -> None:
    memory.pipe(
        {
            "/data/a.csv": b"x;y\n1;2\n",
            "/data/b.csv": b"x;y\n3;4\n",
            "/data/_SUCCESS": b"",
            "/data/README.md": b"-",
        }
    )
    for address, n, warnings in (
        ("memory://data/*.csv", 2, 0),
        ("memory://data", 2, 1),
        ("memory://data/b.csv", 1, 0),
    ):
        source = fetch(address, tmp_path, delimiter=";")
        assert (len(source.paths), len(source.warnings)) == (n, warnings), address
        assert scan(source).collect()["y"].to_list() == ["2", "4"][-n:]
    assert "README.md" in fetch("memory://data", tmp_path, delimiter=";").warnings[0]


def test_what_is_not_there_is_told(memory: Any, tmp_path: Path) -> None:
    for address in ("memory://none/*.csv", "memory://none.csv"):
        with pytest.raises(SourceError, match=r"no file is there|no such file"):
            fetch(address, tmp_path)
    memory.pipe("/empty/x.md", b"-")
    with pytest.raises(SourceError, match=r"no table is in this folder; it holds x\.md"):
        fetch("memory://empty", tmp_path)
    with pytest.raises(SourceError, match="gcs:// addresses need a library"):
        fetch("gcs://bucket/a.csv", tmp_path)


def test_an_interrupted_fetch_goes_on_with_the_next_file(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    memory.pipe({f"/d/{n}.csv": f"x\n{n}\n".encode() for n in range(4)})
    real = type(memory).get_file

    def breaks(self: Any, remote: str, local: str, **more: Any) -> None:
        real(self, remote, local, **more)
        if remote.endswith("2.csv"):
            Path(local).write_bytes(b"x")  # half of it
            raise ConnectionError("reset by peer")

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "get_file", breaks)
        with pytest.raises(SourceError, match="the store says: reset by peer"):
            fetch("memory://d/*.csv", tmp_path)
    source = fetch("memory://d/*.csv", tmp_path)
    assert told.text.count("is unchanged") == 2
    assert scan(source).collect()["x"].to_list() == list("0123")
    assert [path.name[0] for path in tmp_path.glob("*/*") if path.name != "lock"].count("2") == 1


def test_a_file_that_comes_short_or_changes_meanwhile_is_refused(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/d/a.csv", b"x\n1\n2\n")
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "get_file", lambda self, r, local, **_: Path(local).write_bytes(b"x\n1"))
        with pytest.raises(SourceError, match="should have 6 bytes, and 3 came"):
            fetch("memory://d/a.csv", tmp_path)
    real = type(memory).get_file

    def rewritten(self: Any, remote: str, local: str, **more: Any) -> None:
        real(self, remote, local, **more)
        self.pipe("/d/a.csv", b"x\n1\n2\n3\n")

    monkeypatch.setattr(type(memory), "get_file", rewritten)
    with pytest.raises(SourceError, match="changed while it was fetched"):
        fetch("memory://d/a.csv", tmp_path)
    assert not [path for path in tmp_path.glob("*/*") if path.name != "lock"]


def test_two_at_once_are_told_apart(memory: Any, tmp_path: Path) -> None:
    memory.pipe("/d/a.csv", b"x\n1\n2\n")
    place = fetch("memory://d/a.csv", tmp_path).paths[0].parent
    with only_one(place), pytest.raises(ProjectBusy, match="collecting the same table"):
        fetch("memory://d/a.csv", tmp_path)


@pytest.mark.slow
def test_a_real_s3_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("s3fs")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test-key",
        "AWS_SECRET_ACCESS_KEY": "s3cret-aws",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with s3() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        store = fsspec.filesystem("s3")
        store.mkdir("shop-data")
        frame = pl.DataFrame({"id": range(1000), "plan": ["Basic", "Plus"] * 500})
        for part in range(2):
            with store.open(f"s3://shop-data/in/part-{part}.parquet", "wb") as file:
                frame.slice(part * 500, 500).write_parquet(file)
        source = fetch("s3://shop-data/in/*.parquet", tmp_path)
        assert check_source(source).n_rows == 1000
        assert scan(source).collect().equals(frame)
        assert fetch("s3://shop-data/in/", tmp_path / "folder").name == source.name
        fetch("s3://shop-data/in/*.parquet", tmp_path)
        assert told.text.count("is unchanged") == 2
        with store.open("s3://shop-data/in/part-1.parquet", "wb") as file:
            frame.head(10).write_parquet(file)
        assert check_source(fetch("s3://shop-data/in/*.parquet", tmp_path)).n_rows == 510
        with pytest.raises(SourceError, match="s3://no-such-bucket") as error:
            fetch("s3://no-such-bucket/a.csv", tmp_path)
        assert "s3cret-aws" not in str(error.value)
