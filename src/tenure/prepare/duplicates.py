"""Exact duplicate rows: recorded twice by mistake, or equal by chance?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.evidence import expected_repeats, looks_like_identifier
from tenure.prepare.row_hashes import RowHashes

# Chance is ruled out when this many times more rows repeat than it explains.
_FAR_ABOVE = 10.0
_SAMPLE = 50_000
_FEWEST_IN_HALF = 2
WHOLE, NAME, HALVES = "__whole", "__name", ("__first", "__second")


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Exact duplicates of a table.

    n_repeats: rows that equal an earlier row.  expected: pairs of equal rows that chance explains.
    are_mistakes: whether they should be dropped.  why: the evidence, in words.
    keep: bool [n], True for rows to keep; all True unless are_mistakes.
    """

    n_repeats: int
    expected: float
    are_mistakes: bool
    why: str
    keep: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Halves:
    """A table's columns in two halves that each tell rows apart, and the column that names a row by itself.

    columns: name of a hash -> the columns that it is of.
    """

    columns: dict[str, list[str]]

    @property
    def tell_halves(self) -> bool:
        """Whether each half has columns enough to say something."""
        return all(len(self.columns.get(name, ())) >= _FEWEST_IN_HALF for name in HALVES)

    def hashes(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A 64-bit hash of each part of each row, and of the whole row.

        That rows which differ agree in a hash has a chance of 5e-20 for each two of them: 3e-6 for any two of ten
        million.
        """
        parts = pl.DataFrame(
            {name: frame.select(columns).hash_rows() for name, columns in self.columns.items()}
        )
        return parts.with_columns(parts.hash_rows().alias(WHOLE))


def halve(frame: pl.DataFrame, id: str | None = None) -> Halves:
    """Deal the columns to two halves by turns, those with most values first. frame: some rows to tell by."""
    others = [name for name in frame.columns if name != id]
    dealt = sorted(others, key=lambda name: -frame[name].n_unique())
    parts = [[id] if id in frame.columns else [], dealt[::2], dealt[1::2]]
    return Halves({name: part for name, part in zip((NAME, *HALVES), parts, strict=True) if part})


def find_duplicates(hashes: RowHashes, sample: pl.DataFrame, id: str | None = None) -> Duplicates:
    """Find the rows that equal an earlier row in every column, and decide whether they are mistakes.

    hashes: with the one of whole rows (see Halves).
    sample: raw rows, or all of them, that tell how often two cells are equal.
    They are mistakes when an identifier repeats with them, or when they are far more than independent columns
    would give by chance: pairs of rows times the product over columns of the probability that two cells are equal.
    """
    repeats = hashes.repeats(WHOLE)
    n_repeats = len(repeats)
    everything = np.ones(hashes.n_rows, dtype=bool)
    if not n_repeats:
        return Duplicates(0, 0.0, False, "no row equals another", everything)
    first = everything.copy()
    first[repeats] = False
    named = id if id in sample.columns else _identifier(sample)
    if named is not None:
        return Duplicates(n_repeats, 0.0, True, f"they repeat {named!r}, which names a row", first)
    equal = math.prod(share_of_equal_pairs(sample[name]) for name in sample.columns)
    expected = expected_repeats(hashes.n_rows, 1.0 / equal) if equal else 0.0
    are_mistakes = n_repeats > _FAR_ABOVE * max(expected, 0.1)
    why = f"{n_repeats} repeated rows, where chance would give about {expected:.2g}"
    return Duplicates(n_repeats, expected, are_mistakes, why, first if are_mistakes else everything)


def _identifier(frame: pl.DataFrame) -> str | None:
    """A column that is named like an identifier and is nearly always different."""
    for name in frame.columns:
        if looks_like_identifier(name) and frame[name].n_unique() > 0.9 * frame.height:
            return name
    return None


def share_of_equal_pairs(series: pl.Series) -> float:
    """The probability that two rows have equal cells, from a sample; never 0, so that rare stays possible."""
    sample = series.gather_every(max(1, len(series) // _SAMPLE))
    n = len(sample)
    counts = sample.value_counts(name="__n")["__n"].to_numpy().astype(np.float64)
    pairs = max(1.0, n * (n - 1) / 2.0)
    return float(max((counts * (counts - 1)).sum() / 2.0, 1.0) / pairs)
