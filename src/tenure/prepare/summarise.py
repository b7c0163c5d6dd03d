"""Build summaries from Polars frames; the columns are read in blocks of a fixed number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl
import xxhash

from tenure.errors import SourceError
from tenure.prepare import date_text, number_text
from tenure.prepare.expressions import date_of, folded, number_of, readable
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.sketches import FrequentValues, hash_numbers
from tenure.prepare.summary import ColumnSummary, Holds, Summary
from tenure.prepare.tokens import FALSE_WORDS, LARGEST_NUMBER, SPACES, STRONG_NULLS, TRUE_WORDS, WEAK_NULLS

# The block is part of the result: the frequent values beyond their capacity depend on it.
_BLOCK = 50_000
_NULL_WORDS = list(STRONG_NULLS + WEAK_NULLS)
_BOOLEAN_WORDS = [word for word in TRUE_WORDS + FALSE_WORDS if word.isalpha()]
_DATES = tuple(name for name in date_text.FORMATS if name != date_text.COMPACT)
_ANY_NUMBER = NumberFormat(thousands=",", currency=number_text.CURRENCIES, percent=True, accounting=True)
# The frequent values of a measure are few, and its quantiles tell the rest.
_NUMBERS_KEPT = 256


def summarise_frames(frames: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> Summary:
    """See tenure.prepare.summary.summarise."""
    summary = Summary()
    for block in _blocks(_frames(frames)):
        if not summary.columns:
            summary.columns = {name: _empty(name, dtype) for name, dtype in block.schema.items()}
        elif block.columns != list(summary.columns):
            raise SourceError(f"frames of one table differ in their columns: {block.columns}")
        summary.n_rows += block.height
        for name, column in summary.columns.items():
            _add(column, block[name])
    return summary


def _frames(frames: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    if isinstance(frames, pl.DataFrame):
        return [frames]
    if isinstance(frames, pl.LazyFrame):
        return frames.collect_batches(chunk_size=_BLOCK, maintain_order=True)
    return frames


def _blocks(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in blocks of _BLOCK, the last one shorter; one empty block when there are no rows."""
    held: list[pl.DataFrame] = []
    n_held, seen = 0, False
    for frame in frames:
        held.append(frame)
        n_held += frame.height
        while n_held >= _BLOCK:
            table = pl.concat(held)
            yield table.head(_BLOCK)
            seen = True
            held, n_held = [table.slice(_BLOCK)], n_held - _BLOCK
    if held and (n_held or not seen):
        yield pl.concat(held)


def _empty(name: str, dtype: pl.DataType) -> ColumnSummary:
    if not readable(dtype):
        raise SourceError(
            f"column {name!r} holds {dtype}, not single values",
            where=f"column {name!r}",
            todo="flatten it into columns of its own, or leave it out",
        )
    holds: Holds = "text"
    if dtype == pl.Boolean:
        holds = "boolean"
    elif dtype.is_numeric() or dtype.is_temporal():
        holds = "number"
    capacity = _NUMBERS_KEPT if holds == "number" else FrequentValues().capacity
    return ColumnSummary(name, holds, frequent=FrequentValues(capacity))


def _add(column: ColumnSummary, cells: pl.Series) -> None:
    column.n += len(cells)
    if column.holds == "text":
        column.nulls += cells.null_count()
        _add_text(column, cells.cast(pl.String).drop_nulls())
        return
    values = _numbers(cells)
    column.nulls += len(cells) - len(values)
    kept = values[np.abs(values) <= LARGEST_NUMBER]
    column.n_infinite += len(values) - len(kept)
    _add_numbers(column, kept)
    different, counts = np.unique(kept + 0.0, return_counts=True)
    column.distincts.update(hash_numbers(different))
    named = [bool(value) for value in different] if column.holds == "boolean" else different.tolist()
    column.frequent.update(named, counts.tolist())


def _numbers(cells: pl.Series) -> np.ndarray:
    """The cells that are not null or NaN, float64."""
    if isinstance(cells.dtype, pl.Datetime):
        cells = cells.dt.epoch("us")
    elif cells.dtype == pl.Date:
        cells = cells.cast(pl.Int64) * date_text.DAY
    elif cells.dtype.is_temporal():
        cells = cells.cast(pl.Int64)
    return cells.drop_nulls().cast(pl.Float64).drop_nans().to_numpy()


def _add_numbers(column: ColumnSummary, values: np.ndarray) -> None:
    column.moments.update(values)
    column.quantiles.update(values)


def _add_text(column: ColumnSummary, cells: pl.Series) -> None:
    if cells.is_empty():
        return
    spellings = _spellings(cells)
    counts = spellings["n"].to_numpy()
    texts = spellings["raw"].to_list()
    column.frequent.update(texts, counts.tolist())
    column.distincts.update(
        np.fromiter(
            (xxhash.xxh3_64_intdigest(text.encode()) for text in texts), dtype=np.uint64, count=len(texts)
        )
    )
    lengths = spellings["length"].to_numpy()
    column.length_total += int(lengths @ counts)
    low, high = int(lengths.min()), int(lengths.max())
    column.length_low = low if column.length_low is None else min(column.length_low, low)
    column.length_high = high if column.length_high is None else max(column.length_high, high)
    absent = spellings.filter("absent")
    for key, count in absent.group_by("key").agg(pl.col("n").sum()).iter_rows():
        column.null_tokens[key] = column.null_tokens.get(key, 0) + count
    column.n_numbers += int(spellings.filter(pl.col("number").is_not_null())["n"].sum())
    column.n_booleans += int(spellings.filter("boolean")["n"].sum())
    column.n_dates += _count_dates(spellings)
    parsed = spellings.select("number", "n").drop_nulls()
    # Equal numbers stand together here, whatever order the rows had: a sketch of values does not mind.
    _add_numbers(column, np.repeat(parsed["number"].to_numpy(), parsed["n"].to_numpy()))


def _spellings(cells: pl.Series) -> pl.DataFrame:
    """The different cells of a block with their counts and what each can be read as, sorted by text."""
    text = pl.col("raw").str.strip_chars(SPACES)
    spellings = (
        pl.LazyFrame({"raw": cells})
        .group_by("raw")
        .agg(n=pl.len().cast(pl.Int64))
        .sort("raw")
        .with_columns(text=text, length=pl.col("raw").str.len_chars().cast(pl.Int64), key=folded(text))
        .with_columns(
            absent=pl.col("key").is_in(_NULL_WORDS),
            boolean=pl.col("key").is_in(_BOOLEAN_WORDS),
            number=number_of(pl.col("text"), NumberFormat()),
        )
        .collect()
    )
    # The pattern of a decorated number is slow, so that only cells which may match are shown to it.
    maybe = pl.col("number").is_null() & ~pl.col("absent") & pl.col("text").str.contains("[0-9]")
    if not spellings.select(maybe.any()).item():
        return spellings
    decorated = spellings.filter(maybe).select("raw", decorated=number_of(pl.col("text"), _ANY_NUMBER))
    joined = spellings.join(decorated, on="raw", how="left", maintain_order="left")
    return joined.with_columns(number=pl.coalesce("number", "decorated")).drop("decorated")


def _count_dates(spellings: pl.DataFrame) -> int:
    """Cells that read as dates; looked for only where a first cheap look allows one."""
    rest = spellings.filter(
        pl.col("number").is_null() & ~pl.col("absent") & pl.col("text").str.contains("[0-9]")
    )
    rest = rest.filter(pl.col("length").is_between(6, 60))
    if rest.is_empty():
        return 0
    dated = rest.filter(date_of(pl.col("text"), _DATES).is_not_null())
    return int(dated["n"].sum())
