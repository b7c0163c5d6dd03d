"""Propose features as SQL, from kinds, names and what training rows hold; model.judge tells which are worth keeping.

ratios        of related amounts: names that share a word, ranks that go together, or both strong alone
sums          of three to twelve amounts whose names differ in one word: day, evening and night charge
ages          days between two dates
date parts    those that encodings lack: month, day, weekday and hour of a date are there already, see model.encode
missing       how many cells of a row are empty
interactions  of strong pairs: the product of two numbers, two words side by side

A proposal reads nothing but inputs of the recipe: it asks of a client no column that the model did without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from tenure.model.candidates.base import Float64
from tenure.prepare.evidence import words_of
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe

MOST = {"ratio": 18, "sum": 4, "age": 5, "part": 5, "missing": 1, "interaction": 7}
"""Proposals of a kind at most; forty in all."""
SAMPLE = 5_000
"""Rows that names and numbers are compared on."""
LIKE_AMOUNTS = 10
"""Different values from which on a number counts as an amount."""
RELATED = 0.5
"""Rank correlation from which on two amounts are related."""
THE_SAME = 0.999
"""Rank correlation from which on one of two amounts is as good as the other."""
STRONG_COLUMNS = 6
AMOUNTS = 60
"""So many of the strongest amounts are paired."""
FEW_LEVELS = 12
MOST_TERMS = 12
"""Amounts that a sum has at most, as a year has months: names such as V1 to V300 count columns and say nothing."""
MOST_GAPS = 100
"""Columns that empty cells are counted over at most: the service would read them all for one number."""
_BINS = 16
_DATE_PARTS = ("DOY", "YEAR", "MINUTE", "WEEK")
_PART_NAMES = {"DOY": "day_of_year", "YEAR": "year", "MINUTE": "minute", "WEEK": "week"}


@dataclass(frozen=True)
class _Amount:
    """A numeric column on the sample. values: with NaN.  ranks: see _ranks.  strength: see strength_of."""

    name: str
    values: Float64
    ranks: Float64
    strength: float

    @property
    def zeros(self) -> float:
        return float(np.mean(self.values == 0.0))

    @property
    def never_negative(self) -> bool:
        return bool(np.nanmin(self.values) >= 0.0)


def propose(recipe: Recipe, features: pl.DataFrame, y: Float64, taken: Sequence[str] = ()) -> dict[str, str]:
    """Return name -> SQL of features that may be worth something, at most forty, the likeliest of a kind first.

    features: the recipe's clean training rows, in no order that depends on the target.  y: shape (n,).
    taken: names that a feature must not have.
    """
    step = max(1, len(y) // SAMPLE)
    table, outcome = features.gather_every(step), y[::step]
    outcomes = outcomes_of(recipe.target, outcome)
    strength = {
        column.name: strength_of(codes_of(table[column.name]), outcomes) for column in recipe.own_features
    }
    amounts = _amounts(recipe, table, strength)
    kinds: dict[str, Iterator[tuple[str, str]]] = {
        "ratio": _ratios(amounts),
        "sum": _sums(recipe, strength),
        "age": _ages(recipe, table),
        "part": _date_parts(recipe),
        "missing": _missing(recipe),
        "interaction": _interactions(recipe, amounts, strength),
    }
    found: dict[str, str] = {}
    unusable = {*taken, *(column.name for column in (*recipe.columns, *recipe.helpers)), *recipe.ignored}
    unusable |= {derived.column.name for derived in recipe.derived}
    for kind, proposals in kinds.items():
        fresh = ((name, sql) for name, sql in proposals if name not in unusable and name not in found)
        found |= dict(pair for pair, _ in zip(fresh, range(MOST[kind]), strict=False))
    return found


def codes_of(values: pl.Series) -> np.ndarray:
    """A small whole number for each cell, shape (n,): its level, or its sixteenth of the rows; 0 where it is missing.

    >>> codes_of(pl.Series([None, "a", "b", "a"])).tolist()
    [0, 1, 2, 1]
    """
    if values.dtype == pl.String:
        return values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    numbers = values.cast(pl.Float64)
    if numbers.n_unique() <= _BINS:
        return numbers.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    known = numbers.drop_nulls().to_numpy()
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, numbers.fill_null(0.0).to_numpy(), side="right") + 1
    return np.where(numbers.is_null().to_numpy(), 0, codes)


def outcomes_of(target: TargetRecipe, y: Float64) -> Float64:
    """What is explained, shape (n, k): the number, or an indicator of each class."""
    if not target.classes:
        return y[:, None]
    return np.asarray(y[:, None] == np.arange(len(target.classes)), dtype=np.float64)


def strength_of(codes: np.ndarray, outcomes: Float64) -> float:
    """The share of the outcomes' variance that the groups of equal codes explain, less what chance explains.

    outcomes: see outcomes_of.
    """
    counts = np.bincount(codes)
    used = counts > 0
    centred = outcomes - outcomes.mean(axis=0)
    total = float(np.sum(centred**2))
    if total == 0.0:
        return 0.0
    sums = np.stack([np.bincount(codes, weights=column) for column in centred.T])
    between = float(np.sum(sums[:, used] ** 2 / counts[used]))
    return between / total - (int(used.sum()) - 1) / len(codes)


def _ratios(amounts: Sequence[_Amount]) -> Iterator[tuple[str, str]]:
    """The strongest pair first. amounts: the strongest first."""
    pairs = combinations(range(len(amounts)), 2)
    for i, j in sorted(pairs, key=lambda pair: -amounts[pair[0]].strength - amounts[pair[1]].strength):
        a, b = amounts[i], amounts[j]
        together = j < STRONG_COLUMNS or _share_a_word(a.name, b.name) or _correlation(a, b) >= RELATED
        if not together:
            continue
        above, below = (a, b) if _divides_better(b, a) else (b, a)
        if below.never_negative:
            yield (
                f"ratio_{_word(above.name)}_{_word(below.name)}",
                f"{_quoted(above.name)} / NULLIF({_quoted(below.name)}, 0)",
            )


def _amounts(recipe: Recipe, table: pl.DataFrame, strength: Mapping[str, float]) -> list[_Amount]:
    """The strongest numeric columns, the strongest first; of two that go together without a fault the stronger."""
    found: list[_Amount] = []
    for column in recipe.own_features:
        values = table[column.name]
        if column.kind in ("number", "integer") and values.drop_nulls().n_unique() >= LIKE_AMOUNTS:
            numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            found.append(_Amount(column.name, numbers, _ranks(values), strength[column.name]))
    found = sorted(found, key=lambda amount: -amount.strength)[:AMOUNTS]
    return [a for i, a in enumerate(found) if all(_correlation(a, b) < THE_SAME for b in found[:i])]


def _correlation(a: _Amount, b: _Amount) -> float:
    """How closely two amounts go together, in either direction, 0 to 1: Spearman's, the middle for missing cells."""
    return abs(float(np.mean(a.ranks * b.ranks)))


def _divides_better(b: _Amount, a: _Amount) -> bool:
    """Whether a / b is the better of the two ratios: never by a negative, seldom by zero, by the smaller one."""

    def order(x: _Amount) -> tuple[bool, float, float]:
        return not x.never_negative, round(x.zeros, 2), float(np.nanmean(x.values))

    return order(b) <= order(a)


def _ranks(values: pl.Series) -> Float64:
    """Ranks with mean 0 and variance 1; 0 for missing cells."""
    ranks = values.rank()
    filled = ranks.fill_null(ranks.mean()).to_numpy()
    return np.asarray((filled - filled.mean()) / filled.std())


def _share_a_word(a: str, b: str) -> bool:
    words = [{word for word in words_of(name) if len(word) > 2 and not word.isdigit()} for name in (a, b)]
    return bool(words[0] & words[1])


def _sums(recipe: Recipe, strength: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """The strongest first, by the mean of what is summed."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for column in recipe.own_features:
        words = words_of(column.name) if column.kind in ("number", "integer") else []
        for i in range(len(words)):
            alike.setdefault((*words[:i], "*", *words[i + 1 :]), []).append(column.name)
    groups = {
        words: names for words, names in alike.items() if len(words) > 1 and 2 < len(names) <= MOST_TERMS
    }
    for shared in sorted(groups, key=lambda shared: -np.mean([strength[name] for name in groups[shared]])):
        name = "_".join(word for word in shared if word != "*")
        yield f"sum_{name}", " + ".join(map(_quoted, groups[shared]))


def _ages(recipe: Recipe, table: pl.DataFrame) -> Iterator[tuple[str, str]]:
    dates = [column.name for column in recipe.own_features if column.kind == "date"]
    moments = {name: table[name].cast(pl.Float64).median() for name in dates}
    for first, last in combinations(sorted(dates, key=lambda name: moments[name] or 0.0), 2):
        yield (
            f"days_{_word(first)}_to_{_word(last)}",
            f"DATE_DIFF('day', {_quoted(first)}, {_quoted(last)})",
        )


def _date_parts(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for part in _DATE_PARTS:
        for column in recipe.own_features:
            if column.kind == "date":
                name = f"{_PART_NAMES[part]}_of_{_word(column.name)}"
                yield name, f"EXTRACT({part} FROM {_quoted(column.name)})"


def _missing(recipe: Recipe) -> Iterator[tuple[str, str]]:
    gaps = [column.name for column in recipe.own_features if column.nullable]
    if 1 < len(gaps) <= MOST_GAPS:
        yield "n_missing", " + ".join(f"({_quoted(name)} IS NULL)" for name in gaps)


def _interactions(
    recipe: Recipe, amounts: Sequence[_Amount], strength: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """Pairs of the strongest columns, the strongest pair first."""
    numbers = [amount.name for amount in amounts[:STRONG_COLUMNS]]
    words = sorted((c.name for c in recipe.own_features if _is_word(c)), key=lambda name: -strength[name])
    pairs = [*combinations(numbers, 2), *combinations(words[:STRONG_COLUMNS], 2)]
    for a, b in sorted(pairs, key=lambda pair: -strength[pair[0]] - strength[pair[1]]):
        if a in numbers:
            yield f"{_word(a)}_times_{_word(b)}", f"{_quoted(a)} * {_quoted(b)}"
        else:
            name = f"{_word(a)}_and_{_word(b)}"
            yield name, f"CAST({_quoted(a)} AS VARCHAR) || ' ' || CAST({_quoted(b)} AS VARCHAR)"


def _is_word(column: ColumnRecipe) -> bool:
    return column.kind == "boolean" or (column.kind == "category" and len(column.levels) <= FEW_LEVELS)


def _word(name: str) -> str:
    """A column's name as part of another name.

    >>> _word("total day minutes")
    'total_day_minutes'
    """
    return re.sub(r"\W+", "_", name).strip("_")[:40]


def _quoted(name: str) -> str:
    """A column's name in SQL.

    >>> _quoted('the "old" price')
    '"the ""old"" price"'
    """
    return '"' + name.replace('"', '""') + '"'
