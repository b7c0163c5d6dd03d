"""Spellings of a category that may mean one level: other punctuation, other accents, slips of the pen.

Letter case and spaces are no matter for a person: the recipe joins them by itself. What is found here is proposed with
its evidence, written into tenure.yaml under data.levels, and applied only where it stands there.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.expressions import folded, squeezed, text_of
from tenure.prepare.recipe import ColumnRecipe
from tenure.prepare.tokens import fold

How = Literal["punctuation", "accents", "typo"]

# Comparing levels two by two is for columns that a person could read through.
_MOST_LEVELS = 2000
# A slip is rare beside the level that was meant.
_TIMES_RARER, _FEWEST_MEANT = 20, 20
# Letters that a word needs for one slip, and for two, to be likelier than another word.
_LETTERS = {1: 6, 2: 10}
# A spelling whose target differs more than this many standard errors from its level's is another level.
_SIGMAS = 3.0
# Marks that are left out or exchanged; others ("+", "<", "#") tell levels apart.
_MARKS = re.compile(r"[\s.,'’`\-‐‑–_/&]+")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One spelling that may stand for a level of the same column.

    n_spelling, n_level: cells.  distance: letters inserted, left out, changed or swapped; 0 but for typos.
    sigmas: how many standard errors the mean targets lie apart; None where that cannot be told.
    """

    column: str
    spelling: str
    level: str
    how: How
    n_spelling: int
    n_level: int
    distance: int = 0
    sigmas: float | None = None

    @property
    def is_safe(self) -> bool:
        """Whether it can be applied before a person has looked: the letters are the same, and so is the target."""
        return self.how != "typo" and (self.sigmas is None or self.sigmas <= _SIGMAS)

    @property
    def evidence(self) -> str:
        """The reasons, as a comment says them."""
        what = f"{self.distance} letter(s) differ" if self.how == "typo" else f"only {self.how} differ"
        told = f"{self.n_spelling} cell(s) beside {self.n_level}, {what}"
        if self.sigmas is None:
            return told
        return f"{told}, the target's means lie {self.sigmas:.1f} standard errors apart"


@dataclass(frozen=True, slots=True)
class _Level:
    text: str
    n: int
    total: float
    squares: float


def propose_spellings(
    column: ColumnRecipe, cells: pl.Series, y: npt.NDArray[np.float64] | None = None
) -> list[Proposal]:
    """Spellings of a category that may mean a more frequent level, the most frequent first.

    cells: raw training cells [n].  y: the target as a number [n], NaN where it is missing; None when it has none.
    Levels in which letter case matters are codes, and left alone.
    """
    if column.kind != "category" or column.case_sensitive:
        return []
    levels = _levels(column, cells, y)
    if not 2 <= len(levels) <= _MOST_LEVELS:
        return []
    found = _same_letters(column.name, levels)
    taken = {proposal.spelling for proposal in found}
    rest = [level for level in levels if level.text not in taken]
    return [*found, *_slips(column.name, rest)]


def letters_of(text: str) -> str:
    """The text without accents, marks, spaces and letter case.

    >>> letters_of("Café-Crème"), letters_of("N.Y."), letters_of("A+")
    ('cafecreme', 'ny', 'a+')
    """
    return _MARKS.sub("", _without_accents(text)).casefold()


def distance(a: str, b: str, most: int) -> int:
    """Letters inserted, left out, changed, or swapped with their neighbour, between two words; most + 1 if more.

    Source: Damerau (1964), in the restricted form, optimal string alignment.

    >>> distance("surburban", "suburban", 2), distance("subrubs", "suburbs", 2), distance("north", "south", 1)
    (1, 1, 2)
    """
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _levels(column: ColumnRecipe, cells: pl.Series, y: npt.NDArray[np.float64] | None) -> list[_Level]:
    """The levels of all cells, letter case and spaces set aside, the most frequent first."""
    text = text_of(column.name, cells.dtype)
    known = np.full(len(cells), np.nan) if y is None else y
    table = (
        cells.alias(column.name)
        .to_frame()
        .lazy()
        .select(key=folded(text), exact=squeezed(text), y=pl.Series(known).fill_nan(None))
        .filter(pl.col("key").is_not_null() & ~pl.col("key").is_in(list(column.null_tokens)))
        .group_by("key")
        .agg(
            pl.col("exact").mode().sort().first(),
            n=pl.len(),
            total=pl.col("y").sum(),
            squares=(pl.col("y") ** 2).sum(),
        )
        .sort("n", "exact", descending=[True, False])
        .collect()
    )
    aliases = column.aliases
    rows = table.filter(~pl.col("key").is_in(list(aliases))).iter_rows(named=True)
    return [_Level(row["exact"], row["n"], row["total"], row["squares"]) for row in rows]


def _same_letters(name: str, levels: list[_Level]) -> list[Proposal]:
    """Spellings that differ from a more frequent one in marks or accents only."""
    found, meant = [], dict[tuple[str, tuple[str, ...]], _Level]()
    for level in levels:
        letters = letters_of(level.text)
        # "1.5" and "15" are two numbers, and "A-" and "A" two grades.
        key = (letters, tuple(re.findall("[0-9]+", level.text)))
        if sum(letter.isalpha() for letter in letters) < 2:
            continue
        first = meant.setdefault(key, level)
        if first is not level:
            plain = fold(_without_accents(level.text)) == fold(_without_accents(first.text))
            how: How = "accents" if plain else "punctuation"
            found.append(_proposal(name, level, first, how, 0))
    return found


def _slips(name: str, levels: list[_Level]) -> list[Proposal]:
    """Rare spellings that are one or two letters off a frequent one."""
    found = []
    frequent: dict[str, list[tuple[str, _Level]]] = {}
    for level in levels:
        word = letters_of(level.text)
        if len(word) < min(_LETTERS.values()) or any(letter.isdigit() for letter in word):
            continue
        # Slips are rare in the first letter, and other words common: north and south, male and female.
        near = frequent.setdefault(word[0], [])
        meant = []
        for known, other in near:
            most = _slips_of(min(len(word), len(known)))
            if other.n >= max(_FEWEST_MEANT, _TIMES_RARER * level.n):
                far = distance(word, known, most)
                meant += [(far, other)] if far <= most else []
        if meant:
            far, other = min(meant, key=lambda pair: (pair[0], -pair[1].n))
            proposal = _proposal(name, level, other, "typo", far)
            if proposal.sigmas is None or proposal.sigmas <= _SIGMAS:
                found.append(proposal)
        near.append((word, level))
    return found


def _slips_of(n_letters: int) -> int:
    return max((slips for slips, least in _LETTERS.items() if n_letters >= least), default=0)


def _proposal(name: str, level: _Level, meant: _Level, how: How, far: int) -> Proposal:
    return Proposal(name, level.text, meant.text, how, level.n, meant.n, far, _sigmas(level, meant))


def _sigmas(level: _Level, meant: _Level) -> float | None:
    """How many standard errors the mean targets lie apart, by the spread of both together; None of too few cells."""
    n = level.n + meant.n
    mean = (level.total + meant.total) / n
    variance = (level.squares + meant.squares) / n - mean**2
    if level.n < 5 or variance <= 0.0:
        return None
    error = math.sqrt(variance * (1 / level.n + 1 / meant.n))
    return abs(level.total / level.n - meant.total / meant.n) / error


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
