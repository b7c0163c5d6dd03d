"""Text files in every dress: encodings, archives, blanks for delimiters, no header line."""

from __future__ import annotations

import codecs
import gzip
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tenure.config import SourceConfig
from tenure.errors import SourceError
from tenure.prepare.sources import Source, batches, check_source, open_source, scan

TEXT = 'name,city\nJosé,"Zürich, ZH"\nÅsa,São Paulo\n'
ROWS = [("José", "Zürich, ZH"), ("Åsa", "São Paulo")]


def find(name: str, folder: Path, **settings: Any) -> Source:
    return open_source(SourceConfig(source=name, **settings), folder, folder)


def read(source: Source) -> list[tuple[Any, ...]]:
    """The rows, by both ways of reading, which must agree."""
    facts = check_source(source, min_rows=1)
    rows = scan(source, has_blank_lines=facts.has_blank_lines).collect()
    assert pl.concat(list(batches(source, facts))).equals(rows)
    assert rows.height == facts.n_rows
    return rows.rows()


def packed(folder: Path, name: str, content: bytes) -> None:
    if name.endswith(".gz"):
        content = gzip.compress(content)
    if name.endswith(".zip"):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside/t.csv", content)
            archive.writestr("__MACOSX/._t.csv", b"x")
        return
    (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.zip", "t.zip"])
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        (None, TEXT.encode()),
        (None, codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")),
        (None, codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be")),
        ("latin-1", TEXT.encode("latin-1")),
        ("cp1252", TEXT.replace("\n", "\r\n").encode("cp1252")),
        ("utf-16", TEXT.encode("utf-16")),
        ("utf-8", codecs.BOM_UTF8 + TEXT.encode()),
    ],
)
def test_encodings_in_archives(tmp_path: Path, name: str, encoding: str | None, content: bytes) -> None:
    packed(tmp_path, name, content)
    assert read(find(name, tmp_path, encoding=encoding)) == ROWS


def test_a_character_may_straddle_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for chunk in (1, 2, 3, 5):
        monkeypatch.setattr("tenure.prepare.sources.text.CHUNK", chunk)
        for encoding in ("utf-8", "utf-16", "latin-1", "shift_jis"):
            text = "a,b\n日本,ü\n" if encoding.startswith("utf") else "a,b\nx,y\n"
            packed(tmp_path, "t.csv", text.encode(encoding))
            assert read(find("t.csv", tmp_path, encoding=encoding)) == [tuple(text.split()[1].split(","))]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (TEXT.encode("latin-1"), None, r"not UTF-8: byte 0xe9 at offset 13(.|\n)*line 2(.|\n)*--encoding"),
        (TEXT.encode(), "latin-1", "the text is UTF-8, not latin-1"),
        (TEXT.encode(), "cp1252", "the text is UTF-8, not cp1252"),
        (TEXT.encode() + b"x,\x81\n", "cp1252", "not cp1252: byte 0x81 at offset 4[0-9](.|\n)*line 4"),
        (TEXT.encode("latin-1"), "ascii", "not ascii: byte 0xe9 at offset 13"),
        (TEXT.encode("utf-16")[:-1], "utf-16", "not utf-16"),
    ],
)  # fmt: skip
def test_a_wrong_encoding_is_named(
    tmp_path: Path, content: bytes, encoding: str | None, message: str
) -> None:
    packed(tmp_path, "t.csv", content)
    with pytest.raises(SourceError, match=message):
        check_source(find("t.csv", tmp_path, encoding=encoding))


def test_runs_of_blanks(tmp_path: Path) -> None:
    packed(tmp_path, "t.txt", b' id  city amount\n 1 "New  York"\t2.5\r\n2   Bern  3 \n\n  3 "" 4')
    rows = read(find("t.txt", tmp_path, delimiter="whitespace"))
    assert rows == [("1", "New  York", "2.5"), ("2", "Bern", "3"), ("3", "", "4")]
    packed(tmp_path, "s.txt", b"id  city  amount\n1  Bern  2\n2  Rom  3\n")
    packed(tmp_path, "c.txt", b"a,b\n1,2\n3,4\n")
    with pytest.raises(SourceError, match=r"runs of spaces(.|\n)*--delimiter whitespace"):
        check_source(find("s.txt", tmp_path))
    with pytest.raises(SourceError, match="by ',', not by runs of blanks"):
        check_source(find("c.txt", tmp_path, delimiter="whitespace"))


def test_names_for_a_file_without_a_header(tmp_path: Path) -> None:
    for name in ("t.csv", "t.csv.gz"):
        packed(tmp_path, name, b"1,2\n3,4\n\n")
        assert read(find(name, tmp_path, header=["a", "b"])) == [("1", "2"), ("3", "4")]
        with pytest.raises(SourceError, match="must have 3 fields"):
            check_source(find(name, tmp_path, header=["a", "b", "c"]))
        packed(tmp_path, name, b"a,b\n1,2\n")
        with pytest.raises(SourceError, match="has a header line, with the names"):
            check_source(find(name, tmp_path, header=["a", "b"]))
    packed(tmp_path, "t.csv", b"1,1\n2,3\n")
    with pytest.raises(SourceError, match=r"list the names in data\.header"):
        check_source(find("t.csv", tmp_path))


def test_one_column_without_a_header(tmp_path: Path) -> None:
    packed(tmp_path, "t.csv", b"x\n\ny\n")
    assert read(find("t.csv", tmp_path, header=["only"])) == [("x",), (None,), ("y",)]


def test_damaged_archives(tmp_path: Path) -> None:
    packed(tmp_path, "t.zip", TEXT.encode() * 1000)
    whole = (tmp_path / "t.zip").read_bytes()
    (tmp_path / "t.zip").write_bytes(whole[:40] + b"\xff\xff\xff" + whole[43:])
    with pytest.raises(SourceError, match=r"zip file is damaged|cannot be read"):
        check_source(find("t.zip", tmp_path))
    (tmp_path / "t.zip").write_bytes(whole[:60])
    with pytest.raises(SourceError, match="zip file is damaged"):
        find("t.zip", tmp_path)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    with pytest.raises(SourceError, match=r"one table; this one holds a\.csv, b\.csv"):
        find("two.zip", tmp_path)


def test_a_folder_says_what_it_leaves_out_and_what_came_twice(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.csv", "a.csv"):
        (folder / name).write_bytes(b"x,y\n1,2\n")
    for name in ("_SUCCESS", ".part", "notes.md"):
        (folder / name).write_bytes(b"")
    source = find("in/", tmp_path)
    assert [path.name for path in source.paths] == ["a.csv", "b.csv"]
    warnings = check_source(source).warnings
    assert "1 file(s) in" in warnings[0]
    assert "notes.md" in warnings[0]
    assert "b.csv is a.csv again" in warnings[1]
    (folder / "c.parquet").write_bytes(b"")
    with pytest.raises(SourceError, match="several forms"):
        find("in/", tmp_path)


def test_types_that_change_between_files_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": ["1", "2"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"'x' holds String, but Int64 in a\.parquet"):
        check_source(find("*.parquet", tmp_path))
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n{"x": 2}\n')
    (tmp_path / "b.jsonl").write_text('{"x": 2.5}\n{"x": null}\n')
    assert read(find("*.jsonl", tmp_path)) == [(1.0,), (2.0,), (2.5,), (None,)]
    (tmp_path / "b.jsonl").write_text('{"x": "two"}\n')
    with pytest.raises(SourceError, match="'x' holds String, but Int64"):
        check_source(find("*.jsonl", tmp_path))


def test_real_files(shared_data: Path) -> None:
    names = ["id", "date", "cds", "amount"]
    source = find("cdnow.txt", shared_data, delimiter="whitespace")
    assert check_source(source).n_rows == 69_659
    assert len(scan(source).collect_schema().names()) == len(names)
    header = [f"c{n}" for n in range(15)]
    assert len(read(find("adult_train_raw.csv.gz", shared_data, header=header))) == 32_561
