"""Erase a person from everything the project holds, with a receipt, and say what is left for people to do.

Each step is whole or not there and finds its own work, so that a killed command is gone on with by the next.
Releases hold no row of anybody (see prepare.golden): a model that learned from the person is named, not changed.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from tenure.config import ProjectConfig, SourceConfig
from tenure.errors import ProjectError, TenureError
from tenure.journal.erase import count_person, erase_person
from tenure.journal.tables import open_journal
from tenure.project import dvc
from tenure.project.folder import Folder
from tenure.project.promoting import note
from tenure.project.receipts import Receipt, earlier_receipts, keep_receipt, open_receipt
from tenure.project.rewriting import Person, erase_from_version, find_in_versions
from tenure.project.versions import follow, list_absent, models_of, read_version, restore_version

log = logging.getLogger(__name__)


def forget(
    folder: Folder, config: ProjectConfig, identifier: str, column: str | None = None
) -> dict[str, Any]:
    """Erase a person from versions, collected sources, pages, journal and DVC's cache.

    identifier: their value in column; by default in data.id, or in data.group. Returns the receipt, with what is
    left to do. The source is the user's own: its rows are counted, not changed, and are left out when it is read.
    Raises ProjectError when no column names persons, or when two of them name different rows.
    """
    columns = _columns(config, column)
    person = Person(identifier, columns)
    if not identifier.strip():
        raise ProjectError("an empty id names nobody", todo="give the person's id")
    receipt = open_receipt(folder, identifier, list(columns))
    _bring_absent(folder, receipt)
    _refuse_two_meanings(folder, person, column)
    _erase_versions(folder, config, person, receipt)
    _erase_journal(folder, person, receipt)
    receipt.remaining = _remaining(folder, config, person, receipt)
    erased = (place.removeprefix("version ") for place in receipt.erased if place.startswith("version "))
    receipt.versions = {name: follow(folder, name) for name in erased}
    if receipt.erased:
        # copies that nothing can be found in again: they are made anew when they are needed
        _erase_copies(folder, receipt)
        keep_receipt(folder, receipt, finished=True)
        note(
            folder,
            "forget",
            {"receipt": receipt.receipt, "erased": receipt.erased, "versions": receipt.versions},
        )
    return _document(folder, identifier, receipt)


def _columns(config: ProjectConfig, column: str | None) -> tuple[str, ...]:
    named = [column] if column else [config.data.id, config.data.group]
    columns = tuple(dict.fromkeys(name for name in named if name))
    if not columns:
        raise ProjectError(
            "nothing says which column names a person: data.id and data.group are empty",
            todo="pass --column COLUMN, or name data.id in tenure.yaml",
        )
    return columns


def _refuse_two_meanings(folder: Folder, person: Person, column: str | None) -> None:
    """An id that names one row in data.id and other rows in data.group may be two persons."""
    if column or len(person.columns) < 2:
        return
    found = {name: find_in_versions(folder, Person(person.identifier, (name,))) for name in person.columns}
    together = find_in_versions(folder, person)
    counts = [found[name] for name in person.columns if found[name]]
    if len(counts) > 1 and any(rows != together for rows in counts):
        raise ProjectError(
            f"this id stands in {' and in '.join(map(repr, person.columns))}, in different rows",
            todo=f"say which is meant: --column {person.columns[0]}",
        )


def _bring_absent(folder: Folder, receipt: Receipt) -> None:
    """Versions whose rows are only in DVC's cache or remote must be looked into as well."""
    for name in list_absent(folder):
        try:
            restore_version(folder, name)
        except TenureError as error:
            said = f"version {name}: its rows could not be brought here ({error.what})"
            receipt.unchecked += [said] if said not in receipt.unchecked else []


def _erase_versions(folder: Folder, config: ProjectConfig, person: Person, receipt: Receipt) -> None:
    for name, n in find_in_versions(folder, person).items():
        receipt.note(f"version {name}", n)
        receipt.releases = sorted({*receipt.releases, *models_of(folder, name)})
        keep_receipt(folder, receipt)
        erase_from_version(folder, read_version(folder.versions / name), person, config.store.data_remote)


def _erase_journal(folder: Folder, person: Person, receipt: Receipt) -> None:
    with closing(open_journal(folder.journal)) as db:
        for what, n in count_person(db, person.columns, person.identifier).items():
            receipt.note(f"journal: {what}", n)
        if any(place.startswith("journal") for place in receipt.erased):
            keep_receipt(folder, receipt)
            erase_person(db, person.columns, person.identifier)


def _erase_copies(folder: Folder, receipt: Receipt) -> None:
    for place, files in {
        "collected sources (files)": _files(folder.collected),
        "exploration (files)": [*_files(folder.explored), *_pages(folder)],
    }.items():
        receipt.note(place, len(files))
        keep_receipt(folder, receipt)
        for path in files:
            path.unlink(missing_ok=True)
    for emptied in (folder.collected, folder.explored):
        shutil.rmtree(emptied, ignore_errors=True)


def _files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else []


def _pages(folder: Folder) -> list[Path]:
    return [
        path for place in (folder.own, folder.versions) for path in _files(place) if path.suffix == ".html"
    ]


def _remaining(folder: Folder, config: ProjectConfig, person: Person, receipt: Receipt) -> dict[str, int]:
    """The user's own tables that still hold the person, with the number of rows."""
    from tenure.prepare.sources import open_table

    counts = {}
    for table, columns in _own_tables(config, person):
        try:
            rows, _ = open_table(table, folder.root, folder.collected)
            counts[table.source] = Person(person.identifier, columns).count(rows)
        except (TenureError, OSError, pl.exceptions.PolarsError) as error:
            said = f"{table.source}: it could not be read ({str(error).splitlines()[0]})"
            receipt.unchecked += [said] if said not in receipt.unchecked else []
    return {source: n for source, n in counts.items() if n}


def _own_tables(config: ProjectConfig, person: Person) -> Iterator[tuple[SourceConfig, tuple[str, ...]]]:
    """Each table that tenure.yaml names, and the columns that may name a person."""
    if config.data.source:
        yield config.data, person.columns
    for table in config.data.tables.values():
        yield table, (table.key,)


def _document(folder: Folder, identifier: str, receipt: Receipt) -> dict[str, Any]:
    earlier = [name for name in earlier_receipts(folder, identifier) if name != receipt.receipt]
    path = folder.forgotten / f"{receipt.receipt}.json"
    return {
        **receipt.to_dict(),
        "file": str(path) if path.exists() else None,
        "earlier": earlier,
        "next": _next(folder, receipt),
    }


def _next(folder: Folder, receipt: Receipt) -> list[str]:
    steps = [
        f"take the {n} row(s) out of {source} yourself: it is your file; until then they are left out when it is read"
        for source, n in receipt.remaining.items()
    ]
    if receipt.versions and dvc.has_remote(folder.root):
        steps.append(
            "copies lie in the data remote: `dvc push`, then `dvc gc --workspace --cloud` removes them there"
        )
    if receipt.releases:
        steps.append(
            f"these releases learned from the person's rows, and hold none of them: {', '.join(receipt.releases)}; "
            "`tenure run --again` trains without them"
        )
    steps += [f"look into this yourself: {what}" for what in receipt.unchecked]
    return steps
