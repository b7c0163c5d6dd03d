"""What preparation did to the cells of the source, and what it left as it is although it looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.config import ProjectConfig
from tenure.errors import ProjectError
from tenure.project.folder import Folder
from tenure.project.prepared import Prepared
from tenure.project.preparing import repeated_keys, sift_rows
from tenure.project.reading import check_inputs

if TYPE_CHECKING:
    from tenure.prepare.changes import Changes
    from tenure.prepare.doubts import Doubts

# Columns of more rows are looked over in a sample; ids and alike rows in all rows.
_ROWS_LOOKED_AT = 300_000
_BATCH = 50_000


def list_changes(folder: Folder, config: ProjectConfig, prepared: Prepared) -> Changes:
    """Count by column and rule what became of every cell of the source, in bounded memory.

    Raises ProjectError when the source is no longer what was prepared.
    """
    from tenure.prepare.changes import count_changes, left_out_rows
    from tenure.prepare.columns import target_values

    found = check_inputs(folder, config)
    if found.inputs != prepared.fingerprint.inputs:
        raise ProjectError(
            "the source has changed since it was prepared",
            where=", ".join(found.inputs),
            todo="run `tenure prepare` again",
        )
    table = found.read()
    parts = sift_rows(table, config).parts
    target = prepared.recipe.target
    y = target_values(target, table.rows.select(target.name).collect().to_series())
    batches = table.rows.collect_batches(chunk_size=_BATCH, maintain_order=True)
    return count_changes(prepared.recipe, batches, left_out_rows(parts, y))


def list_doubts(prepared: Prepared) -> Doubts:
    """What looks wrong in the rows that are kept, and is left as it is. Row numbers are those of the kept rows."""
    import polars as pl

    from tenure.prepare.doubts import look_over
    from tenure.prepare.near_duplicates import find_near_duplicates

    recipe = prepared.recipe
    features = [column.name for column in recipe.own_features]
    step = max(1, -(-len(prepared.parts) // _ROWS_LOOKED_AT))
    sample = prepared.rows.select(features).gather_every(step).collect()
    batches = prepared.rows.select(*features, pl.col(recipe.target.name)).collect_batches(maintain_order=True)
    return look_over(
        recipe, sample, keys=repeated_keys(recipe, prepared.rows), alike=find_near_duplicates(batches)
    )
