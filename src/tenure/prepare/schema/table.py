"""Check whole tables: which cells break the schema, counted, with the first rows of each rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from tenure.config.schema import Rule, Severity, text_of_micros
from tenure.prepare.expressions import unread_rows
from tenure.prepare.rules import rule_of
from tenure.prepare.schema.breach import ROWS_NAMED, Breach
from tenure.prepare.schema.infer import exceeds
from tenure.prepare.schema.terms import Terms
from tenure.prepare.tokens import shown

ALL: tuple[Severity, ...] = ("error", "warning")
CELL_RULES: tuple[Rule, ...] = ("type", "range", "levels", "nulls")


class TableCheck:
    """Counts the cells of a table that break its schema; the table may come in pieces.

    only: the severities that are looked at.
    """

    def __init__(self, terms: Iterable[Terms], only: Sequence[Severity] = ALL) -> None:
        self._terms = tuple(terms)
        self._only = only
        self._n_rows = 0
        self._found: dict[tuple[str, Rule], Breach] = {}

    @property
    def asks_nothing(self) -> bool:
        """Whether no rule of cells has one of the severities that are looked at."""
        return not any(t.severities[rule] in self._only for t in self._terms for rule in CELL_RULES)

    def add(self, typed: pl.DataFrame, raw: pl.DataFrame | None = None) -> None:
        """Check the next rows. typed: the features as columns.read gives them.

        raw: the same rows before it; without them, cells that could not be read are not told from missing ones.
        """
        for t in self._terms:
            cells = typed[t.column.name]
            if self._asks(t, "type") and raw is not None:
                self._note(t, "type", unread_rows(t.column, raw[t.column.name], cells), raw[t.column.name])
            if self._asks(t, "range") and (t.low is not None or t.high is not None):
                self._note(t, "range", _outside(t, cells), cells)
            if self._asks(t, "levels") and t.keys is not None:
                self._note(t, "levels", _unknown(t, cells), cells)
            if self._asks(t, "nulls") and t.nulls is not None and cells.null_count():
                self._note(t, "nulls", cells.is_null().arg_true(), None)
        self._n_rows += typed.height

    def breaches(self) -> list[Breach]:
        """What was found, in the order of the columns. A share of nulls is judged over all rows."""
        limits = {t.column.name: t.nulls or 0.0 for t in self._terms}
        place = {name: number for number, name in enumerate(limits)}
        n = self._n_rows
        found = [
            breach
            for breach in self._found.values()
            if breach.rule != "nulls" or exceeds(breach.cells / n, limits[breach.column], n)
        ]
        return sorted(found, key=lambda breach: place[breach.column])

    def _asks(self, t: Terms, rule: Rule) -> bool:
        return t.severities[rule] in self._only

    def _note(self, t: Terms, rule: Rule, rows: pl.Series, cells: pl.Series | None) -> None:
        if rows.is_empty():
            return
        first = rows.head(ROWS_NAMED).to_list()
        key = (t.column.name, rule)
        text = rule_of(t.column) if rule == "type" else t.texts[rule]
        example = "" if cells is None else _shown(t, rule, cells[first[0]])
        numbers = tuple(row + self._n_rows for row in first)
        breach = Breach(t.column.name, rule, t.severities[rule], text, len(rows), numbers, example)
        self._found[key] = self._found[key].joined(breach) if key in self._found else breach


def check_unique(columns: Mapping[str, Severity], rows: pl.LazyFrame) -> list[Breach]:
    """Which values of columns that must be unique are there twice; missing cells do not count.

    Values are counted by their hashes, and looked at only where some are not unique.
    """
    found = []
    for name, is_unique in unique_of(columns, rows).items():
        if not is_unique:
            cells = rows.select(name).collect().to_series()
            again = (cells.is_not_null() & ~cells.is_first_distinct()).arg_true()
            first = again.head(ROWS_NAMED).to_list()
            text = "must not hold a value twice"
            found.append(
                Breach(name, "unique", columns[name], text, len(again), tuple(first), shown(cells[first[0]]))
            )
    return found


def unique_of(columns: Iterable[str], rows: pl.LazyFrame) -> dict[str, bool]:
    """Whether columns hold each value once; missing cells do not count."""
    names = list(columns)
    if not names:
        return {}
    filled = {name: pl.col(name).drop_nulls() for name in names}
    counts = rows.select(
        (cells.hash().n_unique() == cells.len()).alias(name) for name, cells in filled.items()
    ).collect(engine="streaming")
    return dict(zip(names, counts.row(0), strict=True))


def _outside(t: Terms, cells: pl.Series) -> pl.Series:
    """The positions of cells outside the range."""
    low = pl.Series(dtype=pl.UInt32) if t.low is None else (cells < t.low).arg_true()
    high = pl.Series(dtype=pl.UInt32) if t.high is None else (cells > t.high).arg_true()
    return low.append(high).sort()


def _unknown(t: Terms, cells: pl.Series) -> pl.Series:
    """The positions of cells that hold a word which is no level; each word is looked up once."""
    keys = t.keys or frozenset()
    words = [word for word in cells.unique().drop_nulls().to_list() if t.key_of(word) not in keys]
    return cells.is_in(words).arg_true() if words else pl.Series(dtype=pl.UInt32)


def _shown(t: Terms, rule: Rule, value: object) -> str:
    is_moment = rule == "range" and t.column.kind == "date"
    return text_of_micros(value) if is_moment else shown(value)  # type: ignore[arg-type]
