"""Batches hold what the whole table holds, wherever a piece happens to end."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.config import SourceConfig
from tenure.errors import SourceError
from tenure.prepare.sources import Source, batches, check_source, csv_blocks, scan, text
from tenure.prepare.sources.find import find_source as find


@pytest.fixture(scope="module", params=[1, 7, 40, 4 << 20], autouse=True)
def small_pieces(request: pytest.FixtureRequest) -> object:
    module = sys.modules["tenure.prepare.sources.batches"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", 2)
        patch.setattr(csv_blocks, "_BLOCK", request.param)
        patch.setattr(text, "CHUNK", 5)
        yield


def find_source(spec: str, base: Path, **keys: object) -> Source:
    return find(SourceConfig(source=spec, **keys), base)


def assert_same_as_whole(source: Source) -> None:
    facts = check_source(source, min_rows=1)
    found = list(batches(source, facts))
    assert max(map(len, found)) <= 2
    assert pl.concat(found).equals(scan(source, has_blank_lines=facts.has_blank_lines).collect())


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n5,6",
        b'a,b\r\n"1\n\n2",x\r\n"""q"",\r\n",y\r\n3,4\r\n',
        b"\n\na,b\n1,2\n\n\n,\n3,4\n\n",
        b"only\n\nx\n\n\ny\n",
        b",b\n1,2\n3,4\n",
    ],
    ids=["order mark", "quoted line feeds", "blank lines", "one column", "column without a name"],
)
def test_csv(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content))
    assert_same_as_whole(find_source("t.csv", tmp_path))
    assert_same_as_whole(find_source("t.csv.gz", tmp_path))


def test_several_files_one_of_them_without_rows(tmp_path: Path) -> None:
    for number, content in enumerate([b"a,b\n", b"a,b\n1,2\n3,4\n5,6\n", b"a,b\n7,8"]):
        (tmp_path / f"p-{number}.csv").write_bytes(content)
    assert_same_as_whole(find_source("p-*.csv", tmp_path))


def test_typed_forms(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": ["x", 'y\n"', "z", None, "ü"], "amount": [None, 1.5, 3.0, 2.0, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_json(tmp_path / "t.json")
    frame.write_ndjson(tmp_path / "t.ndjson")
    for ending in ("parquet", "json", "ndjson"):
        assert_same_as_whole(find_source(f"t.{ending}", tmp_path))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=5)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=8))
def test_whatever_a_csv_writer_wrote(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["a", "b"], *rows])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode())
    assert_same_as_whole(find_source(str(path), path.parent))


def test_a_table_that_is_written_to_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n3,4\n")
    source = find_source("t.csv", tmp_path)
    facts = check_source(source)
    path.write_bytes(b"a,b\n1,2\n3,4\n5,6\n")
    with pytest.raises(SourceError, match="had 2 rows when it was checked and 3"):
        list(batches(source, facts))
