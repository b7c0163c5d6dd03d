"""Event tables of a project: read them, build the panel that training or prediction takes, name what was left out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.config import DataConfig, ProjectConfig, SourceConfig, source_like
from tenure.config.events import parse_moment
from tenure.durable import TEMPORARY, flush_folder, write_durably
from tenure.errors import ColumnsMissing, ConfigError, TenureError
from tenure.model.registry import read_champion
from tenure.project.expressions import place_of_condition
from tenure.project.folder import Folder
from tenure.project.predicting import ask_first, check_output
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.events import Events, Panel
    from tenure.records import CellProblem

PROBLEMS = "events.problems.csv"


@dataclass(frozen=True, slots=True)
class CheckedTables:
    """Tables of which no panel was made yet.

    rows: data.source, or what stands in for it, if any.  events: by the names in data.tables.
    inputs: what was read -> SHA-256 of its bytes.
    """

    rows: pl.LazyFrame | None
    events: dict[str, pl.LazyFrame]
    inputs: dict[str, str]


def check_tables(
    folder: Folder, config: ProjectConfig, rows_of: SourceConfig | None, base: Path
) -> CheckedTables:
    """Find and check the event tables, and the table of rows. base: what its path is relative to.

    Raises SourceError when one is unfit.
    """
    from tenure.prepare.sources import open_table

    rows, events, inputs = None, {}, {}
    if rows_of is not None:
        rows, facts = open_table(rows_of, base, folder.collected)
        inputs["the source"] = facts.sha256
    for name, table in config.data.tables.items():
        events[name], facts = open_table(table, folder.root, folder.collected)
        inputs[f"data.tables.{name}"] = facts.sha256
    return CheckedTables(rows, events, inputs)


def make_panel(folder: Folder, config: ProjectConfig, tables: CheckedTables) -> Panel:
    """The rows to learn from.

    Cells for which an event was left out are named in .tenure/events.problems.csv.
    Raises SourceError, TargetError or ConfigError, with nothing written, when the tables are unfit.
    """
    from tenure.prepare.events import build_panel

    data = config.data
    events, source = _typed(tables, config)
    moments = data.cutoffs.moments if data.cutoffs else None
    panel = build_panel(data, events, source, moments, place=place_of_condition(config))
    named = [data.target, *(c for c in (data.group, data.weight) if c), *data.excluded]
    missing = [column for column in named if column not in panel.rows.columns]
    if missing:
        raise ColumnsMissing(missing, panel.rows.columns, where=f"{folder.config_file}, of the event tables")
    _name_problems(folder.own / PROBLEMS, panel.problems)
    return panel


def write_panel(
    folder: Folder, config: ProjectConfig, output: str, at: str | None, source: str | None
) -> dict[str, Any]:
    """Write one row an id as of one time, with the columns of training but for the target.

    at: the cutoff; None when there are no data.cutoffs, where each row has its own data.time.
    source: a table in place of data.source, relative to the working directory.  output: .csv or .parquet.
    Raises TenureError for the time and the output, what make_panel raises, and where there is a champion what
    `predict` would refuse the rows for; nothing is written then.
    """
    from tenure.prepare.events import build_panel

    data = config.data
    target = check_output(output)
    moments = _moments(data, at, folder)
    rows_of: SourceConfig | None = data if data.source else None
    base = folder.root
    if source is not None:
        rows_of, base = source_like(data, source, {}), Path.cwd()
    tables = check_tables(folder, config, rows_of, base)
    events, rows = _typed(tables, config)
    panel = build_panel(data, events, rows, moments, labelled=False)
    asked = _ask_champion(folder, panel.rows, f"the panel for {target.name}")
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{target.name}")
    try:
        if target.suffix == ".csv":
            panel.rows.write_csv(temporary, separator=_comma(data.delimiter))
        else:
            panel.rows.write_parquet(temporary)
        _name_problems(target.with_name(target.name + ".problems.csv"), panel.problems)
        temporary.replace(target)
        flush_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return {
        "output": str(target),
        "at": moments[0].isoformat() if moments else None,
        "rows": len(panel.rows),
        "columns": len(panel.rows.columns),
        "warnings": [*panel.warnings, *asked],
        "sha256": tables.inputs,
    }


def _ask_champion(folder: Folder, rows: pl.DataFrame, name: str) -> list[str]:
    """What the champion's schema warns of in a panel; [] without a champion. Raises as `predict` does of a table."""
    champion = read_champion(folder.root)
    if champion is None:
        return []
    scorer = Scorer.load(folder.root / champion.release)
    shape, breaches = ask_first(
        scorer, name, rows.columns, rows.lazy(), lambda: [rows], only=("error", "warning")
    )
    return [str(finding) for finding in (*shape, *breaches)]


def _comma(delimiter: str | None) -> str:
    """What `tenure predict` will take for the delimiter of a CSV file."""
    return delimiter if delimiter is not None and len(delimiter) == 1 else ","


def _moments(data: DataConfig, at: str | None, folder: Folder) -> list[datetime] | None:
    if not data.tables:
        raise ConfigError(
            "data.tables has no event table to make a panel from",
            where=str(folder.config_file),
            todo="give `tenure predict` the table itself",
        )
    if data.cutoffs is None:
        if at is not None:
            raise TenureError(
                "without data.cutoffs each row is taken at its own data.time, and --at says another",
                where=str(folder.config_file),
                todo="drop --at; pass the rows to score as --source",
            )
        return None
    if at is None:
        raise TenureError("a panel is of one time", todo="pass --at T, such as --at 1998-04-01")
    try:
        return [parse_moment(at)]
    except ValueError as error:
        raise TenureError(f"--at: {error}", todo="correct the option") from None


def _typed(tables: CheckedTables, config: ProjectConfig) -> tuple[list[Events], pl.DataFrame | None]:
    """Every event table, typed; the table of rows, as it is."""
    from tenure.prepare.events import type_events
    from tenure.prepare.events.labels import columns_of_label

    label, typed = config.data.label, []
    for name, table in tables.events.items():
        also = {}
        if label and label.table == name:
            also = columns_of_label(label, table.collect_schema().names(), place_of_condition(config))
        typed.append(type_events(name, table, config.data.tables[name], also))
    return typed, None if tables.rows is None else tables.rows.collect()


def _name_problems(path: Path, problems: Mapping[str, tuple[CellProblem, ...]]) -> None:
    """Write the cells for which an event or a row was left out; without any, no file stays."""
    import polars as pl

    if not problems:
        path.unlink(missing_ok=True)
        return
    cells = [
        (table, cell.row, cell.column, cell.rule, cell.value)
        for table, cells in problems.items()
        for cell in cells
    ]
    header = ["table", "row", "column", "rule", "value"]
    write_durably(path, pl.DataFrame(cells, schema=header, orient="row").write_csv())
