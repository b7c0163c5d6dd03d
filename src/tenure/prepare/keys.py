"""Names of rows that are there more than once."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tenure.prepare.row_hashes import repeated
from tenure.prepare.tokens import SPACES


@dataclass(frozen=True, slots=True)
class RepeatedKeys:
    """Values of the id column that name more than one row.

    n_keys: such values.  n_rows: the rows that they name.  examples: the most repeated ones, as text.
    n_missing: rows whose id is null or empty.
    """

    column: str
    n_keys: int
    n_rows: int
    examples: tuple[str, ...]
    n_missing: int

    def warnings(self) -> list[str]:
        """What a person should know of it."""
        told = []
        if self.n_keys:
            told.append(
                f"{self.n_keys} value(s) of the id column {self.column!r} name {self.n_rows} rows that differ, such as "
                f"{', '.join(map(repr, self.examples))}: if a value names a customer with several rows, set data.group "
                f"to {self.column!r}, so that they never straddle the split"
            )
        if self.n_missing:
            told.append(f"{self.n_missing} row(s) have no value in the id column {self.column!r}")
        return told


def are_bare(keys: pl.Series) -> bool:
    """Whether raw cells are all filled and written without blanks around them, so that equal keys are equal texts.

    >>> are_bare(pl.Series(["a", "b"])), are_bare(pl.Series(["a", "b "])), are_bare(pl.Series(["a", None]))
    (True, False, False)
    """
    text = keys.cast(pl.String)
    bare = text.str.strip_chars(SPACES)
    return bool(((text == bare) & (text != "")).fill_null(False).all())


def find_repeated_keys(keys: pl.Series) -> RepeatedKeys:
    """Find the values of an id column that are there more than once; raw cells, after duplicate rows are dropped.

    Rows of one key are no mistake by themselves, since a customer may have several: they are told of, and kept.

    >>> find_repeated_keys(pl.Series("id", ["a", "b ", "a", "b", None]))
    RepeatedKeys(column='id', n_keys=2, n_rows=4, examples=('a', 'b'), n_missing=1)
    """
    text = keys.cast(pl.String).str.strip_chars(SPACES).alias("key")
    filled = text.filter(text.is_not_null() & (text != ""))
    n_missing = len(text) - len(filled)
    # Most ids name one row: only those whose hash is there twice are compared.
    again = pl.Series(repeated(filled.hash().to_numpy()))
    counts = filled.filter(again).value_counts(name="n").filter(pl.col("n") > 1)
    counts = counts.sort("n", "key", descending=[True, False])
    examples = tuple(counts["key"].head(3).to_list())
    return RepeatedKeys(keys.name, counts.height, int(counts["n"].sum()), examples, n_missing)
