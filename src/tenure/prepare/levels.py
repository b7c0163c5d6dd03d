"""Columns of words: which spellings are one level, which levels are kept, and what is no category at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import polars as pl

from tenure.prepare.expressions import lowered, squeezed, text_of
from tenure.prepare.recipe import ColumnRecipe
from tenure.prepare.tokens import (
    FALSE_WORDS,
    SPACE_RUN,
    SPACES,
    STRONG_NULLS,
    TRUE_WORDS,
    UNKNOWN_NULLS,
    WEAK_NULLS,
)

# Up to this many levels all are kept, however rare.
_FEW = 10
_MOST_LEVELS = 1000
UNIQUE = "identifier: (nearly) every cell is different"
# From here on a cheap look at uniqueness pays, before every spelling is studied.
_LARGE = 100_000
_FEW_WORDS = len(TRUE_WORDS + FALSE_WORDS)
# What squeeze would change in a stripped text.
_TO_SQUEEZE = f"[{SPACES}]{{2}}|[{SPACES[1:]}]"
# Uniqueness says nothing about a column of fewer cells.
_ENOUGH_CELLS = 20


def spellings_of(name: str, series: pl.Series) -> pl.DataFrame:
    """Every stripped spelling: text, key (folded), exact (squeezed) and n cells, most frequent first."""
    return _most_frequent_first(count_spellings(name, series))


def count_spellings(name: str, series: pl.Series) -> pl.DataFrame:
    """The same rows as spellings_of in any order: sorting a million remarks is what costs."""
    # equal cells first: a text of each is made once
    counts = series.alias("cell").value_counts(name="n")
    texts = counts.lazy().select(pl.col("n").cast(pl.Int64), text=text_of("cell", series.dtype)).drop_nulls()
    return _with_keys(texts.group_by("text").agg(pl.col("n").sum()).collect())


def _with_keys(spellings: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    exact = squeezed(text) if spellings["text"].str.contains(_TO_SQUEEZE).any() else text
    return spellings.with_columns(exact=exact).with_columns(key=lowered(pl.col("exact")))


def _most_frequent_first(spellings: pl.DataFrame) -> pl.DataFrame:
    return spellings.sort("n", "text", descending=[True, False])


def study_levels(name: str, series: pl.Series) -> tuple[ColumnRecipe, str | None, str | None]:
    """Learn a column of words: boolean, category, text, identifier or constant.

    Returns the column, why it is no feature (or None), and a warning (or None).
    """
    spellings = count_spellings(name, series)
    strict = ~pl.col("key").is_in(list(STRONG_NULLS + WEAK_NULLS))
    if (boolean := _boolean(name, series, spellings.filter(strict))) is not None:
        return boolean, None, None
    case_sensitive = _letter_codes(spellings)
    tokens = _null_tokens(spellings)
    filled = spellings.filter(~pl.col("key").is_in(list(tokens)))
    n_cells = int(filled["n"].sum())
    column = ColumnRecipe(
        name,
        "category",
        null_tokens=tokens,
        nullable=n_cells < len(series),
        case_sensitive=case_sensitive,
    )
    if not n_cells:
        return replace(column, kind="constant"), "constant: it is always missing", None
    different = filled["exact" if case_sensitive else "key"].unique()
    wordy, unlike = _mean_words(different), len(different) / n_cells
    if n_cells >= _ENOUGH_CELLS and unlike > 0.5 and wordy > 3.0:
        return replace(column, kind="text"), None, None
    levels = _levels(filled, different.name)
    if levels.height == 1 and not column.nullable:
        return replace(column, kind="constant"), f"constant: it is always {levels['text'][0]!r}", None
    if n_cells >= _ENOUGH_CELLS and unlike > 0.95:
        return replace(column, kind="identifier"), UNIQUE, None
    return _category(column, levels, n_cells, wordy)


def study_words(
    column: ColumnRecipe, words: Mapping[str, int]
) -> tuple[ColumnRecipe, str | None, str | None]:
    """Learn the levels of a category anew from words that are read already, with their counts.

    Returns as study_levels does; column.nullable is taken as it is.
    """
    counts = pl.DataFrame(
        {"text": list(words), "n": list(words.values())}, schema={"text": pl.String, "n": pl.Int64}
    )
    filled = _with_keys(counts)
    levels = _levels(filled, "exact" if column.case_sensitive else "key")
    if levels.is_empty():
        return replace(column, kind="constant"), "constant: it is always missing", None
    if levels.height == 1 and not column.nullable:
        return replace(column, kind="constant"), f"constant: it is always {levels['text'][0]!r}", None
    return _category(column, levels, int(counts["n"].sum()), _mean_words(levels["text"]))


def _category(
    column: ColumnRecipe, levels: pl.DataFrame, n_cells: int, wordy: float
) -> tuple[ColumnRecipe, str | None, str | None]:
    kept = levels
    if levels.height > _FEW:
        # 0.1 % of the rows, but never fewer than 5 cells and no more than what a rate can be estimated from.
        least = max(5, min(n_cells // 1000, 50))
        kept = levels.filter(pl.col("n") >= least).head(_MOST_LEVELS)
        if kept.is_empty() and 2 * levels.height <= n_cells < 1000:  # a small table of levels that do repeat
            kept = levels.filter(pl.col("n") >= 2).head(_MOST_LEVELS)
    if kept.is_empty():
        if wordy > 2.0:
            return replace(column, kind="text"), None, None
        why = f"identifier: {levels.height} levels, and none is frequent enough to learn from"
        return replace(column, kind="identifier"), why, None
    column = replace(column, levels=tuple(kept["text"].to_list()), has_other=kept.height < levels.height)
    return column, None, None


def _levels(filled: pl.DataFrame, key: str) -> pl.DataFrame:
    """One row a level: key, its most frequent spelling (text), n cells; the most frequent level first."""
    return (
        _most_frequent_first(filled)
        .group_by(key, maintain_order=True)
        .agg(pl.col("exact").first().alias("text"), pl.col("n").sum())
        .sort("n", "text", descending=[True, False])
    )


def surely_identifies(series: pl.Series) -> bool:
    """Whether a long column of short texts is an identifier, told without folding every cell."""
    if len(series) < _LARGE or series.n_unique() <= 0.97 * len(series):
        return False
    words = (
        series.drop_nulls().cast(pl.String).head(1000).str.strip_chars(SPACES).str.count_matches(SPACE_RUN)
    )
    return cast(float, words.mean() or 0.0) + 1.0 <= 3.0


def _mean_words(levels: pl.Series) -> float:
    spaces = levels.str.count_matches(" ", literal=True).mean()
    return cast(float, spaces or 0.0) + 1.0


def _boolean(name: str, series: pl.Series, filled: pl.DataFrame) -> ColumnRecipe | None:
    """The column as a boolean when all its words say yes or no, and both are said."""
    if filled["key"].head(_FEW_WORDS + 1).n_unique() > _FEW_WORDS:
        return None
    filled = _most_frequent_first(filled)
    keys = filled["key"].unique(maintain_order=True).to_list()
    true = tuple(key for key in keys if key in TRUE_WORDS)
    false = tuple(key for key in keys if key in FALSE_WORDS)
    if not true or not false or len(true) + len(false) < len(keys):
        return None

    def label(words: tuple[str, ...]) -> str:
        return str(filled.filter(pl.col("key").is_in(list(words)))["exact"][0])

    return ColumnRecipe(
        name,
        "boolean",
        null_tokens=STRONG_NULLS + WEAK_NULLS,
        nullable=int(filled["n"].sum()) < len(series),
        labels=(label(false), label(true)),
        false_tokens=false,
        true_tokens=true,
    )


def _letter_codes(spellings: pl.DataFrame) -> bool:
    """Whether single letters are codes in which case matters: three letters or more stand in both cases."""
    singles = set(spellings.filter(pl.col("text").str.len_bytes() == 1)["text"].to_list())
    both = [c for c in singles if c.islower() and c.upper() in singles]
    return len(both) >= 3


def _null_tokens(spellings: pl.DataFrame) -> tuple[str, ...]:
    """The null tokens of a category. "NA" is a level among two-letter codes (Namibia)."""
    tokens = STRONG_NULLS + UNKNOWN_NULLS
    keys = spellings.filter(~pl.col("key").is_in(list(tokens)))
    codes = keys.filter(pl.col("text").str.contains("^[A-Z]{2}$"))
    if codes.height >= _FEW and codes.height >= 0.9 * keys.height:
        return tuple(token for token in tokens if token != "na")
    return tokens
