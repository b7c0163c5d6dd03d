"""Type the columns of an event table: keys as text, times as microseconds, values as what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from tenure.config.events import ROWS, EventTableConfig
from tenure.errors import ColumnsMissing, SourceError
from tenure.prepare.expressions import read_cell, text_of, unread_rows
from tenure.prepare.learn import learn_column
from tenure.prepare.recipe import ColumnRecipe, NumberFormat
from tenure.prepare.row_hashes import RowHashes
from tenure.prepare.tokens import shown
from tenure.records import CellProblem

KEY, TIME, KNOWN = "key", "time", "known"
# Before the name of a value column, so that a column called "key" or "time" is not mistaken for ours.
VALUE = "value:"
A_KEY, A_TIME = "must be the key of a row", "must be a date or time"
_EVENT = "event"
_NUMERIC = ("sum", "mean", "min", "max", "trend")
_SAMPLE = 20_000
# Bad cells that are named one by one; all are counted.
_NAMED = 1000


@dataclass(frozen=True)
class Events:
    """The usable rows of an event table, sorted by time, then by when they became known, then as they stood.

    rows: KEY String; TIME and KNOWN Int64, microseconds since 1970-01-01 UTC; one VALUE column an aggregated
    one: Float64, Boolean, Datetime or String.
    problems: cells for which a row was left out, at most 1000.  warnings: what was found, in words.
    """

    name: str
    rows: pl.DataFrame
    problems: tuple[CellProblem, ...]
    warnings: tuple[str, ...]

    @property
    def last_known(self) -> int | None:
        """The latest time at which a row became known; None without rows."""
        latest = self.rows[KNOWN].max()
        return latest if isinstance(latest, int) else None


def type_events(
    name: str,
    table: pl.LazyFrame,
    config: EventTableConfig,
    also: Mapping[str, Iterable[str]] | None = None,
) -> Events:
    """Read the columns that the config needs from an event table.

    also: further columns to keep as values, with what is made of them.
    Rows without a readable key or time are left out and named.
    Raises ColumnsMissing, or SourceError when a column does not hold what an aggregate needs.
    """
    where = f"data.tables.{name}"
    available = table.collect_schema().names()
    uses: dict[str, list[str]] = {c: list(found) for c, found in config.aggregates.items() if c != ROWS}
    for column, aggregates in (also or {}).items():
        uses.setdefault(column, []).extend(aggregates)
    moments = [config.time, *([config.known] if config.known else [])]
    needed = list(dict.fromkeys((config.key, *moments, *uses)))
    missing = [column for column in needed if column not in available]
    if missing:
        raise ColumnsMissing(missing, available, where=where)
    raw, numbers, repeats = _without_repeats(table, needed, config.duplicates)
    typed = {KEY: keys_of(raw[config.key]), TIME: times_of(raw[config.time], where)}
    typed[KNOWN] = times_of(raw[config.known], where) if config.known else typed[TIME]
    warnings = [repeats]
    for column, aggregates in uses.items():
        typed[VALUE + column], warning = _value(raw[column], aggregates, where)
        warnings.append(warning)
    rows = pl.DataFrame([series.alias(role) for role, series in typed.items()])
    usable = rows.select(pl.all_horizontal(pl.col(KEY, TIME, KNOWN).is_not_null())).to_series()
    problems = _problems(raw, numbers, typed, config)
    if problems:
        left_out = f"{len(raw) - usable.sum()} of {len(raw)} event(s) were left out: "
        warnings.append(left_out + "; ".join(map(str, problems[:5])))
        rows = rows.filter(usable)
    return Events(
        name,
        rows.sort(TIME, KNOWN, maintain_order=True),
        problems,
        tuple(f"{where}: {warning}" for warning in warnings if warning),
    )


def keys_of(series: pl.Series) -> pl.Series:
    """Keys as the text they are, leading zeros and all; null where nothing is written.

    >>> keys_of(pl.Series("id", [" 00012 ", ""])).to_list()
    ['00012', None]
    """
    text = series.to_frame().select(text_of(series.name, series.dtype)).to_series()
    return text.set(text == "", None)


def times_of(series: pl.Series, where: str) -> pl.Series:
    """Microseconds since 1970-01-01 UTC, Int64; null where a cell cannot be read.

    where: for messages.  Raises SourceError when fewer than 95 % of the cells are dates of known formats.

    >>> times_of(pl.Series("date", ["19970101"]), "a table").to_list()
    [852076800000000]
    """
    column = learn_column(series.name, _sample(series), as_time=True)
    if not column.date_formats:
        examples = _examples(series)
        raise SourceError(
            f"column {series.name!r} must hold dates or times" + (f"; it has {examples}" if examples else ""),
            where=f"{where}, column {series.name!r}",
            todo="name another column, or write dates such as 1997-10-01 or 19971001",
        )
    return _read(replace(column, kind="date"), series)


def _without_repeats(
    table: pl.LazyFrame, needed: list[str], duplicates: str
) -> tuple[pl.DataFrame, pl.Series, str | None]:
    """The needed columns, the number of each row, and what to say of rows that equal an earlier one."""
    parts = []
    with RowHashes([_EVENT]) as hashes:
        for batch in table.collect_batches(maintain_order=True):
            hashes.add(batch.hash_rows().alias(_EVENT).to_frame())
            parts.append(batch.select(needed))
        repeats = hashes.repeats(_EVENT)
    raw = pl.concat(parts)
    numbers = pl.int_range(len(raw), dtype=pl.UInt32, eager=True)
    if not len(repeats):
        return raw, numbers, None
    found = f"{len(repeats)} of {len(raw)} event(s) equal an earlier one in every column"
    if duplicates == "keep":
        return raw, numbers, f"{found}; all count, as equal events may each have been (duplicates: keep)"
    first = ~numbers.is_in(pl.Series(repeats).implode())
    return raw.filter(first), numbers.filter(first), f"{found} and were dropped (duplicates: drop)"


def _problems(
    raw: pl.DataFrame, numbers: pl.Series, typed: Mapping[str, pl.Series], config: EventTableConfig
) -> tuple[CellProblem, ...]:
    """The cells for which a row is left out."""
    roles = [(KEY, config.key, A_KEY), (TIME, config.time, A_TIME)]
    roles += [(KNOWN, config.known, A_TIME)] if config.known else []
    found = []
    for role, column, rule in roles:
        rows = typed[role].is_null().arg_true().head(_NAMED)
        cells = zip(numbers.gather(rows), raw[column].gather(rows), strict=True)
        found += [CellProblem(number, column, rule, shown(cell)) for number, cell in cells]
    return tuple(found[:_NAMED])


def _value(series: pl.Series, aggregates: Iterable[str], where: str) -> tuple[pl.Series, str | None]:
    """The values of a column, and a warning about cells that count as missing."""
    column, dtype = learn_column(series.name, _sample(series)), series.dtype
    numeric = [name for name in aggregates if name in _NUMERIC]
    if dtype == pl.Boolean:
        return series.cast(pl.Float64) if numeric else series, None
    if (
        column.number_format
        or column.labels == ("0", "1")
        or (numeric and series.null_count() == len(series))
    ):
        style = column.number_format or NumberFormat()
        column = replace(column, kind="number", number_format=style, nan_is_null=True)
    elif numeric:
        raise SourceError(
            f"{numeric[0]} needs numbers, and column {series.name!r} holds {_examples(series)}",
            where=f"{where}, column {series.name!r}",
            todo="use last or distinct, or name a column of numbers",
        )
    else:
        column = replace(column, kind="date" if column.date_formats else "text")
    values = _read(column, series)
    if column.kind == "date":
        values = values.cast(pl.Datetime("us"))
    bad = series.gather(unread_rows(column, series, values))
    if bad.is_empty():
        return values, None
    return (
        values,
        f"column {series.name!r}: {len(bad)} cell(s) are no {column.kind} and count as missing: {_examples(bad)}",
    )


def _sample(series: pl.Series) -> pl.Series:
    """Cells that tell how a column is written; the same that the recipe would look at."""
    return series.gather_every(max(1, len(series) // _SAMPLE))


def _read(column: ColumnRecipe, series: pl.Series) -> pl.Series:
    """What the cells say."""
    values = series.to_frame().select(read_cell(column, series.dtype)).to_series()
    return values.cast({"number": pl.Float64, "date": pl.Int64, "text": pl.String}[column.kind])


def _examples(series: pl.Series) -> str:
    return ", ".join(map(repr, series.drop_nulls().unique(maintain_order=True).head(3)))
