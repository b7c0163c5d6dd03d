"""Which rows speak of one entity: a customer, a household, near-duplicates of one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.errors import ExtraMissing

Numbers = npt.NDArray[np.int64]
Groups = Sequence[object] | np.ndarray | pl.Series


def number_groups(group: Groups) -> Numbers:
    """Groups numbered from 0 in the order of their first row, int64 [n]; a missing group is one of its own.

    Values are told apart by their 64-bit hashes: among 3 million groups the chance that any two are taken for
    one is 2e-7, and then they would only stay together.

    >>> number_groups(["b", "a", None, "b", None]).tolist()
    [0, 1, 2, 0, 3]
    """
    series = group if isinstance(group, pl.Series) else pl.Series(values=group)
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if series.dtype == pl.Object:
        series = pl.Series(values=[None if value is None else repr(value) for value in group])
    row = pl.col("row")
    frame = pl.DataFrame({"hash": series.hash(), "missing": series.is_null()}).with_row_index("row")
    first = pl.when("missing").then(row).otherwise(row.first().over("hash")).cast(pl.Int64)
    return _numbered(frame.select(first).to_series().to_numpy())


def join_groups(one: Numbers, other: Numbers) -> Numbers:
    """The finest grouping in which rows that are together in one or in the other are together, int64 [n].

    one, other: group numbers, int64 [n], each from 0. Chains count: a with b in one, b with c in the other.
    Raises ExtraMissing without SciPy.

    >>> join_groups(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
    [0, 0, 0, 1]
    """
    try:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components
    except ImportError:
        raise ExtraMissing("scipy", "train") from None
    n_one, n_other = int(one.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1
    # A graph of groups, not of rows: each row is an edge between its two groups.
    edges = coo_array(
        (np.ones(len(one), dtype=np.int8), (one, other + n_one)), shape=(n_one + n_other, n_one + n_other)
    )
    part = connected_components(edges, directed=False)[1].astype(np.int64)
    return _in_order(part[one])


def _in_order(numbers: Numbers) -> Numbers:
    """Whole numbers >= 0, renumbered from 0 in the order of their first row."""
    first = np.full(int(numbers.max(initial=-1)) + 1, len(numbers), dtype=np.int64)
    np.minimum.at(first, numbers, np.arange(len(numbers)))
    return _numbered(first[numbers])


def _numbered(first: Numbers) -> Numbers:
    """Groups numbered from 0, where each row tells the first row of its group."""
    number = np.cumsum(first == np.arange(len(first))) - 1
    found: Numbers = number[first]
    return found
