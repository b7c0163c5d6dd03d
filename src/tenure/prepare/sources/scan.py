"""Read a checked source as a lazy Polars table: CSV cells stay text, other forms keep their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from tenure.errors import ExtraMissing, SourceError
from tenure.prepare.sources.csv_bytes import read_header, whole_records, without_blank_lines
from tenure.prepare.sources.find import Source


def scan(source: Source, *, has_blank_lines: bool = True) -> pl.LazyFrame:
    """The rows of a source, in file order, lazily.

    CSV: every column String, cells as written; an unnamed column is called column_<number>.
    has_blank_lines: as check_source found; Polars would read such a line as a row of nulls, so that it is taken
    out first, and the file is held whole.
    Raises SourceError for nested columns and for files that cannot be read.
    """
    try:
        frame = _scan(source, has_blank_lines)
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, json.JSONDecodeError, UnicodeDecodeError) as error:
        message = (str(error).splitlines() or [""])[0]
        raise SourceError(
            f"the file cannot be read as {source.format}: {message}",
            where=str(source),
            todo="check that the file is whole and that its ending tells its form",
        ) from error
    nested = [name for name, dtype in schema.items() if dtype.is_nested() or dtype == pl.Object]
    if nested:
        raise SourceError(
            f"column {nested[0]!r} holds nested values ({schema[nested[0]]}); every cell must be one value",
            where=f"{source}, column {nested[0]!r}",
            todo="flatten it into columns of its own, or leave it out of the file",
        )
    if not schema:
        raise SourceError("the table has no columns", where=str(source), todo="give a table with a header")
    return frame


def _scan(source: Source, has_blank_lines: bool) -> pl.LazyFrame:
    if source.format == "csv":
        return _scan_csv(source, has_blank_lines)
    if source.format == "parquet":
        return pl.scan_parquet(list(source.paths), glob=False)
    if source.format == "ndjson":
        return pl.scan_ndjson(list(source.paths), infer_schema_length=None)
    read = _read_json if source.format == "json" else _read_excel
    return pl.concat([read(path) for path in source.paths]).lazy()


def _scan_csv(source: Source, has_blank_lines: bool) -> pl.LazyFrame:
    columns = read_header(source.paths[0], source.delimiter)
    if not has_blank_lines or len(columns) == 1:
        return scan_csv_text(list(source.paths), source.delimiter, columns)
    texts = [b"".join(map(without_blank_lines, whole_records(path))) for path in source.paths]
    return scan_csv_text(texts, source.delimiter, columns)


def scan_csv_text(text: list[Path] | list[bytes], delimiter: str, columns: Sequence[str]) -> pl.LazyFrame:
    """Checked CSV text with a header and without blank lines, lazily; columns: the names to give."""
    return pl.scan_csv(text, separator=delimiter, infer_schema=False, new_columns=list(columns), glob=False)


def _read_json(path: Path) -> pl.DataFrame:
    """A JSON array of objects, one a row; a file of one object a line is taken as well."""
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise SourceError("the file is empty", where=str(path), todo="give an array of objects")
    if head.startswith(b"{"):
        return pl.read_ndjson(path, infer_schema_length=None)
    if not head.startswith(b"["):
        raise SourceError(
            "a JSON table must be an array of objects", where=str(path), todo="write [{...}, {...}]"
        )
    return pl.read_json(path, infer_schema_length=None)


def _read_excel(path: Path) -> pl.DataFrame:
    if find_spec("fastexcel") is None:
        raise ExtraMissing("fastexcel", "excel")
    try:
        return pl.read_excel(path, engine="calamine")
    except Exception as error:  # the engine's own errors share no base class
        raise SourceError(
            f"the file cannot be read as Excel: {(str(error).splitlines() or [''])[0]}", where=str(path)
        ) from error
