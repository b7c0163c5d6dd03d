"""What preparation did to the cells of the source, counted from the source itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.config import ProjectConfig
from tenure.errors import ProjectError
from tenure.project.folder import Folder
from tenure.project.preparing import Prepared, sift_rows

if TYPE_CHECKING:
    from tenure.prepare.changes import Changes


def list_changes(folder: Folder, config: ProjectConfig, prepared: Prepared) -> Changes:
    """Count by column and rule what became of every cell of the source, in bounded memory.

    Raises ProjectError when the source is no longer what was prepared.
    """
    from tenure.prepare.changes import count_changes, left_out_rows
    from tenure.prepare.columns import target_values
    from tenure.prepare.sources import batches, check_source, find_source, scan

    source = find_source(config.data.source, folder.root, config.data.delimiter)
    facts = check_source(source)
    if not facts.sha256.startswith(prepared.data_version):
        raise ProjectError(
            "the source has changed since it was prepared",
            where=source.name,
            todo="run `tenure prepare` again",
        )
    raw = scan(source, has_blank_lines=facts.has_blank_lines)
    parts = sift_rows(raw, facts.n_rows, config).parts
    target = prepared.recipe.target
    y = target_values(target, raw.select(target.name).collect().to_series())
    return count_changes(prepared.recipe, batches(source, facts), left_out_rows(parts, y))
