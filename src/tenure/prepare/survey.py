"""What training rows hold, column by column, counted as they go by: gaps, bounds, words, cells that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from tenure.prepare.expressions import unread_rows
from tenure.prepare.learn import Study, study_column, study_range, warn_of_unread
from tenure.prepare.levels import study_words
from tenure.prepare.recipe import FEATURE_KINDS, ColumnRecipe, Recipe
from tenure.prepare.split import LEFT_OUT, PART, TRAIN
from tenure.prepare.sql.column_recipe import derive

_EXAMPLES = 3
_RANGED = ("number", "integer", "date")


@dataclass(slots=True)
class _Column:
    recipe: ColumnRecipe
    n: int = 0
    nulls: int = 0
    low: Any = None
    high: Any = None
    is_whole: bool = True
    words: Counter[str] = field(default_factory=Counter)
    n_unread: int = 0
    unread: list[object] = field(default_factory=list)

    def add(self, values: pl.Series) -> None:
        self.n += len(values)
        self.nulls += values.null_count()
        if self.recipe.kind == "category":
            counts = values.drop_nulls().value_counts(name="n")
            self.words.update(dict(zip(counts[values.name].to_list(), counts["n"].to_list(), strict=True)))
        elif self.recipe.kind in _RANGED:
            self._widen(values.min(), values.max())
            if self.is_whole and self.recipe.kind == "integer" and values.dtype.is_float():
                self.is_whole = bool((values == values.floor()).all())

    def _widen(self, low: Any, high: Any) -> None:
        if low is not None:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)

    def add_unread(self, cells: pl.Series) -> None:
        self.n_unread += len(cells)
        if len(self.unread) < _EXAMPLES:
            different = cells.unique(maintain_order=True).head(_EXAMPLES)
            self.unread += [cell for cell in different if cell not in self.unread]

    def study(self) -> Study:
        column = replace(self.recipe, nullable=self.nulls > 0)
        if column.kind == "category":
            study = Study(*study_words(column, self.words))
        elif column.kind in _RANGED:
            if column.kind == "integer" and not self.is_whole:
                column = replace(column, kind="number")
            study = study_range(column, self.low, self.high)
        else:
            study = Study(column)
        warning = warn_of_unread(column, self.n_unread, self.unread)
        return replace(study, warning=study.warning or warning)


@dataclass(frozen=True, slots=True)
class Unread:
    """Cells of a column that are neither missing nor could be read. rows: their positions.  cells: as they stand."""

    rows: pl.Series
    cells: pl.Series


def find_unread(recipe: Recipe, raw: pl.DataFrame, typed: pl.DataFrame) -> dict[str, Unread]:
    """The unread cells of each input of a recipe. raw: rows.  typed: the same, as read."""
    found = {}
    for column in recipe.inputs:
        if column.kind in FEATURE_KINDS:
            cells = raw[column.name]
            rows = unread_rows(column, cells, typed[column.name])
            found[column.name] = Unread(rows, cells.gather(rows))
    return found


class Survey:
    """The training rows of a table, as a recipe's features read them."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._columns = {column.name: _Column(column) for column in recipe.features}
        self._derived = {derived.column.name for derived in recipe.derived}

    def add(self, typed: pl.DataFrame, unread: Mapping[str, Unread]) -> None:
        """Add a batch: its rows as read, with their PART, and what could not be read."""
        is_used, is_training = typed[PART] != LEFT_OUT, typed[PART] == TRAIN
        whole = derive(self._recipe, typed.lazy()).collect() if self._derived else typed
        training = whole.select(*self._columns).filter(is_training)
        for name, column in self._columns.items():
            column.add(training[name])
            if name in self._derived:
                continue
            cells = unread[name]
            column.add_unread(cells.cells.filter(is_used.gather(cells.rows)))

    def learned(self, n_rows: int) -> Recipe:
        """The recipe with bounds, levels and gaps as all the training rows have them. n_rows: training rows."""
        studies = {name: column.study() for name, column in self._columns.items()}
        return replace(_with_studies(self._recipe, studies), n_rows=n_rows)

    def nulls(self) -> dict[str, int]:
        """Feature -> its empty cells."""
        return {name: column.nulls for name, column in self._columns.items()}

    def unread(self) -> dict[str, int]:
        """Feature -> cells that cannot be read, where there are any."""
        return {name: column.n_unread for name, column in self._columns.items() if column.n_unread}


def learn_anew(recipe: Recipe, typed: pl.DataFrame) -> Recipe:
    """Learn what training rows hold, when how their cells are written is known.

    typed: training rows as they are kept, see prepare.typed.  Columns that were no feature are studied again:
    what was constant may have begun to differ.
    """
    aside = {recipe.target.name, recipe.id, recipe.time, recipe.group}
    # Helpers stay as the expressions read them, and a derived feature has no cells of its own to study.
    aside |= {column.name for column in recipe.helpers} | {derived.column.name for derived in recipe.derived}
    typed = derive(recipe, typed.lazy()).collect() if recipe.derived else typed
    studies: dict[str, Study] = {}
    for column in (*recipe.columns, *(derived.column for derived in recipe.derived)):
        if column.kind in FEATURE_KINDS and column.name not in recipe.ignored:
            facts = _Column(column)
            facts.add(typed[column.name])
            studies[column.name] = facts.study()
        elif column.name not in aside:
            studies[column.name] = study_column(column.name, typed[column.name])
    return replace(_with_studies(recipe, studies), n_rows=typed.height)


def _with_studies(recipe: Recipe, found: Mapping[str, Study]) -> Recipe:
    columns = tuple(found[c.name].column if c.name in found else c for c in recipe.columns)
    derived = tuple(
        replace(d, column=found[d.column.name].column) if d.column.name in found else d
        for d in recipe.derived
    )
    ignored = {name: why for name, why in recipe.ignored.items() if name not in found}
    ignored |= {name: study.why for name, study in found.items() if study.why is not None}
    warnings = tuple(study.warning for study in found.values() if study.warning is not None)
    return replace(recipe, columns=columns, derived=derived, ignored=ignored, warnings=warnings)
