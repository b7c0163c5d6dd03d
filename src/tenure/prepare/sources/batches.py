"""Read a checked source a batch at a time, so that a table of any length is scored in bounded memory.

Polars' own batches run ahead of a slower consumer by hundreds of MiB; here a batch is read when it is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial

import polars as pl

from tenure.errors import SourceError
from tenure.prepare.sources.check import SourceFacts
from tenure.prepare.sources.csv_blocks import whole_records
from tenure.prepare.sources.find import Source
from tenure.prepare.sources.scan import csv_pieces, scan
from tenure.prepare.sources.text import CHUNK

BATCH_ROWS = 20_000


def batches(source: Source, facts: SourceFacts) -> Iterator[pl.DataFrame]:
    """The rows of a source in file order, at most BATCH_ROWS at a time, equal to those of `scan`.

    facts: as check_source found them; raises SourceError when the files no longer hold as many rows.
    CSV, JSON lines and Parquet are held a piece at a time; a JSON array or an Excel sheet is read whole.
    """
    n_rows = 0
    for part in _parts(source, facts):
        for batch in part.iter_slices(BATCH_ROWS):
            n_rows += len(batch)
            yield batch
    if n_rows != facts.n_rows:
        raise SourceError(
            f"the table had {facts.n_rows} rows when it was checked and {n_rows} when it was read",
            where=str(source),
            todo="run again when nothing writes to it",
        )


def _parts(source: Source, facts: SourceFacts) -> Iterator[pl.DataFrame]:
    if source.format == "csv":
        drops_blank_lines = facts.has_blank_lines and len(facts.columns) > 1
        for path in source.paths:
            yield from csv_pieces(path, source, facts.columns, drops_blank_lines=drops_blank_lines)
    elif source.format == "ndjson":
        schema = scan(source).collect_schema()
        for path in source.paths:
            with path.open("rb") as file:
                blocks = iter(partial(file.read, CHUNK), b"")
                for block in whole_records(blocks, quoted=False):
                    yield pl.read_ndjson(io.BytesIO(block), schema=schema)
    else:
        table = scan(source)
        for start in range(0, facts.n_rows, BATCH_ROWS):
            yield table.slice(start, BATCH_ROWS).collect()
