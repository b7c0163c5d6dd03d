"""Every fault of a CSV file is found in one pass, with its line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import SourceError
from tenure.prepare.sources import Source
from tenure.prepare.sources import text as source_text
from tenure.prepare.sources.csv_bytes import CsvFacts
from tenure.prepare.sources.csv_bytes import check_csv as check
from tenure.prepare.sources.csv_bytes import read_header as read


def written(folder: Path, content: bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def check_csv(path: Path, delimiter: str) -> CsvFacts:
    return check(path, Source("t", (path,), "csv", delimiter))


def read_header(path: Path, delimiter: str) -> tuple[str, ...]:
    return read(path, Source("t", (path,), "csv", delimiter))


@pytest.fixture(params=[7, 64, 256 << 10])
def any_chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(source_text, "CHUNK", request.param)
    return int(request.param)


@pytest.mark.parametrize(
    ("content", "columns", "n_rows"),
    [
        (b"a,b\n1,2\n3,4\n", ("a", "b"), 2),
        (b"a,b\n1,2\n3,4", ("a", "b"), 2),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n", ("a", "b"), 1),
        (b"\n\na,b\n1,2\n\n\n", ("a", "b"), 1),
        (b'a,"b,c"\n"x\ny","say ""hi"""\n"",2\n', ("a", "b,c"), 2),
        (b",b\n1,2\n", ("column_1", "b"), 1),
        (b"a,b\n1,2\n,\n3,\n", ("a", "b"), 3),
        ("ä,b\nö,€\n".encode(), ("ä", "b"), 1),
        (b"a\n1\n2\n", ("a",), 2),
        (b"a,b\n", ("a", "b"), 0),
        (b"a,b", ("a", "b"), 0),
    ],
)
def test_good_files(
    tmp_path: Path, any_chunk: int, content: bytes, columns: tuple[str, ...], n_rows: int
) -> None:
    path = written(tmp_path, content)
    facts = check_csv(path, ",")
    assert (facts.columns, facts.n_rows) == (columns, n_rows)
    assert facts.n_bytes == len(content)
    assert facts.sha256 == hashlib.sha256(content).hexdigest()
    assert read_header(path, ",") == columns


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"", "is empty", None),
        (b"\n\n", "is empty", None),
        (b"\xef\xbb\xbf", "is empty", None),
        (b"a,b\n1,2\n3\n4,5\n", "2 fields.*this one has 1", 3),
        (b"a,b\n1,2\n3,4,5\n", "2 fields.*this one has 3", 3),
        (b'a,b\n"x\ny",2\n3\n', "this one has 1", 4),
        (b"a,b\n1,2\n3,\xe9\n", "not UTF-8: byte 0xe9 at offset 10", 3),
        (b"\xff\xfea\x00,\x00b", "not utf-16: byte 0x62 at offset 6", 1),
        (b"a,b\n1,2\xc3", "not UTF-8: byte 0xc3 at offset 7", 2),
        (b'a,b\n1,"2\n3,4\n5,6\n', "never closed", 2),
        (b'a,b\n1,5" tube\n3,4" x\n', "inside a field", 2),
        (b'a,b\n1,2\n"x"y,4\n', "inside a field", 3),
        (b"a,b,a\n1,2,3\n", "'a' names columns 1, 3", 1),
        (b"a;b\n1;2\n3;4\n", "separated by ';', not by ','", 1),
        (b"a\tb\n1\t2\n", "separated by a tab", 1),
        (b"a|b|c\n1|2,5|3\n", r"separated by '\|'", 1),
    ],
)
def test_bad_files(tmp_path: Path, any_chunk: int, content: bytes, message: str, line: int | None) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SourceError, match=message) as error:
        check_csv(path, ",")
    assert str(path) in str(error.value.where)
    assert error.value.todo
    if line is not None:
        assert str(error.value.where).endswith(f"line {line}")


def test_wrong_delimiter_names_the_option(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n")
    with pytest.raises(SourceError) as error:
        check_csv(path, ";")
    assert '--delimiter ","' in str(error.value)
    assert "data.delimiter" in str(error.value)


def test_columns_set_apart_by_spaces_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="runs of spaces"):
        check_csv(written(tmp_path, b"a b  c\n 1 2 3\n4 5 6\n"), ",")


def test_a_single_column_of_sentences_is_no_wrong_delimiter(tmp_path: Path) -> None:
    assert check_csv(written(tmp_path, b"words\na;b\nc\n"), ",").n_rows == 2


def test_gzip_of_several_members_and_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    assert check_csv(written(tmp_path, whole, "t.csv.gz"), ",").n_rows == 2
    dense = gzip.compress(b"a,b\n" + b"1,2\n" * 300_000)
    assert check_csv(written(tmp_path, dense, "d.csv.gz"), ",").n_rows == 300_000
    with pytest.raises(SourceError, match="damaged"):
        check_csv(written(tmp_path, b"a,b\n1,2\n", "u.csv.gz"), ",")
    with pytest.raises(SourceError, match="too early"):
        check_csv(written(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-12], "v.csv.gz"), ",")


def test_a_quote_that_is_never_closed_is_found_without_reading_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure.prepare.sources.csv_bytes._LONGEST_RECORD", 1000)
    monkeypatch.setattr(source_text, "CHUNK", 300)
    path = written(tmp_path, b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 1000)
    with pytest.raises(SourceError, match="never closed") as error:
        check_csv(path, ",")
    assert str(error.value.where).endswith("line 3")


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=5)


@pytest.mark.parametrize("width", [254, 255, 256, 257, 600])
def test_counts_beyond_a_byte_are_exact(tmp_path: Path, width: int) -> None:
    header = ",".join(f"c{n}" for n in range(width))
    row = ",".join("1" for _ in range(width))
    many = ",".join(['"' + "," * 700 + '"'] + ["1"] * (width - 1))
    path = written(tmp_path, "\n".join([header, row, many, row, ""]).encode())
    assert check_csv(path, ",").n_rows == 3
    for extra in (1, 256, 512):
        path = written(tmp_path, "\n".join([header, row, row + "," * extra, row, ""]).encode())
        with pytest.raises(SourceError, match=f"this one has {width + extra}\n.*line 3"):
            check_csv(path, ",")
    if width > 256:  # a row that lacks 256 fields
        path = written(tmp_path, "\n".join([header, row, row[:-512], row, ""]).encode())
        with pytest.raises(SourceError, match=f"this one has {width - 256}\n"):
            check_csv(path, ",")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), st.integers(3, 40))
def test_what_a_csv_writer_wrote_has_as_many_rows(
    tmp_path_factory, rows: list[list[str]], chunk: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = written(tmp_path_factory.getbasetemp(), text.getvalue().encode())
    usual, source_text.CHUNK = source_text.CHUNK, chunk
    try:
        facts = check_csv(path, ",")
    finally:
        source_text.CHUNK = usual
    assert facts.n_rows == len(rows)
