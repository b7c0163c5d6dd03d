"""What a person says of a column's cells: spellings that stand for a level, and values that mean "missing"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import polars as pl

from tenure.prepare import date_text, number_text
from tenure.prepare.expressions import folded, missing, squeezed, text_of
from tenure.prepare.recipe import ColumnRecipe, NumberFormat
from tenure.prepare.tokens import fold, squeeze, whole_text

_WORDS = ("boolean", "category")
_T = TypeVar("_T")
_PLAIN = number_text.parser(NumberFormat())


@dataclass(frozen=True, slots=True)
class Mending:
    """What tenure.yaml says of one column.

    levels: spelling -> the level it stands for (data.levels).  nulls: values that mean "missing" (data.nulls).
    """

    levels: Mapping[str, str] = field(default_factory=dict)
    nulls: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.levels or self.nulls)


def told(mending: Mending, series: pl.Series, *, case_sensitive: bool = False) -> pl.Series:
    """The cells of a column with nulls emptied and spellings replaced, so that its kind shows.

    Nulls are found by their folded text or plain number: numbers in another format are found by their value
    once the format is known, see stated. case_sensitive: letter case parts two spellings.
    """
    frame = series.to_frame()
    text = text_of(series.name, series.dtype)
    tokens, numbers = _tokens(mending.nulls), _numbers(mending.nulls)
    empty = folded(text).is_in(tokens).fill_null(False)
    if numbers:
        value = pl.col(series.name) if series.dtype.is_numeric() else text
        empty |= value.cast(pl.Float64, strict=False).is_in(numbers).fill_null(False)
    cell = pl.col(series.name)
    if mending.levels and series.dtype in (pl.String, pl.Categorical, pl.Enum):
        key = squeezed(text) if case_sensitive else folded(text)
        aliases = aliases_of(mending.levels, case_sensitive)
        level = key.replace_strict(
            list(aliases), list(aliases.values()), default=None, return_dtype=pl.String
        )
        cell = pl.coalesce(level, cell.cast(pl.String))
    return frame.select(pl.when(~empty).then(cell).alias(series.name)).to_series()


def stated(mending: Mending, column: ColumnRecipe) -> ColumnRecipe:
    """The column with what was said of it as part of its recipe.

    Nulls that are numbers (or dates) of the column's own format become values, the others become texts.
    """
    values: list[float] = []
    tokens: list[str] = []
    for null in mending.nulls:
        value = _value(null, column)
        if value is None:
            tokens += _tokens([null])
        else:
            values.append(value)
    column = replace(column, null_values=_joined((), values), null_tokens=_joined(column.null_tokens, tokens))
    if column.kind == "category":
        return _with_aliases(column, mending.levels)
    if column.kind == "boolean":
        return _with_words(column, mending.levels)
    return column


def _with_aliases(column: ColumnRecipe, levels: Mapping[str, str]) -> ColumnRecipe:
    """A spelling of what means "missing" becomes a null token; one that was a null token is none any more."""
    aliases = aliases_of(levels, column.case_sensitive)
    empty = [key for key, level in aliases.items() if fold(level) in column.null_tokens]
    aliases = {key: level for key, level in aliases.items() if key not in empty}
    filled = {fold(key) for key in aliases}
    tokens = [token for token in column.null_tokens if token not in filled]
    return replace(column, aliases=aliases, null_tokens=_joined(tokens, map(fold, empty)))


def _with_words(column: ColumnRecipe, levels: Mapping[str, str]) -> ColumnRecipe:
    true = [fold(spelling) for spelling, level in levels.items() if fold(level) in column.true_tokens]
    false = [fold(spelling) for spelling, level in levels.items() if fold(level) in column.false_tokens]
    return replace(
        column,
        true_tokens=_joined(column.true_tokens, true),
        false_tokens=_joined(column.false_tokens, false),
        null_tokens=tuple(token for token in column.null_tokens if token not in true + false),
    )


def emptied(column: ColumnRecipe, series: pl.Series) -> pl.Series | None:
    """The cells without those that the column's recipe calls missing; None where there is no such cell."""
    absent = series.to_frame().select(missing(column, series.dtype) & pl.col(series.name).is_not_null())
    marks = absent.to_series()
    if not marks.any():
        return None
    return series.to_frame().select(pl.when(~marks).then(pl.col(series.name)).alias(series.name)).to_series()


def aliases_of(levels: Mapping[str, str], case_sensitive: bool) -> dict[str, str]:
    """Key of a spelling (folded, or squeezed where case matters) -> the level it stands for."""
    key_of = squeeze if case_sensitive else fold
    return {key_of(spelling): squeeze(level) for spelling, level in levels.items()}


def levels_not_used(mending: Mending, column: ColumnRecipe) -> str | None:
    """A warning when spellings are listed for a column that has no levels, or None."""
    if not mending.levels or column.kind in _WORDS:
        return None
    return f"data.levels of {column.name!r} is not applied: the column is read as {column.kind}"


def _value(null: str, column: ColumnRecipe) -> float | None:
    if column.kind in ("number", "integer"):
        parsed = number_text.parser(column.number_format or NumberFormat())(null.strip())
        return _PLAIN(null.strip()) if parsed is None else parsed
    if column.kind == "date":
        formats = dict.fromkeys((*column.date_formats, "year-month-day"))
        return date_text.parser(tuple(formats))(null.strip())
    return None


def _numbers(nulls: Iterable[str]) -> list[float]:
    values = (_PLAIN(null.strip()) for null in nulls)
    return [value for value in values if value is not None]


def _tokens(nulls: Iterable[str]) -> list[str]:
    """Folded texts that a null may be written as: "-999" is also "-999.0"."""
    tokens: list[str] = []
    for null in nulls:
        tokens.append(fold(null))
        value = _PLAIN(null.strip())
        whole = whole_text(value) if value is not None else None
        tokens += [whole, f"{whole}.0"] if whole is not None else []
    return list(dict.fromkeys(tokens))


def _joined(known: Iterable[_T], more: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys([*known, *more]))
