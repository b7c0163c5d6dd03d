"""The raw table of a project, wherever it comes from: a source as it is, or the rows that event tables give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenure.config import ProjectConfig
from tenure.errors import ColumnsMissing, SourceError
from tenure.project.folder import Folder
from tenure.project.receipts import without_forgotten
from tenure.project.versions import list_absent, list_versions

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class RawTable:
    """Checked rows that are not yet prepared.

    inputs: what was read -> SHA-256 of its bytes.  warnings: what the reading left out, and why.
    """

    rows: pl.LazyFrame
    n_rows: int
    inputs: dict[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedInputs:
    """What tenure.yaml names, found and checked; its rows are made when they are asked for.

    inputs: what was read -> SHA-256 of its bytes.  make: makes the rows, which takes long where there are event
    tables, and is not asked to when nothing has changed.
    """

    inputs: dict[str, str]
    folder: Folder
    make: Callable[[], RawTable]

    def read(self) -> RawTable:
        """The rows; those of persons who were forgotten stay out. Raises SourceError or TargetError for unfit ones."""
        table = self.make()
        rows, n_gone = without_forgotten(self.folder, table.rows)
        if not n_gone:
            return table
        warning = f"{n_gone} row(s) of persons who were forgotten are still in the source, and were left out"
        return RawTable(rows, table.n_rows - n_gone, table.inputs, (warning, *table.warnings))


def check_inputs(folder: Folder, config: ProjectConfig) -> CheckedInputs:
    """Find and check what tenure.yaml names. Raises SourceError or ColumnsMissing when it is unfit."""
    if not config.data.tables:
        table = _of_source(folder, config)
        return CheckedInputs(table.inputs, folder, lambda: table)
    from tenure.project.panels import check_tables, make_panel

    tables = check_tables(folder, config, config.data if config.data.source else None, folder.root)

    def make() -> RawTable:
        panel = make_panel(folder, config, tables)
        return RawTable(panel.rows.lazy(), len(panel.rows), tables.inputs, panel.warnings)

    return CheckedInputs(tables.inputs, folder, make)


def _of_source(folder: Folder, config: ProjectConfig) -> RawTable:
    from tenure.prepare.sources import open_table, unlike_last

    data = config.data
    try:
        rows, facts = open_table(data, folder.root, folder.collected, min_rows=2)
    except SourceError as error:
        raise _or_a_version(folder, error) from None
    special = (data.target, data.id, data.time, data.group, data.weight)
    named = [c for c in (*special, *data.excluded) if c is not None]
    missing = [column for column in named if column not in facts.columns]
    if missing:
        raise ColumnsMissing(missing, facts.columns, where=f"{folder.config_file}, of {data.source}")
    versions = list_versions(folder)
    unlike = unlike_last(data.source, facts.n_rows, sum(versions[-1].rows.values()) if versions else None)
    warnings = (*facts.warnings, unlike) if unlike else facts.warnings
    return RawTable(rows, facts.n_rows, {"the source": facts.sha256}, warnings)


def _or_a_version(folder: Folder, error: SourceError) -> SourceError:
    """A source that is not there, and the version that can stand in for it."""
    versions = list_versions(folder)
    names = [version.version for version in versions] or list_absent(folder)
    if not names:
        return error
    how = f"`tenure run --data {names[-1]}` uses the rows that were read before"
    if not versions:
        how = f"`dvc pull`, then {how}"
    return SourceError(error.what, where=error.where, todo=f"{error.todo}; or {how}" if error.todo else how)
