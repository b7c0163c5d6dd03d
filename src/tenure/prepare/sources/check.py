"""Check a source before any work, so that a fault is told with its file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tenure.errors import SourceError
from tenure.prepare.sources.csv_bytes import check_csv
from tenure.prepare.sources.find import Source
from tenure.prepare.sources.scan import scan

_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a source holds.

    sha256: of the file's bytes; of the files' hashes, one a line, when there are several.
    n_bytes: as stored.  n_rows: data rows.
    has_blank_lines: of a CSV file; pass it on to scan.
    """

    columns: tuple[str, ...]
    sha256: str
    n_bytes: int
    n_rows: int
    has_blank_lines: bool = False


def check_source(source: Source, *, min_rows: int = 2) -> SourceFacts:
    """Check a source and say what it holds.

    min_rows: fewer rows than this are refused; prediction needs 1, learning 2.
    Raises SourceError, with file and line, for everything that would make a table other than it looks.
    """
    parts = [
        _check_csv(path, source) if source.format == "csv" else _check_typed(path, source)
        for path in source.paths
    ]
    for path, part in zip(source.paths, parts, strict=True):
        if part.columns != parts[0].columns:
            raise SourceError(
                f"all files must have the same columns as {source.paths[0].name}: "
                + _difference(parts[0].columns, part.columns),
                where=f"{path}, line 1",
                todo="give the files one header, or narrow the pattern",
            )
    n_rows = sum(part.n_rows for part in parts)
    if n_rows < min_rows:
        held = "only a header" if n_rows == 0 else f"{n_rows} row" + ("s" if n_rows > 1 else "")
        raise SourceError(
            f"the table has {held}; at least {min_rows} row{'s' if min_rows > 1 else ''} of data must be there",
            where=str(source),
            todo="give more rows",
        )
    digests = [part.sha256 for part in parts]
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return SourceFacts(
        columns=parts[0].columns,
        sha256=sha256,
        n_bytes=sum(part.n_bytes for part in parts),
        n_rows=n_rows,
        has_blank_lines=any(part.has_blank_lines for part in parts),
    )


def _check_csv(path: Path, source: Source) -> SourceFacts:
    facts = check_csv(path, source.delimiter)
    return SourceFacts(facts.columns, facts.sha256, facts.n_bytes, facts.n_rows, facts.has_blank_lines)


def _check_typed(path: Path, source: Source) -> SourceFacts:
    sha256, n_bytes = _hash(path)
    if n_bytes == 0:
        raise SourceError("the file is empty", where=str(path), todo="give a table")
    frame = scan(Source(source.name, (path,), source.format, source.delimiter))
    try:
        columns = tuple(frame.collect_schema().names())
        n_rows = int(frame.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError as error:
        raise SourceError(
            f"the file cannot be read as {source.format}: {str(error).splitlines()[0]}", where=str(path)
        ) from error
    return SourceFacts(columns, sha256, n_bytes, n_rows)


def _hash(path: Path) -> tuple[str, int]:
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
            n_bytes += len(block)
    return digest.hexdigest(), n_bytes


def _difference(expected: Sequence[str], found: Sequence[str]) -> str:
    lacks, extra = [c for c in expected if c not in found], [c for c in found if c not in expected]
    if lacks or extra:
        return f"this one lacks {lacks} and has {extra} instead" if lacks else f"this one also has {extra}"
    return "their order differs"
