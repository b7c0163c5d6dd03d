"""Weights of rows by group and outcome, for fits only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenure.model.fairness.rates import Floats, Words

Weights = Mapping[tuple[str, int], float]
"""(group, class index) -> what a row's weight is multiplied by in fits; a pair that is not named: 1."""


def reweighing(groups: Words, y: Floats, shares: Floats, least: int = 1) -> dict[tuple[str, int], float]:
    """P(group) P(class) / P(group, class) for each pair that occurs: with these weights the two are independent.

    groups, y: shape (n,).  shares: shape (n,), what the rows count.  least: a group of fewer rows is left as it is.
    Source: Kamiran and Calders (2012), "Data preprocessing techniques for classification without discrimination",
    Knowledge and Information Systems 33, algorithm 3.

    >>> groups = np.array(["a", "a", "b", "b"], dtype=object)
    >>> reweighing(groups, np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4))[("b", 1)]
    1.5
    """
    names, place = np.unique(groups.astype(str), return_inverse=True)
    labels, at = np.unique(y.astype(np.int64), return_inverse=True)
    held = np.zeros((len(names), len(labels)))
    np.add.at(held, (place, at), shares)
    rows = np.bincount(place, minlength=len(names))
    total = held.sum()
    expected = held.sum(axis=1, keepdims=True) * held.sum(axis=0, keepdims=True) / total
    return {
        (str(name), int(label)): float(expected[i, j] / held[i, j])
        for i, name in enumerate(names)
        for j, label in enumerate(labels)
        if held[i, j] > 0 and rows[i] >= least
    }


def tilt_of(weights: Weights, groups: Words, y: Floats) -> Floats:
    """What each row's weight is multiplied by, shape (n,)."""
    pairs = zip(groups.tolist(), y.astype(np.int64).tolist(), strict=True)
    return np.array([weights.get(pair, 1.0) for pair in pairs], dtype=np.float64)
