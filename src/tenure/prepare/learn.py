"""Learn the recipe from training rows: what kind each column is, and how its cells are written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import polars as pl

from tenure.errors import ColumnsMissing, SourceError
from tenure.prepare import date_text, number_text
from tenure.prepare.evidence import expected_repeats, looks_like_date, looks_like_identifier
from tenure.prepare.expressions import clean_cell, readable, text_of, unread_rows
from tenure.prepare.levels import UNIQUE, study_levels, surely_identifies
from tenure.prepare.mending import Mending, emptied, levels_not_used, stated, told
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tenure.prepare.target import learn_target
from tenure.prepare.tokens import STRONG_NULLS, WEAK_NULLS, fold

__all__ = ["learn_column", "learn_recipe", "learn_target"]

logger = logging.getLogger(__name__)

# Cells looked at before a guess is checked on the whole column.
_SAMPLE = 20_000
_NUMBER_NULLS = STRONG_NULLS + WEAK_NULLS


@dataclass(frozen=True, slots=True)
class Study:
    """What one column turned out to be. why: the reason it is no feature, or None.  warning: for the user."""

    column: ColumnRecipe
    why: str | None = None
    warning: str | None = None


def learn_recipe(
    raw: pl.DataFrame,
    target: TargetRecipe,
    *,
    id: str | None = None,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    exclude: Iterable[str] | Mapping[str, str] = (),
    levels: Mapping[str, Mapping[str, str]] | None = None,
    nulls: Mapping[str, Iterable[str]] | None = None,
) -> Recipe:
    """Learn every column but the target from training rows.

    exclude: columns known to be unusable, perhaps with a reason each.
    levels, nulls: what data.levels and data.nulls of tenure.yaml say, by column; see mending.Mending.
    Raises ColumnsMissing for an unknown name, SourceError for nested columns or if no feature is left.
    """
    ignored = _set_aside(id, time, group, exclude)
    if weight is not None:
        ignored[weight] = "the weight column"
    levels, nulls = levels or {}, nulls or {}
    absent = [name for name in (target.name, *ignored, *levels, *nulls) if name not in raw.columns]
    if absent:
        raise ColumnsMissing(absent, raw.columns, where="the table's header")
    studies = [
        study_mended(raw[name], Mending(levels.get(name, {}), tuple(nulls.get(name, ()))))
        for name in raw.columns
        if name != target.name and name not in ignored
    ]
    ignored |= {study.column.name: study.why for study in studies if study.why is not None}
    recipe = Recipe(
        target=target,
        columns=tuple(study.column for study in studies),
        ignored={name: ignored[name] for name in raw.columns if name in ignored},
        id=id,
        time=time,
        group=group,
        weight=weight,
        n_rows=raw.height,
        warnings=tuple(study.warning for study in studies if study.warning is not None),
    )
    if not recipe.features:
        raise SourceError(
            f"no column of the table can be a feature: {dict(recipe.ignored)}",
            todo="add columns that describe the rows, or take some out of data.exclude",
        )
    return recipe


def learn_column(name: str, series: pl.Series, *, as_time: bool = False) -> ColumnRecipe:
    """Learn one column. as_time: it is known to hold points in time, so eight digits may be a date."""
    return study_column(name, series, as_time=as_time).column


def study_mended(series: pl.Series, mending: Mending) -> Study:
    """Learn one column, of whose cells tenure.yaml may say something."""
    name = series.name
    if not mending or not readable(series.dtype):
        return study_column(name, series)
    cells = told(mending, series)
    study = study_column(name, cells)
    if study.column.case_sensitive and mending.levels:
        cells = told(mending, series, case_sensitive=True)
        study = study_column(name, cells)
    column = stated(mending, study.column)
    # A null in the column's own number or date format could be told only after that was learned.
    if column.null_values and (rest := emptied(column, cells)) is not None:
        study = study_column(name, rest)
        column = stated(mending, study.column)
    warnings = [text for text in (study.warning, levels_not_used(mending, column)) if text is not None]
    return Study(column, study.why, "; ".join(warnings) or None)


def study_column(name: str, series: pl.Series, *, as_time: bool = False) -> Study:  # noqa: PLR0911 - one return a type
    """Learn one column, with the reason it cannot be a feature, if there is one."""
    dtype = series.dtype
    if not readable(dtype):
        raise SourceError(
            f"column {name!r} holds {dtype}, not single values",
            where=f"column {name!r}",
            todo="flatten it into columns of its own, or leave it out with data.exclude",
        )
    series = series.rename(name)
    if series.null_count() == len(series):
        return Study(
            ColumnRecipe(name, "constant", STRONG_NULLS, nullable=True), "constant: it is always missing"
        )
    dated = as_time or looks_like_date(name)
    if dtype == pl.Boolean:
        return _study_boolean(name, series)
    if dtype.is_integer() and dated and (study := _study_dates(name, series, compact=True)):
        return study
    if dtype.is_numeric():
        return _study_numbers(name, series, NumberFormat())
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _finish_dates(name, series, ())
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        return _study_text(name, series, dated)
    return Study(ColumnRecipe(name, "constant"), f"constant: cells of type {dtype} are not used")


def _set_aside(
    id: str | None, time: str | None, group: str | None, exclude: Iterable[str] | Mapping[str, str]
) -> dict[str, str]:
    reasons = dict(exclude) if isinstance(exclude, Mapping) else dict.fromkeys(exclude, "")
    aside = {name: f"excluded: {why}" if why else "excluded" for name, why in reasons.items()}
    for name, role in ((id, "the id column"), (time, "the time column"), (group, "the group column")):
        if name is not None:
            aside[name] = role
    return aside


def _study_boolean(name: str, series: pl.Series) -> Study:
    column = ColumnRecipe(
        name,
        "boolean",
        null_tokens=_NUMBER_NULLS,
        nullable=series.null_count() > 0,
        labels=("false", "true"),
        false_tokens=("false",),
        true_tokens=("true",),
    )
    if series.n_unique() == 1:
        return Study(replace(column, kind="constant"), f"constant: it is always {series[0]}")
    return Study(column)


def _study_text(name: str, series: pl.Series, dated: bool) -> Study:
    """A column of text: numbers, then dates, then booleans, categories and the rest, as the cells say."""
    sample = series.gather_every(max(1, len(series) // _SAMPLE))
    text = sample.to_frame().select(text_of(name, series.dtype)).to_series()
    counts = _counts(text)
    filled = {cell: n for cell, n in counts.items() if fold(cell) not in _NUMBER_NULLS}
    if dated and (study := _study_dates(name, series, compact=True, filled=filled)):
        return study
    style, share = number_text.choose_format(filled)
    if share >= number_text.ENOUGH and not _are_codes(filled):
        return _study_numbers(name, series, style)
    if study := _study_dates(name, series, compact=False, filled=filled):
        return study
    if surely_identifies(series):
        return Study(ColumnRecipe(name, "identifier", STRONG_NULLS), UNIQUE)
    return Study(*study_levels(name, series))


def _counts(text: pl.Series) -> dict[str, int]:
    table = text.drop_nulls().alias("value").value_counts(sort=True, name="n")
    return dict(zip(table[table.columns[0]].to_list(), table["n"].to_list(), strict=True))


def _are_codes(filled: Mapping[str, int]) -> bool:
    """Whether digits are names, not amounts: some begin with zeros (postcodes, account numbers)."""
    zeros = sum(n for cell, n in filled.items() if len(cell) > 1 and cell[0] == "0" and cell.isdigit())
    return zeros > 0.01 * sum(filled.values())


def _study_numbers(name: str, series: pl.Series, style: NumberFormat) -> Study:
    has_nan = series.dtype.is_float() and bool(series.is_nan().any())
    column = ColumnRecipe(name, "number", null_tokens=_NUMBER_NULLS, nan_is_null=has_nan, number_format=style)
    values = series.to_frame().lazy().select(clean_cell(column, series.dtype)).collect().to_series()
    found = values.drop_nulls()
    whole = bool((found == found.floor()).all())
    column = replace(column, kind="integer" if whole else "number", nullable=values.null_count() > 0)
    study = study_range(column, found.min(), found.max())
    if study.why is not None:
        return study
    bad = _bad_cells(column, series, values)
    if whole and study.column.bounds == (0.0, 1.0) and style.plain:
        return Study(_zero_one(study.column), None, bad)
    if whole and (why := _identifies(name, found)):
        return Study(replace(study.column, kind="identifier"), why)
    return replace(study, warning=bad)


def study_range(column: ColumnRecipe, low: Any, high: Any) -> Study:
    """A column of numbers or dates with its bounds, or why it is no feature. low, high: None when all is missing."""
    if low is None:
        return Study(replace(column, kind="constant", nullable=True), "constant: it is always missing")
    column = replace(column, bounds=(low, high))
    if low == high and not column.nullable:
        shown = date_text.written(low) if column.kind == "date" else f"{low:g}"
        return Study(replace(column, kind="constant"), f"constant: it is always {shown}")
    return Study(column)


def warn_of_unread(column: ColumnRecipe, n: int, examples: Iterable[object]) -> str | None:
    """A warning that names cells which are neither missing nor readable; None when there are none."""
    if not n:
        return None
    what = {"date": "dates", "boolean": " or ".join(column.labels)}.get(column.kind, "numbers")
    shown = ", ".join(map(repr, islice(examples, 3)))
    return f"column {column.name!r}: {n} cell(s) are no {what} and count as missing: {shown}"


def _bad_cells(column: ColumnRecipe, series: pl.Series, values: pl.Series) -> str | None:
    bad = series.gather(unread_rows(column, series, values))
    return warn_of_unread(column, len(bad), bad.unique(maintain_order=True))


def _zero_one(column: ColumnRecipe) -> ColumnRecipe:
    return replace(
        column,
        kind="boolean",
        labels=("0", "1"),
        false_tokens=("0", "0.0"),
        true_tokens=("1", "1.0"),
        number_format=None,
        bounds=None,
        nan_is_null=column.nan_is_null,
    )


def _identifies(name: str, values: pl.Series) -> str | None:
    """Why whole numbers are an identifier, or None: all different, and named so or densely packed."""
    n = len(values)
    if n < 20 or values.n_unique() < n:
        return None
    if looks_like_identifier(name):
        return "identifier: every number is different, and it is named like one"
    span = cast(float, values.max()) - cast(float, values.min()) + 1.0
    if expected_repeats(n, span) >= 10.0:
        return "identifier: every number is different although they lie close together, as a row number does"
    return None


def _study_dates(
    name: str, series: pl.Series, *, compact: bool, filled: Mapping[str, int] | None = None
) -> Study | None:
    if filled is None:
        sample = series.gather_every(max(1, len(series) // _SAMPLE))
        filled = _counts(sample.to_frame().select(text_of(name, series.dtype)).to_series())
    formats, share = date_text.choose_formats(filled, compact=compact)
    if share < number_text.ENOUGH:
        return None
    return _finish_dates(name, series, formats)


def _finish_dates(name: str, series: pl.Series, formats: tuple[str, ...]) -> Study:
    column = ColumnRecipe(name, "date", null_tokens=_NUMBER_NULLS, date_formats=formats)
    values = series.to_frame().lazy().select(clean_cell(column, series.dtype)).collect().to_series()
    # A typed column may be served as text over HTTP, where dates are written as ISO 8601 writes them.
    column = replace(column, date_formats=formats or ("year-month-day",), nullable=values.null_count() > 0)
    study = study_range(column, values.min(), values.max())
    return study if study.why is not None else replace(study, warning=_bad_cells(column, series, values))
