"""Which files a source names, and what form they have."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tenure.errors import SourceError, nearest_names

Format = Literal["csv", "parquet", "json", "ndjson", "excel"]

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
}
_TABBED = (".tsv", ".tab")


@dataclass(frozen=True, slots=True)
class Source:
    """One table, in one or more files of the same form.

    name: a short name made from the file's.  paths: sorted.  delimiter: one character, used for CSV only.
    """

    name: str
    paths: tuple[Path, ...]
    format: Format
    delimiter: str = ","

    def __str__(self) -> str:
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"


def find_source(spec: str, base: Path, delimiter: str | None = None) -> Source:
    """Find the files of a source.

    spec: a path or a glob, relative to base.  delimiter: by default a comma, or a tab for .tsv.
    Raises SourceError when nothing is there, or the form is unknown.
    """
    paths = _matching(spec, base)
    suffixes = {_suffix(path) for path in paths}
    formats = {_format(path) for path in paths}
    if len(formats) > 1:
        raise SourceError(
            f"{spec!r} matches files of several forms: {', '.join(sorted(suffixes))}",
            todo="narrow the pattern to one of them",
        )
    if delimiter is None:
        delimiter = "\t" if suffixes <= set(_TABBED) else ","
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
        raise SourceError(
            f"the delimiter must be one ASCII character, got {delimiter!r}",
            todo='pass for example --delimiter ";" (data.delimiter in tenure.yaml)',
        )
    return Source(_name(paths[0]), paths, formats.pop(), delimiter)


def _matching(spec: str, base: Path) -> tuple[Path, ...]:
    path = base / Path(spec).expanduser()
    if path.is_file():
        return (path,)
    if path.is_dir():
        raise SourceError(
            "a table is needed, but this is a folder",
            where=str(path),
            todo=f"name its files with a pattern, such as {spec.rstrip('/')}/*.csv",
        )
    found = tuple(
        Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if Path(match).is_file()
    )
    if found:
        return found
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest_names([path.name], beside)
    raise SourceError(
        "there is no such file",
        where=str(path),
        todo=f"did you mean {hint[0]}?" if hint else "check the path; it is taken relative to " + str(base),
    )


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _format(path: Path) -> Format:
    suffix = _suffix(path)
    form = _FORMATS.get(suffix)
    if form is None or (path.suffix.lower() == ".gz" and form != "csv"):
        raise SourceError(
            f"files that end in {''.join(path.suffixes[-2:])!r} are not known",
            where=str(path),
            todo=f"use one of {', '.join(_FORMATS)} (CSV also with .gz)",
        )
    return form


def _name(path: Path) -> str:
    stem = path.name.lstrip(".").split(".")[0]
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-").lower() or "table"
