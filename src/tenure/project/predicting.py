"""Score a table of any size, batch by batch: memory does not grow with the rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.config import ProjectConfig
from tenure.durable import TEMPORARY, flush_folder
from tenure.errors import ColumnsMissing, ProjectError, TenureError
from tenure.prepare.sources import check_source, find_source, scan
from tenure.project.folder import Folder
from tenure.project.promoting import find_release, note
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)

BATCH_ROWS = 50_000


def predict(
    folder: Folder,
    config: ProjectConfig,
    model: str,
    source: str,
    output: str,
    explain: int,
    delimiter: str | None,
) -> dict[str, Any]:
    """Write one row of predictions per row of the source, in its order.

    model: champion, challenger or a version.  output: a path ending in .csv or .parquet.
    Cells that break the recipe are scored as missing and named in OUTPUT.problems.csv.
    Raises SourceError for the table, TenureError for the output; an output that was there stays
    as it was until the new one is complete.
    """
    target = _check_output(output)
    holder = find_release(folder, config, model)
    scorer = Scorer.load(holder.release)
    table = find_source(source, Path.cwd(), delimiter or config.data.delimiter)
    facts = check_source(table, min_rows=1)
    missing = [column.name for column in scorer.recipe.features if column.name not in facts.columns]
    if missing:
        raise ColumnsMissing(missing, facts.columns, where=table.name)
    id_column = scorer.recipe.id if scorer.recipe.id in facts.columns else None
    batches = _Batches(scorer, id_column, explain, target.with_name(target.name + ".problems.csv"))
    temporary = target.with_name(TEMPORARY + target.name)
    try:
        _write(batches, scan(table, has_blank_lines=facts.has_blank_lines), temporary, target.suffix)
        temporary.replace(target)
        flush_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
    problems = batches.finish()
    document = {
        "output": str(target),
        "rows": batches.n_rows,
        "problems": problems,
        "problems_file": str(batches.problems_file) if problems else None,
        "model": {"name": config.name, "version": holder.version, "release": scorer.manifest.release},
        "source_sha256": facts.sha256,
    }
    note(folder, "batch", document)
    return document


def _check_output(output: str) -> Path:
    target = Path(output).resolve()
    if target.suffix not in (".csv", ".parquet"):
        raise TenureError(
            f"the output ends in {target.suffix or 'nothing'!r}; .csv or .parquet is expected",
            where=str(target),
            todo="name the output .csv or .parquet",
        )
    if not target.parent.is_dir():
        raise ProjectError("the output's folder is not there", where=str(target.parent), todo="make it first")
    return target


class _Batches:
    """Scores batch after batch and keeps the count and the problems."""

    def __init__(self, scorer: Scorer, id_column: str | None, explain: int, problems_file: Path) -> None:
        self.scorer = scorer
        self.id_column = id_column
        self.explain = explain
        self.problems_file = problems_file
        self.n_rows = 0
        self.n_problems = 0
        self.problems_file.unlink(missing_ok=True)

    def score(self, raw: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        scored = self.scorer.score_table(raw)
        columns: dict[str, Any] = {}
        if self.id_column:
            columns[self.id_column] = raw[self.id_column]
        else:
            columns["row"] = pl.Series(range(self.n_rows, self.n_rows + len(raw)), dtype=pl.Int64)
        columns["prediction"] = pl.Series(scored.predictions)
        if scored.probabilities is not None and self.scorer.task == "binary":
            columns["probability"] = scored.probabilities[:, 1]
        elif scored.probabilities is not None:
            for number, name in enumerate(self.scorer.classes):
                columns[f"probability_{name}"] = scored.probabilities[:, number]
        if self.explain:
            columns |= self._reasons(raw)
        self._note(scored.problems)
        self.n_rows += len(raw)
        return pl.DataFrame(columns)

    def _reasons(self, raw: pl.DataFrame) -> dict[str, Any]:
        import polars as pl

        explained = self.scorer.explain_table(raw, self.explain)
        columns: dict[str, Any] = {}
        for place in range(self.explain):
            effects = [e.effects[place] if place < len(e.effects) else None for e in explained]
            columns[f"reason_{place + 1}"] = pl.Series([e and e.text for e in effects], dtype=pl.String)
            columns[f"effect_{place + 1}"] = pl.Series([e and e.effect for e in effects], dtype=pl.Float64)
        return columns

    def _note(self, problems: Any) -> None:
        import polars as pl

        if not problems:
            return
        table = pl.DataFrame(
            [(p.row + self.n_rows, p.column, p.rule, p.value) for p in problems],
            schema={"row": pl.Int64, "column": pl.String, "rule": pl.String, "value": pl.String},
            orient="row",
        )
        with self.problems_file.open("ab") as file:
            table.write_csv(file, include_header=self.n_problems == 0)
        self.n_problems += len(problems)

    def finish(self) -> int:
        """Say how many cells broke the recipe, and where they are named."""
        if self.n_problems:
            log.warning(
                "warning: %d cell(s) break the recipe and were scored as missing; each is named in %s",
                self.n_problems,
                self.problems_file,
            )
        return self.n_problems


def _write(batches: _Batches, table: pl.LazyFrame, path: Path, suffix: str) -> None:
    from polars.io.plugins import register_io_source

    stream = table.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    first = batches.score(next(iter(stream)))

    def scored(*_: object) -> Iterator[pl.DataFrame]:
        yield first
        for raw in stream:
            yield batches.score(raw)

    answer = register_io_source(scored, schema=first.schema)
    if suffix == ".csv":
        answer.sink_csv(path, maintain_order=True)
    else:
        answer.sink_parquet(path, maintain_order=True)
