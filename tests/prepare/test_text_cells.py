"""Cheap first looks lose nothing: blocks of text are read as the recipe's exact rules read each cell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.prepare import date_text, number_text
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.text_cells import read_texts
from tenure.prepare.tokens import (
    FALSE_WORDS,
    LARGEST_NUMBER,
    SPACES,
    STRONG_NULLS,
    TRUE_WORDS,
    WEAK_NULLS,
    fold,
)

PLAIN = number_text.parser(NumberFormat())
MARKED = number_text.parser(
    NumberFormat(thousands=",", currency=number_text.CURRENCIES, percent=True, accounting=True)
)
DATE = date_text.parser(tuple(name for name in date_text.FORMATS if name != date_text.COMPACT))
NULLS = STRONG_NULLS + WEAK_NULLS
WORDS = [word for word in TRUE_WORDS + FALSE_WORDS if word.isalpha()]

numbers = st.text(alphabet="0123456789+-.,eE $€%()USDEURCHF_ inf", max_size=12)
dates = st.text(alphabet="0123456789-/.: TZ", min_size=4, max_size=20)
named = st.builds(
    "{}{}{}{}{}".format,
    st.integers(0, 40),
    st.sampled_from(["", "st", "th"]),
    st.sampled_from(" -"),
    st.sampled_from(["Jan", "march", "Sept.", "DEC", "Foo"]),
    st.sampled_from([" 2024", ", 99", "-1999 12:30", ""]),
)
month_first = st.builds(
    "{} {}, {}".format, st.sampled_from(["May", "JUNE", "Oct."]), st.integers(0, 33), st.just(2023)
)
iso = st.datetimes().map(lambda t: t.isoformat()) | st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?Z?", fullmatch=True
)
words = st.sampled_from([*NULLS, *WORDS, "Not  Available", "YES", "N/A", "naïve", "offer"])
cells = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " ", "\u00a0"]),
    numbers | dates | named | month_first | iso | words | st.text(max_size=6),
    st.sampled_from(["", "\t"]),
)


def read_slowly(texts: list[str]) -> tuple[list[float], dict[str, int], int, int]:
    found: list[float] = []
    tokens: dict[str, int] = {}
    n_booleans = n_dates = 0
    for cell in texts:
        text = cell.strip(SPACES)
        number = PLAIN(text)
        number = MARKED(text) if number is None else number
        if number is not None:
            found.append(number)
        elif fold(text) in NULLS:
            tokens[fold(text)] = tokens.get(fold(text), 0) + 1
        elif len(text) <= 60 and DATE(text) is not None:
            n_dates += 1
        n_booleans += fold(text) in WORDS
    return sorted(found), tokens, n_booleans, n_dates


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(cells, max_size=25))
def test_blocks_are_read_as_their_cells_are(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    reading = read_texts(series, None)
    counted = series.rename("text").value_counts(name="n")
    grouped = read_texts(counted["text"], counted["n"].to_numpy().astype(np.int64))
    expected = read_slowly(texts)
    for found in (reading, grouped):
        assert (
            sorted(found.numbers.tolist()),
            found.null_tokens,
            found.n_booleans,
            found.n_dates,
        ) == expected


@pytest.mark.parametrize(
    "text", ["inf", "-Infinity", "nan", "+nan", "1e39", "1e999", "1_000", "0x1F", "１２", "1d5", "١"]
)
def test_what_only_some_parsers_take_for_a_number_is_none(text: str) -> None:
    assert len(read_texts(pl.Series([text]), None).numbers) == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.text(alphabet="0123456789+-.eEfinatyNI_", max_size=10) | st.floats().map(repr), max_size=80)
)
def test_polars_reads_no_finite_number_that_the_pattern_refuses(texts: list[str]) -> None:
    read = pl.Series(texts, dtype=pl.String).cast(pl.Float64, strict=False)
    for text, value in zip(texts, read.to_list(), strict=True):
        if value is not None and abs(value) <= LARGEST_NUMBER:
            assert PLAIN(text) == value
