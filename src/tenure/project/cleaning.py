"""What preparation did to the cells of the source, counted from the source itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.config import ProjectConfig
from tenure.errors import ProjectError
from tenure.project.folder import Folder
from tenure.project.preparing import Prepared, sift_rows
from tenure.project.reading import read_raw

if TYPE_CHECKING:
    from tenure.prepare.changes import Changes


def list_changes(folder: Folder, config: ProjectConfig, prepared: Prepared) -> Changes:
    """Count by column and rule what became of every cell of the source, in bounded memory.

    Raises ProjectError when the source is no longer what was prepared.
    """
    from tenure.prepare.changes import count_changes, left_out_rows
    from tenure.prepare.columns import target_values

    table = read_raw(folder, config)
    if table.inputs != prepared.fingerprint.inputs:
        raise ProjectError(
            "the source has changed since it was prepared",
            where=", ".join(table.inputs),
            todo="run `tenure prepare` again",
        )
    parts = sift_rows(table, config).parts
    target = prepared.recipe.target
    y = target_values(target, table.rows.select(target.name).collect().to_series())
    return count_changes(
        prepared.recipe, table.rows.collect_batches(maintain_order=True), left_out_rows(parts, y)
    )
