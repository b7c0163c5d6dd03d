"""The leakage gate of a project: rows from serving are fetched, findings told, and a leak stops the run."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from tenure.config import ProjectConfig, source_like
from tenure.errors import GateFailed
from tenure.journal.place import may_be_there
from tenure.journal.queries import latest_rows
from tenure.journal.tables import open_journal
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.leakage import Findings
    from tenure.prepare.recipe import Recipe
    from tenure.project.prepared import Prepared

_LATEST = 5000


def pass_gate(
    folder: Folder, config: ProjectConfig, prepared: Prepared, *, by_time: bool = False, among: str = ""
) -> Prepared:
    """Check prepared rows for leaks and note in them what was found.

    by_time: they stand in order of time, and the test rows are the latest.  among: which rows, for messages.
    Raises GateFailed for a critical finding that tenure.yaml does not waive.
    """
    from tenure.prepare.leakage import check_leakage

    findings = check_leakage(
        prepared.recipe,
        prepared.rows,
        waive=config.leakage.waive,
        serving=serving_rows(folder, config, prepared.recipe),
        is_whole=config.leakage.serving is not None,
        by_time=by_time,
        glance=prepared.glance,
    )
    if findings.stopping:
        raise _failed(findings, config, folder, among)
    return replace(prepared, warnings=(*prepared.warnings, *findings.warnings()), leakage=findings.to_dict())


def serving_rows(folder: Folder, config: ProjectConfig, recipe: Recipe) -> pl.DataFrame | None:
    """Rows as the service gets them: the config's table, else the latest of the journal; None without any."""
    if config.leakage.serving is not None:
        from tenure.prepare.sources import open_table

        table = source_like(config.data, config.leakage.serving, {})
        return open_table(table, folder.root, folder.collected)[0].collect()
    if not may_be_there(folder.journal):
        return None
    with closing(open_journal(folder.journal, create=False)) as db:
        rows = latest_rows(db, _LATEST)
    if not rows:
        return None
    from tenure.monitor.windows import text_table

    return text_table(rows, recipe)


def _failed(findings: Findings, config: ProjectConfig, folder: Folder, among: str) -> GateFailed:
    """All findings in one message, the gravest first, with how each critical one is mended or waived."""
    stopping = findings.stopping
    lines = [f"  {finding}" for finding in stopping]
    lines += [f"    next: {todo}" for todo in dict.fromkeys(finding.todo for finding in stopping)]
    lines += [f"  {warning}" for warning in findings.warnings()]
    columns = ", ".join(dict.fromkeys(finding.column for finding in stopping if finding.column is not None))
    about = f"in {columns}" if columns else "in the table"
    if among:
        about += f", among {among}"
    return GateFailed(
        f"the leakage gate stopped the run, and no model was made: {len(stopping)} critical finding(s) {about}\n"
        + "\n".join(lines),
        {"leakage": findings.to_dict()},
        where=f"{folder.config_file}, target {config.data.target!r}",
        todo="take the leaks out, or waive them one by one under leakage.waive with a reason; docs/leakage.md "
        "tells of each code",
    )
