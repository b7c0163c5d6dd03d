"""How the values of a column make groups: each value its own, or numbers between cuts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tenure.errors import ConfigError
from tenure.model.fairness.rates import Words
from tenure.release.groups import GroupColumn

MOST_VALUES = 10
"""Distinct numbers that are groups of their own; of more, quarters of the training rows are."""
MOST_GROUPS = 50


def plain_cells(cells: pl.Series) -> pl.Series:
    """Cells of a column that is no feature, as they came: numbers where all that is written are, else trimmed text."""
    if cells.dtype != pl.String:
        return cells
    words = cells.str.strip_chars().replace("", None)
    numbers = words.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == words.null_count() else words


def learn_groups(
    name: str, cells: pl.Series, labels: Sequence[str], cuts: Sequence[float], where: str
) -> GroupColumn:
    """How a column makes groups, from its cells in the training rows.

    labels: how (false, true) are written, for booleans.  cuts: given in tenure.yaml, for numbers.
    Raises ConfigError where it makes no groups.
    """
    if cells.dtype.is_temporal():
        raise ConfigError(
            f"{name!r} holds dates, which are no groups",
            where=where,
            todo="make a feature of it (features: age: ...), and group by that",
        )
    if not cells.dtype.is_numeric():
        return _of_words(name, cells, labels, cuts, where)
    if cuts:
        return GroupColumn(name, cuts=tuple(cuts))
    known = cells.drop_nulls()
    if known.n_unique() <= MOST_VALUES:
        return GroupColumn(name)
    quartiles = np.unique(np.quantile(known.to_numpy(), [0.25, 0.5, 0.75], method="inverted_cdf"))
    above = quartiles[quartiles > float(known.min())]  # type: ignore[arg-type]
    return GroupColumn(name, cuts=tuple(float(cut) for cut in above))


def _of_words(
    name: str, cells: pl.Series, labels: Sequence[str], cuts: Sequence[float], where: str
) -> GroupColumn:
    if cuts:
        raise ConfigError(
            f"{name!r} holds no numbers that could be cut",
            where=where,
            todo=f"remove {name} from fairness.bins",
        )
    n = cells.n_unique()
    if n > MOST_GROUPS:
        raise ConfigError(
            f"{name!r} has {n:,} different values, too many to be groups (at most {MOST_GROUPS})",
            where=where,
            todo="name another column, or join its values by a feature (features: region: CASE WHEN ...)",
        )
    return GroupColumn(name, labels=tuple(labels))


def keys_of(column: GroupColumn, cells: pl.Series) -> Words:
    """The group of each cell, shape (n,)."""
    key = column.key if column.raw is None else column.key_of_raw
    known = {value: key(value) for value in cells.unique().to_list()}
    return np.array([known[value] for value in cells.to_list()], dtype=object)
