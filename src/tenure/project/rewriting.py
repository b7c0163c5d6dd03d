"""Tables on disk without the rows of one person: data versions, and DVC's copies of them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tenure.durable import TEMPORARY, flush_folder, write_durably
from tenure.prepare.split import PART, PARTS
from tenure.prepare.versions import Fingerprint, same_person
from tenure.project import dvc
from tenure.project.folder import Folder
from tenure.project.versions import (
    Version,
    VersionParts,
    keep_version,
    list_versions,
    pointer_of,
    read_moved,
    read_rows,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is looked for. columns: those that may name them."""

    identifier: str
    columns: tuple[str, ...]

    def count(self, rows: pl.LazyFrame) -> int:
        """The number of their rows in a table."""
        return int(rows.select(self._test(rows).sum()).collect().item() or 0)

    def without(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The table without their rows, in the same order."""
        return rows.filter(~self._test(rows))

    def _test(self, rows: pl.LazyFrame) -> pl.Expr:
        return same_person(rows.collect_schema(), self.columns, self.identifier)


def find_in_versions(folder: Folder, person: Person) -> dict[str, int]:
    """Version -> rows of the person, of the versions that are here and hold any."""
    counts = {v.version: person.count(read_rows(folder, v)[0]) for v in list_versions(folder)}
    return {name: n for name, n in counts.items() if n}


def erase_from_version(folder: Folder, version: Version, person: Person, remote: str | None) -> Version:
    """Make the version without the person, point from the old name to the new one, and take the old one away.

    The old folder goes last: as long as it is there, whoever comes after a kill does it all again.
    """
    rows, recipe = read_rows(folder, version)
    with _written(folder.versions, person.without(rows)) as path:
        parts = VersionParts(
            rows=path,
            recipe=recipe,
            rows_by_part=_counts(pl.scan_parquet(path), version.rows),
            fingerprint=Fingerprint(**version.fingerprint),
            warnings=version.warnings,
            golden=version.golden,
            unread=version.unread,
            leakage=version.leakage,
        )
        now = keep_version(folder, parts, remote)
    moved = {**read_moved(folder), version.version: now.version}
    write_durably(folder.versions / "moved.json", json.dumps(moved, indent=1))
    _drop(folder, version.version)
    return now


def _drop(folder: Folder, name: str) -> None:
    place = folder.versions / name
    pointer = pointer_of(place)
    used = {
        path for other in folder.versions.glob("*.dvc") if other != pointer for path in _cached(folder, other)
    }
    # the list of the folder's files last, because it tells of the others
    for path in sorted(_cached(folder, pointer) - used, key=lambda path: path.suffix == ".dir"):
        path.unlink(missing_ok=True)
    pointer.unlink(missing_ok=True)
    grave = folder.versions / f"{TEMPORARY}{secrets.token_hex(4)}"
    place.rename(grave)
    flush_folder(folder.versions)
    shutil.rmtree(grave)


def _cached(folder: Folder, pointer: Path) -> set[Path]:
    return dvc.cached_files(folder.root, pointer)


@contextmanager
def _written(folder: Path, rows: pl.LazyFrame) -> Iterator[Path]:
    """A table in a file of its own, flushed to disk, as long as it is needed."""
    path = folder / f"{TEMPORARY}{secrets.token_hex(4)}.parquet"
    try:
        rows.sink_parquet(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def _counts(rows: pl.LazyFrame, names: Mapping[str, int]) -> dict[str, int]:
    counts = rows.select((pl.col(PART) == PARTS.index(name)).sum().alias(name) for name in names).collect()
    return {name: int(counts[name].item()) for name in names}
