"""A table as it is kept: every feature cell as read, the target as its label, and the part of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.io.plugins import register_io_source

from tenure.prepare.ahead import ahead
from tenure.prepare.columns import read_target
from tenure.prepare.expressions import read_cell
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import LEFT_OUT, PART
from tenure.prepare.sql.rule_watch import RuleWatch
from tenure.prepare.survey import Survey, Unread, find_unread

_BATCH = 150_000


def typed_columns(recipe: Recipe, schema: pl.Schema) -> list[pl.Expr]:
    """One expression a column of a raw table, in its order.

    Inputs become values of their kinds (see expressions.read_cell), the target its label or number; other columns
    stay as they are.
    """
    inputs = {column.name: column for column in recipe.inputs}

    def typed(name: str, dtype: pl.DataType) -> pl.Expr:
        if name == recipe.target.name:
            return read_target(recipe.target, dtype)
        return read_cell(inputs[name], dtype) if name in inputs else pl.col(name)

    return [typed(name, dtype) for name, dtype in schema.items()]


def write_typed(
    raw: pl.LazyFrame,
    recipe: Recipe,
    parts: npt.NDArray[np.int8],
    path: Path,
    survey: Survey,
    rules: RuleWatch,
    *watch: Callable[[pl.DataFrame], None],
) -> npt.NDArray[np.int8]:
    """Write the rows that are used, in order, to a Parquet file: one pass, in bounded memory.

    parts: int8 [n_rows of raw]; rows with LEFT_OUT are not written.
    survey, rules: are shown every batch.  watch: each is shown the rows that are written.
    Returns the parts of the rows that are written: rows that break a rule of the config may be left out.
    """
    schema = raw.collect_schema()
    columns = typed_columns(recipe, schema)
    written: list[pl.Series] = []

    # The raw cells, which take most room, are let go here.
    def read(batch: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Unread]]:
        cells = batch.lazy().select(columns).collect()
        return cells, find_unread(recipe, batch, cells)

    def batches() -> Iterator[pl.DataFrame]:
        start = 0
        raw_batches = raw.collect_batches(chunk_size=_BATCH, maintain_order=True)
        for cells, unread in ahead(map(read, raw_batches)):
            part = rules.judge(cells, pl.Series(PART, parts[start : start + cells.height]), start)
            start += cells.height
            typed = cells.with_columns(part)
            survey.add(typed, unread)
            kept = typed.filter(part != LEFT_OUT)
            for look in watch:
                look(kept)
            written.append(kept[PART])
            yield kept

    write_batches(batches(), raw.head(0).select(columns).collect_schema(), path)
    return pl.concat(written).to_numpy()


def write_batches(batches: Iterator[pl.DataFrame], schema: pl.Schema, path: Path) -> None:
    """Write frames with these columns and PART to one Parquet file, as they come."""
    whole = pl.Schema([*schema.items(), (PART, pl.Int8())])
    source = register_io_source(lambda *_: batches, schema=whole)
    source.sink_parquet(path, compression="zstd", compression_level=1, statistics=False)
