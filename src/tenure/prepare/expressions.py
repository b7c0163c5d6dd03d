"""Polars expressions that clean one column: the columnar half of what prepare.rows does cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import polars as pl

from tenure.prepare import date_text
from tenure.prepare.date_columns import read_dates
from tenure.prepare.distinct import by_distinct
from tenure.prepare.number_columns import read_numbers
from tenure.prepare.recipe import OTHER, ColumnRecipe, NumberFormat
from tenure.prepare.tokens import LARGEST_NUMBER, LARGEST_WHOLE, LOWER, SPACE_RUN, SPACES, UPPER, fold

_TEXT_LIKE = (pl.String, pl.Categorical, pl.Enum)


def readable(dtype: pl.DataType) -> bool:
    """Whether cells of this type can be cleaned; lists, structs and objects cannot."""
    return not dtype.is_nested() and dtype not in (pl.Object, pl.Binary)


def text_of(name: str, dtype: pl.DataType) -> pl.Expr:
    """The stripped text of each cell; null where the cell is null or has no one spelling (3.5, a date)."""
    cell = pl.col(name)
    if isinstance(dtype, _TEXT_LIKE) or dtype in (pl.Categorical, pl.Enum):
        return cell.cast(pl.String).str.strip_chars(SPACES)
    if dtype.is_integer() or dtype.is_decimal() or dtype == pl.Boolean:
        return cell.cast(pl.String)
    if dtype.is_float():
        whole = cell.is_finite() & (cell.abs() < LARGEST_WHOLE) & (cell == cell.floor())
        return pl.when(whole).then(cell).cast(pl.Int64).cast(pl.String)
    return _nulls(name, pl.String)


def _nulls(name: str, dtype: type[pl.DataType]) -> pl.Expr:
    """Null in every row; a literal alone would be one row long."""
    return pl.when(pl.col(name).is_null()).then(pl.lit(None, dtype=dtype))


def squeezed(text: pl.Expr) -> pl.Expr:
    """tokens.squeeze on a column of stripped text."""
    return text.str.replace_all(SPACE_RUN, " ")


def folded(text: pl.Expr) -> pl.Expr:
    """tokens.fold on a column of stripped text."""
    return lowered(squeezed(text))


def lowered(text: pl.Expr) -> pl.Expr:
    """A to Z made lower-case; other letters stay as they are."""
    return text.str.replace_many(UPPER, LOWER)


def missing(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    """Whether each cell means "missing": null, a null token, or NaN where the recipe says so."""
    nothing = pl.col(column.name).is_null()
    if dtype.is_float() and column.nan_is_null:
        nothing |= pl.col(column.name).is_nan()
    # Typed numbers have no text that a column of numbers looks at.
    if isinstance(dtype, _TEXT_LIKE) or column.kind not in ("number", "integer"):
        nothing |= folded(text_of(column.name, dtype)).is_in(list(column.null_tokens)).fill_null(False)
    if column.null_values:
        value = read_cell(replace(column, null_values=()), dtype)
        nothing |= value.is_in(list(column.null_values)).fill_null(False)
    return nothing


def unread_rows(column: ColumnRecipe, raw: pl.Series, cleaned: pl.Series) -> pl.Series:
    """The positions of cells that are neither missing nor could be read, UInt32, ascending."""
    empty = cleaned.is_null().arg_true()
    # Only what came out empty is compared with the null tokens, and of equal cells one: that is the slow part.
    cells = raw.gather(empty).rename(column.name)
    different = cells.unique().to_frame()
    unread = different.filter(~missing(column, raw.dtype)).to_series()
    return empty.filter(cells.is_in(unread.implode())) if len(unread) else empty.clear()


def clean_cell(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    """The clean value of each raw cell of a column, under the column's name: read, then settled."""
    return settled(column, read_cell(column, dtype)).alias(column.name)


def read_cell(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    """What each raw cell says, whatever training knows of it; null where it is missing or cannot be read.

    number, integer: Float64, not bounded.  boolean: Boolean.  category: String, spaces squeezed.
    text: String, stripped.  date: Int64, microseconds since 1970-01-01 UTC, not bounded.
    """
    maker: dict[str, Callable[[ColumnRecipe, pl.DataType], pl.Expr]] = {
        "number": _number,
        "integer": _number,
        "boolean": _boolean,
        "category": _category,
        "date": _date,
        "text": _text,
    }
    value = maker[column.kind](column, dtype)
    if column.null_values:
        value = pl.when(~value.is_in(list(column.null_values))).then(value)
    return value.alias(column.name)


def settle_cell(column: ColumnRecipe) -> pl.Expr:
    """The clean value of each cell that read_cell has read: inside the training range, one of the levels."""
    return settled(column, pl.col(column.name)).alias(column.name)


def settled(column: ColumnRecipe, value: pl.Expr) -> pl.Expr:
    """settle_cell on an expression of read values."""
    if column.kind == "category":
        return by_distinct(value, partial(_level, column), pl.String)
    if column.bounds is None:
        return value
    low, high = column.bounds
    return value.clip(int(low), int(high)) if column.kind == "date" else value.clip(float(low), float(high))


def by_text(
    name: str, dtype: pl.DataType, make: Callable[[pl.Expr], pl.Expr], made: type[pl.DataType]
) -> pl.Expr:
    """make(stripped text of a cell), worked out once for each different cell; null where a cell has no text."""
    if isinstance(dtype, _TEXT_LIKE):
        return by_distinct(
            pl.col(name).cast(pl.String), lambda cell: make(cell.str.strip_chars(SPACES)), made
        )
    return by_distinct(text_of(name, dtype), make, made)


def number_of(text: pl.Expr, style: NumberFormat) -> pl.Expr:
    """number_text.parser on a column of text, stripped or not; null where it is no number."""
    return text.map_batches(partial(read_numbers, style=style), return_dtype=pl.Float64, is_elementwise=True)


def date_of(text: pl.Expr, names: tuple[str, ...]) -> pl.Expr:
    """date_text.parser on a column of stripped text: microseconds, null where it is no date."""
    return text.map_batches(partial(read_dates, names=names), return_dtype=pl.Int64, is_elementwise=True)


def _in_range(value: pl.Expr) -> pl.Expr:
    return pl.when(value.abs() <= LARGEST_NUMBER).then(value)


def _number(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(column.name)
    if isinstance(dtype, _TEXT_LIKE):
        style = column.number_format or NumberFormat()
        text, parse = cell.cast(pl.String), partial(number_of, style=style)
        return parse(text) if style.plain else by_distinct(text, parse, pl.Float64)
    # A yes/no where a number is expected is a mistake, not 0 or 1.
    if not (dtype.is_numeric() or dtype.is_decimal()):
        return _nulls(column.name, pl.Float64)
    value = _in_range((cell.cast(pl.String) if dtype.is_decimal() else cell).cast(pl.Float64))
    # Adding zero would do for -0.0, but the optimizer takes it out.
    return pl.when(value == 0.0).then(0.0).otherwise(value)


def _boolean(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return pl.col(column.name)

    def truth(text: pl.Expr) -> pl.Expr:
        true = folded(text).is_in(list(column.true_tokens))
        return pl.when(true | folded(text).is_in(list(column.false_tokens))).then(true)

    return by_text(column.name, dtype, truth, pl.Boolean)


def _category(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    def word(text: pl.Expr) -> pl.Expr:
        words = squeezed(text)
        known = pl.when(~folded(text).is_in(list(column.null_tokens)))
        if not column.aliases:
            return known.then(words)
        key = words if column.case_sensitive else lowered(words)
        aliases, levels = list(column.aliases), list(column.aliases.values())
        level = key.replace_strict(aliases, levels, default=None, return_dtype=pl.String)
        return known.then(pl.coalesce(level, words))

    return by_text(column.name, dtype, word, pl.String)


def _level(column: ColumnRecipe, word: pl.Expr) -> pl.Expr:
    """The level of each squeezed word, OTHER for one that is not known."""
    key = word if column.case_sensitive else word.str.replace_many(UPPER, LOWER)
    spellings = [level if column.case_sensitive else fold(level) for level in column.levels]
    level = key.replace_strict(spellings, list(column.levels), default=OTHER, return_dtype=pl.String)
    return pl.when(word.is_not_null()).then(level)


def _text(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    text = text_of(column.name, dtype)
    return pl.when(~missing(column, dtype)).then(text)


def _date(column: ColumnRecipe, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(column.name)
    if dtype == pl.Date:
        value = cell.cast(pl.Int64) * date_text.DAY
    elif isinstance(dtype, pl.Datetime):
        value = cell.dt.epoch("us")
    else:
        value = by_text(column.name, dtype, partial(date_of, names=column.date_formats), pl.Int64)
    return value
