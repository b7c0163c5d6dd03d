"""Weights of several models in one: a mean of margins that lowers the loss on rows none of them has seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, softmax

from tenure.records import Task

Float64 = npt.NDArray[np.float64]

SMALLEST_WEIGHT = 0.05
"""A member with less is left out: it costs every prediction and brings little."""


def learn_weights(
    task: Task, margins: Sequence[Float64], y: Float64, shares: Float64 | float = 1.0
) -> Float64:
    """Return weights >= 0 that sum to 1, shape (n_members,), of the lowest mean loss.

    margins: for each member out-of-fold margins, shape (n, n_outputs).  The loss is log loss
    (classes) or squared error, each row's times its share (of mean 1).  It is convex in the weights, so
    there is one answer.

    >>> y = np.array([0.0, 1.0, 0.0, 1.0])
    >>> good, useless = (2 * y - 1).reshape(-1, 1), np.array([[1.0], [1.0], [-1.0], [-1.0]])
    >>> learn_weights("binary", [good, useless], y).tolist()
    [1.0, 0.0]
    """
    members = list(range(len(margins)))
    while True:
        weights = _solve(task, np.stack([margins[i] for i in members]), y, shares)
        small = int(np.argmin(weights))
        if weights[small] >= SMALLEST_WEIGHT or len(members) == 1:
            break
        members.pop(small)
    result = np.zeros(len(margins))
    # Rounded, so that the last bits of a solver are no part of a model.
    result[members] = np.round(weights, 4)
    return np.asarray(result / result.sum())


def blended(margins: Sequence[Float64], weights: Float64) -> Float64:
    """The weighted sum of members' margins, shape (n, n_outputs)."""
    return np.asarray(np.tensordot(weights, np.stack(margins), axes=1))


def _solve(task: Task, margins: Float64, y: Float64, shares: Float64 | float) -> Float64:
    """Minimise over the simplex. margins: shape (n_members, n, n_outputs)."""
    count = len(margins)
    if count == 1:
        return np.ones(1)
    found = minimize(
        lambda w: _loss(task, w, margins, y, shares),
        np.full(count, 1.0 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(count)},
        options={"ftol": 1e-9, "maxiter": 200},
    )
    weights = np.clip(found.x, 0.0, None)
    return np.asarray(weights / weights.sum())


def _loss(
    task: Task, w: Float64, margins: Float64, y: Float64, shares: Float64 | float
) -> tuple[float, Float64]:
    z = np.tensordot(w, margins, axes=1)
    n = len(y)
    if task == "regression":
        scale = max(float(np.var(y)), 1e-300)
        error = shares * (z[:, 0] - y) / scale
        return float(np.mean(shares * (z[:, 0] - y) ** 2) / scale), 2.0 * (margins[:, :, 0] @ error) / n
    if task == "binary":
        m = z[:, 0]
        value = float(np.mean(shares * (np.logaddexp(0.0, m) - y * m)))
        return value, (margins[:, :, 0] @ (shares * (expit(m) - y))) / n
    labels, rows = y.astype(np.int64), np.arange(n)
    p = softmax(z, axis=1)
    value = float(-np.mean(shares * np.log(np.clip(p[rows, labels], 1e-300, None))))
    p[rows, labels] -= 1.0
    p *= np.broadcast_to(shares, n)[:, None]
    return value, np.tensordot(margins, p, axes=2) / n
