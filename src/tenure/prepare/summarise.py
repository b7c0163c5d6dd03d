"""Build summaries from Polars frames; the columns are read in blocks of a fixed number of rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from tenure.errors import SourceError
from tenure.prepare import date_text
from tenure.prepare.expressions import readable
from tenure.prepare.hashes import hash_numbers, hash_texts
from tenure.prepare.sketches import FrequentValues, Value
from tenure.prepare.summary import ColumnSummary, Holds, Summary
from tenure.prepare.text_cells import read_texts
from tenure.prepare.tokens import LARGEST_NUMBER

# The block is part of the result: the frequent values beyond their capacity depend on it.
_BLOCK = 1 << 17
# The frequent values of a measure are few, and its quantiles tell the rest.
_NUMBERS_KEPT = 256
# A longer text is kept as its beginning, its length and its hash.
_LONGEST_KEPT = 256
# Cells from which on a thread for each core pays.
_MANY_CELLS = 100_000
# Of so many first cells at least half must repeat for a column to be counted before it is read.
_LOOKED_AT = 10_000


def summarise_frames(frames: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> Summary:
    """See tenure.prepare.summary.summarise."""
    summary = Summary()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for block in _blocks(_frames(frames)):
            if not summary.columns:
                summary.columns = {name: _empty(name, dtype) for name, dtype in block.schema.items()}
            elif block.columns != list(summary.columns):
                raise SourceError(f"frames of one table differ in their columns: {block.columns}")
            summary.n_rows += block.height
            each = threads.map if block.height * block.width >= _MANY_CELLS else map
            # Columns share nothing, so that the threads change no result.
            list(each(_add, summary.columns.values(), block.get_columns()))
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
            table = pl.concat(held, rechunk=True)
            yield table.head(_BLOCK)
            seen = True
            held, n_held = [table.slice(_BLOCK)], n_held - _BLOCK
    if held and (n_held or not seen):
        yield pl.concat(held, rechunk=True)


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
    kept = np.sort(values[np.abs(values) <= LARGEST_NUMBER] + 0.0)
    column.n_infinite += len(values) - len(kept)
    _add_numbers(column, kept)
    first = np.flatnonzero(np.concatenate((kept[:1] == kept[:1], kept[1:] != kept[:-1])))
    different, counts = kept[first], np.diff(first, append=len(kept))
    column.distincts.update(hash_numbers(different))
    held = np.array(list(column.frequent.counts), dtype=np.float64)
    chosen, left_out = _candidates(different, counts, held, column.frequent.capacity)
    named: list[Value] = different[chosen].tolist()
    if column.holds == "boolean":
        named = [bool(value) for value in named]
    column.frequent.update(named, counts[chosen].tolist(), left_out=left_out)


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
    """values: sorted, so that a block gives the same sketch whatever the order of its rows."""
    column.moments.update(values)
    column.quantiles.update(values)


def _candidates(
    keys: np.ndarray, counts: np.ndarray, held: np.ndarray, capacity: int
) -> tuple[np.ndarray, int]:
    """Positions of the values of a block that can be among the frequent ones, and the largest count left out.

    keys: sorted, different.  held: keys of the values that are kept already.
    """
    if len(counts) <= capacity:
        return np.arange(len(counts)), 0
    least = int(np.partition(counts, len(counts) - capacity - 1)[len(counts) - capacity - 1])
    chosen = counts > least
    at = np.minimum(np.searchsorted(keys, held), len(keys) - 1)
    chosen[at[keys[at] == held]] = True
    return np.flatnonzero(chosen), least


def _add_text(column: ColumnSummary, cells: pl.Series) -> None:
    if cells.is_empty():
        return
    texts, counts = _spellings(cells)
    hashes = _hashes(texts)
    _add_frequent(column, texts, hashes, counts)
    column.distincts.update(hashes)
    _add_lengths(column, texts.str.len_chars().to_numpy().astype(np.int64), counts)
    reading = read_texts(texts, counts)
    for token, n in reading.null_tokens.items():
        column.null_tokens[token] = column.null_tokens.get(token, 0) + n
    column.n_numbers += len(reading.numbers)
    column.n_booleans += reading.n_booleans
    column.n_dates += reading.n_dates
    _add_numbers(column, np.sort(reading.numbers))


def _spellings(cells: pl.Series) -> tuple[pl.Series, np.ndarray | None]:
    """The different texts and their counts; the cells and None where most differ and counting would not pay."""
    if 2 * cells.head(_LOOKED_AT).n_unique() > min(len(cells), _LOOKED_AT):
        return cells, None
    table = cells.rename("raw").value_counts(name="n")
    return table["raw"], table["n"].to_numpy().astype(np.int64)


def _hashes(texts: pl.Series) -> np.ndarray:
    joined = texts.str.join("").item().encode()
    return hash_texts(joined, texts.str.len_bytes().to_numpy())


def _add_frequent(
    column: ColumnSummary, texts: pl.Series, hashes: np.ndarray, counts: np.ndarray | None
) -> None:
    order = np.argsort(hashes)  # of equal ones any: they are the same text
    ordered = hashes[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    weights = np.ones(len(hashes), dtype=np.int64) if counts is None else counts[order]
    totals = np.add.reduceat(weights, first)
    held = np.empty(0, dtype=np.uint64)
    if column.frequent.counts and len(first) > column.frequent.capacity:
        held = _held_keys(column.frequent)
    chosen, left_out = _candidates(ordered[first], totals, held, column.frequent.capacity)
    named = [
        _kept(text, key)
        for text, key in zip(
            texts.gather(order[first[chosen]]).to_list(), ordered[first[chosen]].tolist(), strict=True
        )
    ]
    column.frequent.update(named, totals[chosen].tolist(), left_out=left_out)


def _held_keys(frequent: FrequentValues) -> np.ndarray:
    texts = [str(value) for value in frequent.counts]
    keys = _hashes(pl.Series(texts, dtype=pl.String))
    for position, text in enumerate(texts):
        if len(text) > _LONGEST_KEPT:
            keys[position] = int(text[-17:-1], 16)
    return keys


def _kept(text: str, key: int) -> str:
    """A text as it is kept among the frequent values; a long one carries its hash, so that it is known again."""
    if len(text) <= _LONGEST_KEPT:
        return text
    return f"{text[:_LONGEST_KEPT]}… ({len(text):,} characters, {key:016x})"


def _add_lengths(column: ColumnSummary, lengths: np.ndarray, counts: np.ndarray | None) -> None:
    column.length_total += int(lengths.sum() if counts is None else lengths @ counts)
    low, high = int(lengths.min()), int(lengths.max())
    column.length_low = low if column.length_low is None else min(column.length_low, low)
    column.length_high = high if column.length_high is None else max(column.length_high, high)
