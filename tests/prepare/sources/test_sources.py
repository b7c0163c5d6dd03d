"""Sources of every form are found, checked and read."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tenure.config import SourceConfig
from tenure.errors import SourceError
from tenure.prepare.sources import Source, check_source, scan
from tenure.prepare.sources.find import find_source as find


def find_source(spec: str, base: Path, **keys: object) -> Source:
    return find(SourceConfig(source=spec, **keys), base)


FRAME = pl.DataFrame({"name": ["x", "y", "z"], "amount": [1.5, None, 3.0]})


def test_csv_cells_stay_text_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b',b\n007,"1,5"\n\n , x\n\n')
    source = find_source("t.csv", tmp_path)
    assert check_source(source).n_rows == 2
    frame = scan(source).collect()
    assert frame.columns == ["column_1", "b"]
    assert frame.rows() == [("007", "1,5"), (" ", " x")]


def test_tsv_gz_and_glob(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"a\tb\n1\t2\n3\t4\n")
    (tmp_path / "p-1.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    (tmp_path / "p-2.csv.gz").write_bytes(gzip.compress(b"a,b\n3,4\n"))
    tabbed, many = find_source("t.tsv", tmp_path), find_source("p-*.csv.gz", tmp_path)
    assert (tabbed.delimiter, tabbed.name, many.name, len(many.paths)) == ("\t", "t", "p-1", 2)
    assert check_source(tabbed).n_rows == check_source(many).n_rows == 2
    assert scan(tabbed).collect().rows() == scan(many).collect().rows() == [("1", "2"), ("3", "4")]


def test_typed_forms(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "t.parquet")
    FRAME.write_json(tmp_path / "t.json")
    FRAME.write_ndjson(tmp_path / "t.ndjson")
    for ending in ("parquet", "json", "ndjson"):
        source = find_source(f"t.{ending}", tmp_path)
        facts = check_source(source)
        assert (facts.columns, facts.n_rows) == (("name", "amount"), 3), ending
        assert scan(source).collect().equals(FRAME), ending


def test_a_json_file_of_one_object_a_line_is_read(tmp_path: Path) -> None:
    FRAME.write_ndjson(tmp_path / "t.json")
    assert check_source(find_source("t.json", tmp_path)).n_rows == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"a,b\n", "only a header"),
        ("t.csv", b"a,b\n1,2\n", "has 1 row; at least 2"),
        ("t.json", b"", "is empty"),
        ("t.json", b"12", "array of objects"),
        ("t.json", b'[{"a": 1}, {"a": ', "cannot be read as json"),
        ("t.json", b'[{"a": 1, "b": {"c": 2}}, {"a": 2, "b": {"c": 3}}]', "'b' holds nested"),
        ("t.ndjson", b'{"a": [1, 2]}\n{"a": [3]}\n', "'a' holds nested"),
        ("t.parquet", b"PAR1 no", "cannot be read as parquet"),
        ("t.xlsx", b"no workbook", "cannot be read as Excel|fastexcel"),
        ("t.docx", b"x", "are not known"),
    ],
)
def test_bad_sources(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Exception, match=message) as error:
        check_source(find_source(name, tmp_path))
    assert getattr(error.value, "exit_code", None) == 2


def test_one_row_is_enough_to_predict(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n")
    assert check_source(find_source("t.csv", tmp_path), min_rows=1).n_rows == 1


def test_missing_files_folders_and_delimiters(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"did you mean customers\.csv"):
        find_source("costumers.csv", tmp_path)
    with pytest.raises(ValueError, match="one ASCII character"):
        find_source("customers.csv", tmp_path, delimiter="::")


def test_files_of_one_table_must_have_one_header(tmp_path: Path) -> None:
    (tmp_path / "p1.csv").write_bytes(b"a,b\n1,2\n3,4\n")
    (tmp_path / "p2.csv").write_bytes(b"a,c\n1,2\n3,4\n")
    with pytest.raises(SourceError, match="lacks"):
        check_source(find_source("p*.csv", tmp_path))


def workbook(path: Path, rows: list[tuple[object, ...]]) -> None:
    """Write the smallest workbook that Office Open XML allows."""
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(value: object) -> str:
        return (
            f"<c><v>{value}</v></c>"
            if isinstance(value, float)
            else f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        )

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    relation = '<Relationships xmlns="{}/relationships"><Relationship Id="r1" Type="{}/{}" Target="{}"/>'
    relation += "</Relationships>"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{main}.worksheet+xml"/></Types>',
        "_rels/.rels": relation.format(package, office, "officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{namespace}" xmlns:r="{office}"><sheets>'
        '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation.format(package, office, "worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{namespace}"><sheetData>{sheet}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_excel(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    workbook(tmp_path / "t.xlsx", [("name", "amount"), ("x", 1.5), ("y", 2.5)])
    source = find_source("t.xlsx", tmp_path)
    assert check_source(source).n_rows == 2
    assert scan(source).collect()["amount"].to_list() == [1.5, 2.5]


def test_real_tables_pass(shared_data: Path) -> None:
    for name in ("telco.csv", "adult.csv.gz", "bankchurners.csv"):
        source = find_source(name, shared_data)
        assert check_source(source).n_rows == scan(source).collect().height


def test_a_row_of_nothing_but_delimiters_is_a_row(tmp_path: Path) -> None:
    for blank in ("", "\n", "\r\n\n"):
        (tmp_path / "a.csv").write_text(f"a,b\n{blank}1,2\n{blank},\n3,4\n{blank}", newline="")
        source = find_source("a.csv", tmp_path)
        facts = check_source(source)
        assert (facts.n_rows, facts.has_blank_lines) == (3, bool(blank))
        rows = scan(source, has_blank_lines=facts.has_blank_lines).collect().rows()
        assert rows == [("1", "2"), (None, None), ("3", "4")]
