"""Explore a table: one pass, then a page, a text or a document that says what is in it and what to do.

from tenure.prepare.explore import explore
explore("customers.csv", target="churned")          # shows itself in a notebook
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.config import SourceConfig, written_source
from tenure.prepare.explore.report import Exploration

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Exploration", "explore"]


def explore(
    table: str | Path | SourceConfig | pl.DataFrame | pl.LazyFrame,
    target: str | None = None,
    *,
    positive: str | None = None,
    time: str | None = None,
    id: str | None = None,
) -> Exploration:
    """Explore a table: a path, folder, glob or address, a source as tenure.yaml writes it, or a Polars frame.

    target: the column that the pictures are drawn by.  positive: the class whose rate is shown.
    time: a column of dates for trends; by default the first that holds dates.  id: the column that names a row.
    Raises SourceError, ColumnsMissing or TargetError for what the user can mend.
    """
    import polars as pl

    from tenure.prepare.explore.gather import gather
    from tenure.prepare.explore.question import Question
    from tenure.prepare.explore.study import study_raw

    if isinstance(table, (str, Path)):
        table = written_source(str(table), {})
    if isinstance(table, SourceConfig):
        from tenure.prepare.sources import batches, check_source, open_source

        with tempfile.TemporaryDirectory() as keep:
            source = open_source(table, Path.cwd(), Path(keep))
            facts = check_source(source, min_rows=1)
            question = Question(source.name, target, positive, time, id)
            return study_raw(gather(batches(source, facts), facts.n_rows), question)
    question = Question("table", target, positive, time, id)
    if isinstance(table, pl.DataFrame):
        return study_raw(gather([table], table.height), question)
    n_rows = int(table.select(pl.len()).collect().item())
    return study_raw(gather(table.collect_batches(maintain_order=True), n_rows), question)
