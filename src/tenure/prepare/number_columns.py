"""Columns of numbers written as text: number_text.parser for a whole Polars series."""

from __future__ import annotations

import polars as pl

from tenure.prepare import number_text
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.tokens import LARGEST_NUMBER, SPACES


def read_numbers(cells: pl.Series, style: NumberFormat) -> pl.Series:
    """The number of each text, stripped or not, Float64 and never -0.0; null where it is none of this style."""
    read = _read_plain if style.plain else _read_formatted
    values = read(cells, style)
    if values.null_count() > cells.null_count():
        # Spaces around a number are rare, and stripping all cells costs more than reading them.
        unread = (values.is_null() & cells.is_not_null()).arg_true()
        stripped = cells.gather(unread).str.strip_chars(SPACES)
        values = values.scatter(unread, read(stripped, style))
    return _in_range(values).alias(cells.name)


def _read_plain(cells: pl.Series, style: NumberFormat) -> pl.Series:
    # What the cast takes beyond the pattern are infinities and NaN, which are out of range.
    del style
    return cells.cast(pl.Float64, strict=False)


def _read_formatted(cells: pl.Series, style: NumberFormat) -> pl.Series:
    fits = cells.str.contains(f"^(?:{number_text.pattern(style)})$")
    bare = cells.set(~fits, None)
    values = _read_bare(bare, style, number_text.usual_removals(style))
    if values.null_count() > bare.null_count():
        # Blanks and brackets are rare, too.
        rest = (values.is_null() & bare.is_not_null()).arg_true()
        values = values.scatter(rest, _read_bare(bare.gather(rest), style, number_text.removals(style)))
    return values


def _read_bare(cells: pl.Series, style: NumberFormat, removals: list[str]) -> pl.Series:
    bare = cells
    for removal in removals:
        bare = bare.str.replace_all(removal, "", literal=True)
    if style.decimal == ",":
        bare = bare.str.replace_all(",", ".", literal=True)
    if style.percent:
        is_percent = cells.str.contains("%", literal=True)
        bare = (bare + "e-2").zip_with(is_percent.fill_null(False), bare)
    values = bare.cast(pl.Float64, strict=False)
    if style.accounting:
        is_negative = cells.str.starts_with("(")
        values = (-values).zip_with(is_negative.fill_null(False), values)
    return values


def _in_range(values: pl.Series) -> pl.Series:
    """Without NaN, what is too large, and -0.0."""
    fits = values.is_between(-LARGEST_NUMBER, LARGEST_NUMBER)
    if not fits.all():
        values = values.set(~fits, None)
    is_zero = values == 0.0
    # Adding zero would do, but Polars takes that for nothing to do.
    return values.set(is_zero, 0.0) if is_zero.any() else values
