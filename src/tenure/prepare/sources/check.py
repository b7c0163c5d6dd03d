"""Check a source before any work, so that a fault is told with its file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    has_blank_lines: of a CSV file; pass it on to scan.  warnings: what a person should know of the source.
    """

    columns: tuple[str, ...]
    sha256: str
    n_bytes: int
    n_rows: int
    has_blank_lines: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file holds. types: of the columns; those of CSV are all text."""

    columns: tuple[str, ...]
    sha256: str
    n_bytes: int
    n_rows: int
    has_blank_lines: bool = False
    types: tuple[pl.DataType, ...] = ()


def check_source(source: Source, *, min_rows: int = 2) -> SourceFacts:
    """Check a source and say what it holds.

    min_rows: fewer rows than this are refused; prediction needs 1, learning 2.
    Raises SourceError, with file and line, for everything that would make a table other than it looks.
    """
    parts = [
        _check_csv(path, source) if source.format == "csv" else _check_typed(path, source)
        for path in source.paths
    ]
    _check_agreement(source, parts)
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
        warnings=(*source.warnings, *_delivered_twice(source, digests)),
    )


def _check_agreement(source: Source, parts: Sequence[_Part]) -> None:
    """Refuse files whose columns, or the types of them, differ from those of the first."""
    first = parts[0]
    for path, part in zip(source.paths, parts, strict=True):
        if part.columns != first.columns:
            raise SourceError(
                f"all files must have the same columns as {source.paths[0].name}: "
                + _difference(first.columns, part.columns),
                where=f"{path}, line 1",
                todo="give the files one header, or narrow the pattern",
            )
        for column, expected, found in zip(part.columns, first.types, part.types, strict=False):
            alike = source.format != "parquet" and (
                pl.Null in (expected, found) or (expected.is_numeric() and found.is_numeric())
            )
            if expected != found and not alike:
                raise SourceError(
                    f"column {column!r} holds {found}, but {expected} in {source.paths[0].name}",
                    where=f"{path}, column {column!r}",
                    todo="write all files with the same types, or narrow the pattern",
                )


def _delivered_twice(source: Source, digests: Sequence[str]) -> list[str]:
    first: dict[str, Path] = {}
    twice = [
        f"{path.name} is {first[digest].name} again"
        for path, digest in zip(source.paths, digests, strict=True)
        if first.setdefault(digest, path) is not path
    ]
    if not twice:
        return []
    return [
        f"{len(twice)} file(s) hold the same bytes as another, so that their rows come twice: {'; '.join(twice[:5])}"
    ]


def _check_csv(path: Path, source: Source) -> _Part:
    facts = check_csv(path, source)
    return _Part(facts.columns, facts.sha256, facts.n_bytes, facts.n_rows, facts.has_blank_lines)


def _check_typed(path: Path, source: Source) -> _Part:
    sha256, n_bytes = _hash(path)
    if n_bytes == 0:
        raise SourceError("the file is empty", where=str(path), todo="give a table")
    frame = scan(replace(source, paths=(path,), address=None))
    try:
        schema = frame.collect_schema()
        n_rows = int(frame.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError as error:
        raise SourceError(
            f"the file cannot be read as {source.format}: {str(error).splitlines()[0]}", where=str(path)
        ) from error
    return _Part(tuple(schema.names()), sha256, n_bytes, n_rows, types=tuple(schema.dtypes()))


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
