"""How much of one column the other columns give back, each adding its part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenure.prepare.leakage.table import Column

_ROWS = 4000
COLUMNS_USED = 40
_N_BINS = 10
RIDGE = 1.0


def share_given_back(wanted: np.ndarray, others: Sequence[Column]) -> float:
    """R², on held-out rows, of a sum of one step function a column; 0 when it is no better than the mean.

    wanted: float [n], no NaN.  others: columns of the same rows; the first 40 are used.
    A logistic or naive Bayes model's output is such a sum of its inputs, boosted trees' nearly so.
    """
    rows = sampled_rows(len(wanted))
    blocks = [steps(column, rows) for column in others[:COLUMNS_USED]]
    if not blocks or len(rows) < 100:
        return 0.0
    design = np.hstack(blocks)
    y = wanted[rows] - wanted[rows].mean()
    half = len(rows) // 2
    train, held = slice(0, half), slice(half, None)
    gram = design[train].T @ design[train] + RIDGE * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, design[train].T @ y[train])
    left = y[held] - design[held] @ weights
    total = float((y[held] ** 2).sum())
    return max(0.0, 1.0 - float((left**2).sum()) / total) if total > 0 else 0.0


def sampled_rows(n: int) -> np.ndarray:
    """Which rows are looked at, in a fixed random order: the first half to learn from, the second to judge by."""
    return np.random.RandomState(2).permutation(n)[:_ROWS]


def steps(column: Column, rows: np.ndarray) -> np.ndarray:
    """One column of zeros and ones for each bin or frequent level; for numbers their scaled ranks as well."""
    codes = column.codes[rows]
    if column.numbers is not None:
        place = codes / max(1, column.n_codes - 1)
        codes = np.minimum((place * _N_BINS).astype(np.int64), _N_BINS - 1)
        extra = [place - place.mean()]
    else:
        frequent = np.argsort(-np.bincount(codes, minlength=column.n_codes), kind="stable")[:_N_BINS]
        numbered = np.full(column.n_codes, _N_BINS)
        numbered[frequent] = np.arange(len(frequent))
        codes, extra = numbered[codes], []
    return np.column_stack([*((codes == k).astype(np.float64) for k in range(_N_BINS)), *extra])
