"""Read a checked source as a lazy Polars table: CSV cells stay text, other forms keep their types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from tenure.errors import ExtraMissing, SourceError
from tenure.prepare.sources.csv_blocks import whole_records, without_blank_lines
from tenure.prepare.sources.csv_bytes import read_header
from tenure.prepare.sources.find import Source
from tenure.prepare.sources.text import is_plain, mark_of, read_text


def scan(source: Source, *, has_blank_lines: bool = True) -> pl.LazyFrame:
    """The rows of a source, in file order, lazily.

    CSV: every column String, cells as written; an unnamed column is called column_<number>.
    has_blank_lines: as check_source found; Polars would read such a line as a row of nulls, so that it is taken
    out on the way, as gzip and other encodings are: a piece at a time.
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
        frames = [pl.scan_ndjson(path, infer_schema_length=None) for path in source.paths]
    elif source.format == "json":
        frames = [_read_json(path).lazy() for path in source.paths]
    else:
        frames = [_read_excel(path, source.sheet).lazy() for path in source.paths]
    # Whole and broken numbers of two files are one column; check_source refuses what differs more.
    return pl.concat(frames, how="vertical_relaxed")


def _scan_csv(source: Source, has_blank_lines: bool) -> pl.LazyFrame:
    columns = read_header(source.paths[0], source)
    drops_blank_lines = has_blank_lines and len(columns) > 1
    if not drops_blank_lines and all(is_plain(path, source) for path in source.paths):
        return pl.scan_csv(
            list(source.paths),
            separator=source.delimiter,
            has_header=source.header is None,
            infer_schema=False,
            new_columns=list(columns),
            glob=False,
        )
    return _lazily(source, columns, drops_blank_lines)


def _lazily(source: Source, columns: Sequence[str], drops_blank_lines: bool) -> pl.LazyFrame:
    """CSV that Polars does not read as it is, in pieces that are made when they are asked for."""
    from polars.io.plugins import register_io_source

    def pieces(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = n_rows
        for path in source.paths:
            for piece in csv_pieces(path, source, columns, drops_blank_lines=drops_blank_lines):
                if left is not None and left <= 0:
                    return
                part = piece if left is None else piece.head(left)
                left = None if left is None else left - part.height
                part = part if predicate is None else part.filter(predicate)
                yield part if with_columns is None else part.select(with_columns)

    return register_io_source(pieces, schema=dict.fromkeys(columns, pl.String), explain_name="CSV in pieces")


def csv_pieces(
    path: Path, source: Source, columns: Sequence[str], *, drops_blank_lines: bool
) -> Iterator[pl.DataFrame]:
    """The rows of one checked CSV file in frames of some MiB of text each."""
    mark = mark_of(source)
    # Polars drops a blank line that begins a text without a header; in a table of one column it is a cell.
    numbers = mark.join(map(str, range(len(columns)))).encode() + b"\n"
    header = b"" if source.header is None else numbers
    for block in whole_records(read_text(path, source)):
        records = without_blank_lines(block) if drops_blank_lines else block
        if header or records.strip(b"\r\n"):
            yield pl.scan_csv(
                [header + records], separator=mark, infer_schema=False, new_columns=list(columns)
            ).collect()
            header = numbers


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


def _read_excel(path: Path, sheet: str | None) -> pl.DataFrame:
    if find_spec("fastexcel") is None:
        raise ExtraMissing("fastexcel", "excel")
    try:
        if sheet is None:
            return pl.read_excel(path, engine="calamine")
        return pl.read_excel(path, sheet_name=sheet, engine="calamine")
    except Exception as error:  # the engine's own errors share no base class
        raise SourceError(
            f"the file cannot be read as Excel: {(str(error).splitlines() or [''])[0]}",
            where=str(path),
            todo="name a sheet with data.sheet" if sheet else "check that the file is whole",
        ) from error
