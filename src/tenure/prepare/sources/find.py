"""Which files a source names, and what form they have."""

from __future__ import annotations

import glob
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tenure.config import SourceConfig
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
_PACKED = (".gz", ".zip")


@dataclass(frozen=True, slots=True)
class Source:
    """One table, in one or more files of the same form on this machine.

    name: a short name made from the file's.  paths: sorted.  delimiter, encoding, header: used for CSV only;
    delimiter is one character or "whitespace", header the names if the files have none.
    address: where the files were collected from, without secrets.  warnings: what a person should know of that.
    """

    name: str
    paths: tuple[Path, ...]
    format: Format
    delimiter: str = ","
    encoding: str | None = None
    header: tuple[str, ...] | None = None
    sheet: str | None = None
    address: str | None = None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.address:
            return self.address
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"


def find_source(config: SourceConfig, base: Path) -> Source:
    """Find the files of a source: a path, a folder or a glob relative to base.

    Raises SourceError when nothing is there, or the form is unknown.
    """
    spec = config.source.removeprefix("file://")
    paths, warnings = _matching(spec, base)
    return source_of(config, paths, warnings)


def source_of(
    config: SourceConfig, paths: tuple[Path, ...], warnings: tuple[str, ...] = (), address: str | None = None
) -> Source:
    """The table in these files, written as the config says; raises SourceError if they differ in form."""
    suffixes = {_suffix(path) for path in paths}
    formats = {_format(path) for path in paths}
    if len(formats) > 1:
        raise SourceError(
            f"{config.source!r} holds files of several forms: {', '.join(sorted(suffixes))}",
            todo="narrow it to one of them with a pattern, such as folder/*.csv",
        )
    return Source(
        _name(paths[0]),
        paths,
        formats.pop(),
        delimiter=config.delimiter or ("\t" if suffixes <= set(_TABBED) else ","),
        encoding=config.encoding,
        header=tuple(config.header) if config.header else None,
        sheet=config.sheet,
        address=address,
        warnings=warnings,
    )


def is_table(name: str) -> bool:
    """Whether a file of this name has a form that is known.

    >>> [is_table(name) for name in ("a.csv.gz", "README.md")]
    [True, False]
    """
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        return suffixes[-1] == ".zip" or (len(suffixes) > 1 and _FORMATS.get(suffixes[-2]) == "csv")
    return bool(suffixes) and suffixes[-1] in _FORMATS


def tables_among(names: list[str], where: str) -> tuple[list[str], tuple[str, ...]]:
    """The files of a folder that are tables, sorted, and a warning that names the others.

    Names that begin with a dot or an underscore are marks of the writer (.part, _SUCCESS), not tables.
    """
    shown = sorted(name for name in names if Path(name).name[0] not in "._")
    tables = [name for name in shown if is_table(name)]
    others = [Path(name).name for name in shown if not is_table(name)]
    if not tables:
        raise SourceError(
            "no table is in this folder" + (f"; it holds {', '.join(others[:5])}" if others else ""),
            where=where,
            todo=f"name its files with a pattern, such as {where.rstrip('/')}/**/*.csv",
        )
    if not others:
        return tables, ()
    return tables, (
        f"{len(others)} file(s) in {where} are no tables and were left out: {', '.join(others[:5])}",
    )


def _matching(spec: str, base: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    path = base / Path(spec).expanduser()
    if path.is_file():
        return (path,), ()
    if path.is_dir():
        names, warnings = tables_among([str(entry) for entry in path.iterdir() if entry.is_file()], str(path))
        return tuple(map(Path, names)), warnings
    found = tuple(
        Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if Path(match).is_file()
    )
    if found:
        return found, ()
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest_names([path.name], beside)
    raise SourceError(
        "there is no such file",
        where=str(path),
        todo=f"did you mean {hint[0]}?" if hint else "check the path; it is taken relative to " + str(base),
    )


def _suffix(path: Path) -> str:
    """What tells the form of a file: of a zip file, the ending of what it holds."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        packed = suffixes.pop()
        if packed == ".zip" and (not suffixes or suffixes[-1] not in _FORMATS):
            return Path(only_member(path)).suffix.lower()
    return suffixes[-1] if suffixes else ""


def only_member(path: Path) -> str:
    """The name of the one table in a zip file; raises SourceError when there are none or several."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise SourceError(
            f"the zip file is damaged: {error}", where=str(path), todo="fetch it again"
        ) from error
    tables = [name for name in names if Path(name).name[0] not in "._" and "__MACOSX" not in name]
    if len(tables) != 1:
        raise SourceError(
            f"a zip file must hold one table; this one holds {', '.join(tables[:5]) or 'nothing'}",
            where=str(path),
            todo="unpack it into a folder, and name the folder",
        )
    return tables[0]


def _format(path: Path) -> Format:
    form = _FORMATS.get(_suffix(path))
    if form is None or (path.suffix.lower() in _PACKED and form != "csv"):
        raise SourceError(
            f"files that end in {''.join(path.suffixes[-2:])!r} are not known",
            where=str(path),
            todo=f"use one of {', '.join(_FORMATS)} (CSV also with .gz or .zip)",
        )
    return form


def _name(path: Path) -> str:
    stem = path.name.lstrip(".").split(".")[0]
    return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-").lower() or "table"
