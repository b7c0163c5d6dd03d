"""What preparation did to a table: every changed cell counted by column and rule, with examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tenure.prepare import date_text
from tenure.prepare.change_rules import RULES, change_teller
from tenure.prepare.expressions import clean_cell, read_cell
from tenure.prepare.number_text import PLAIN
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.prepare.rows import CleanValue
from tenure.prepare.split import LEFT_OUT
from tenure.prepare.tokens import fold, shown

NO_TARGET = "row without a target left out"
DUPLICATE = "duplicate row dropped"
_EXAMPLES = 3
_ISO = f"^(?:{date_text.FORMATS['year-month-day']})$"


@dataclass(frozen=True, slots=True)
class Example:
    """One changed cell. row: counted from 0 in the source.  raw, clean: as a message shows them."""

    row: int
    raw: str
    clean: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one rule did to one column. n: cells, or rows where the rule is of whole rows.  examples: at most three."""

    column: str
    rule: str
    n: int
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a table of n_rows rows, cells by column and rule; rows: what became of whole rows."""

    n_rows: int
    cells: tuple[Change, ...]
    rows: tuple[Change, ...] = ()

    @property
    def n_cells(self) -> int:
        """Cells that were changed."""
        return sum(change.n for change in self.cells)

    def merge(self, later: Changes) -> Changes:
        """The changes of this table and of rows that follow it."""
        return Changes(
            self.n_rows + later.n_rows, _merged(self.cells, later.cells), _merged(self.rows, later.rows)
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "rows": self.n_rows,
            "changed_cells": self.n_cells,
            "cells": [_change_to_dict(change) for change in self.cells],
            "left_out": [_change_to_dict(change) for change in self.rows],
        }

    def to_text(self) -> str:
        """A table for a person: column, rule, count, examples."""
        if not self.cells and not self.rows:
            return f"no cell of {self.n_rows} rows was changed"
        lines = [("column", "rule", "cells", "examples (row: raw -> clean)")]
        for change in (*self.cells, *self.rows):
            examples = "; ".join(f"{e.row}: {e.raw} -> {e.clean}" for e in change.examples)
            lines.append((shown_name(change.column), change.rule, f"{change.n:,}", examples))
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        table = [
            f"{line[0]:<{widths[0]}}  {line[1]:<{widths[1]}}  {line[2]:>{widths[2]}}  {line[3]}".rstrip()
            for line in lines
        ]
        return "\n".join([*table, f"{self.n_cells:,} cells of {self.n_rows:,} rows were changed"])


def shown_name(name: str) -> str:
    """A column's name on one line."""
    return name if name.isprintable() else repr(name)


def count_changes(
    recipe: Recipe, batches: Iterable[pl.DataFrame], left_out: Mapping[str, np.ndarray] | None = None
) -> Changes:
    """Count what the recipe changes in a raw table, a batch at a time.

    batches: raw rows in the source's order.
    left_out: rule (NO_TARGET, DUPLICATE) -> row numbers, ascending; cells of these rows are not counted.
    """
    columns = [*recipe.inputs, _target_column(recipe.target)]
    skipped = left_out or {}
    everything = np.concatenate([np.zeros(0, dtype=np.int64), *skipped.values()])
    total = Changes(0, (), tuple(_of_rows(rule, rows) for rule, rows in skipped.items() if len(rows)))
    start = 0
    for batch in batches:
        rows = np.setdiff1d(np.arange(start, start + batch.height), everything, assume_unique=True)
        used = batch[rows - start] if len(rows) < batch.height else batch
        found = [change for column in columns for change in _count(column, used, rows)]
        total = total.merge(Changes(batch.height, tuple(found)))
        start += batch.height
    order = {column.name: i for i, column in enumerate(columns)}
    cells = sorted(total.cells, key=lambda change: (order[change.column], RULES.index(change.rule)))
    return Changes(total.n_rows, tuple(cells), total.rows)


def left_out_rows(parts: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Why rows are left out, for count_changes. parts: int8 [n], see sift.  y: float64 [n], NaN without a target."""
    out = parts == LEFT_OUT
    return {NO_TARGET: np.flatnonzero(out & np.isnan(y)), DUPLICATE: np.flatnonzero(out & ~np.isnan(y))}


def _target_column(target: TargetRecipe) -> ColumnRecipe:
    """The target as a column, so that its spellings are counted as those of the features are."""
    if target.task == "regression":
        return ColumnRecipe(target.name, "number", target.null_tokens, number_format=target.number_format)
    aliases = {key: label for key, label in target.spellings.items() if key != fold(label)}
    return ColumnRecipe(target.name, "category", target.null_tokens, levels=target.classes, aliases=aliases)


def _count(column: ColumnRecipe, batch: pl.DataFrame, rows: np.ndarray) -> list[Change]:
    """The changes of one column of a batch. rows: the rows' numbers in the source."""
    dtype = batch.schema[column.name]
    cells = (
        batch.lazy()
        .select(raw=pl.col(column.name), row=pl.Series(rows), same=_surely_same(column, dtype))
        .filter(pl.col("raw").is_not_null() & ~pl.col("same").fill_null(False))
        .group_by("raw")
        .agg(pl.col("row").min(), n=pl.len())
        .sort("row")
        .collect()
    )
    tell = change_teller(column)
    counts: dict[str, int] = {}
    examples: dict[str, list[Example]] = {}
    for raw, row, n in cells.iter_rows():
        rule, clean = tell(raw)
        if rule is None:
            continue
        counts[rule] = counts.get(rule, 0) + n
        kept = examples.setdefault(rule, [])
        if len(kept) < _EXAMPLES:
            kept.append(Example(row, shown(raw), _shown_clean(column, clean)))
    return [Change(column.name, rule, n, tuple(examples[rule])) for rule, n in counts.items()]


def _surely_same(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    """Whether a cell is as it was, told for the many without looking at each; the rest are looked at."""
    raw, is_text = pl.col(column.name), dtype == pl.String
    if column.kind in ("number", "integer"):
        number = raw.cast(pl.Float64, strict=False)
        if is_text:
            number = pl.when(raw.str.contains(f"^{PLAIN}$")).then(number)
        return (number == clean_cell(column, dtype)) if is_text or dtype.is_numeric() else pl.lit(False)
    if column.kind == "date" and is_text:
        written = pl.when(raw.str.contains(_ISO)).then(read_cell(column, dtype))
        return written == clean_cell(column, dtype)
    if column.kind in ("category", "text") and is_text:
        return raw == clean_cell(column, dtype)
    return pl.lit(False)


def _shown_clean(column: ColumnRecipe, clean: CleanValue) -> str:
    if clean is None:
        return "missing"
    return date_text.written(int(clean)) if column.kind == "date" else shown(clean)


def _of_rows(rule: str, rows: np.ndarray) -> Change:
    examples = tuple(Example(int(row), "the row", "left out") for row in rows[:_EXAMPLES])
    return Change("", rule, len(rows), examples)


def _merged(first: tuple[Change, ...], later: tuple[Change, ...]) -> tuple[Change, ...]:
    found = {(change.column, change.rule): change for change in first}
    for change in later:
        key = (change.column, change.rule)
        if (known := found.get(key)) is None:
            found[key] = change
            continue
        new = [e for e in change.examples if e.raw not in {example.raw for example in known.examples}]
        examples = (*known.examples, *new)[:_EXAMPLES]
        found[key] = Change(change.column, change.rule, known.n + change.n, examples)
    return tuple(found.values())


def _change_to_dict(change: Change) -> dict[str, Any]:
    examples = [{"row": e.row, "raw": e.raw, "clean": e.clean} for e in change.examples]
    return {"column": change.column or None, "rule": change.rule, "n": change.n, "examples": examples}
