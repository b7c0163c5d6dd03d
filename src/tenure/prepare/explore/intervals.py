"""95 % intervals of rates, means and measures of association, in closed form."""

from __future__ import annotations

import math

import numpy as np

from tenure.records import Estimate

Z = 1.959963984540054


def rate(hits: float, n: float) -> Estimate:
    """A share with Wilson's score interval. Source: Wilson (1927).

    >>> rate(0, 10)
    Estimate(value=0.0, low=0.0, high=0.2775327998628892)
    """
    p = hits / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Estimate(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def mean(n: int, total: float, squares: float) -> Estimate:
    """A mean with its normal interval, from the sum and the sum of squared deviations from the mean."""
    value = total / n
    half = Z * math.sqrt(squares / (n - 1) / n) if n > 1 else math.inf
    return Estimate(value, value - half, value + half)


def correlation(r: float, n: int, *, ranks: bool) -> Estimate:
    """A correlation with its interval on Fisher's scale.

    ranks: r is Spearman's. Source: Fisher (1921); for ranks Bonett & Wright (2000).
    """
    if n < 4 or not math.isfinite(r):
        return Estimate(r, -1.0, 1.0) if math.isfinite(r) else Estimate(0.0, -1.0, 1.0)
    if abs(r) >= 1.0 - 1e-12:
        return Estimate(r, r, r)
    half = Z * math.sqrt((1 + r * r / 2 if ranks else 1.0) / (n - 3))
    z = math.atanh(r)
    return Estimate(r, math.tanh(z - half), math.tanh(z + half))


def cramers_v(table: np.ndarray) -> Estimate:
    """Bias-corrected Cramér's V of a table of counts, [rows, columns], each row and column sum > 0.

    The interval is that of phi squared: its variance by the delta method, plus that of chance alone, carried to V.
    Source: Bergsma (2013) for the correction; Bishop, Fienberg & Holland (1975) for the variance.
    """
    n = float(table.sum())
    rows, columns = table.shape
    if min(rows, columns) < 2 or n < 2:
        return Estimate(0.0, 0.0, 1.0)
    p = table / n
    by_row, by_column = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    ratio = p / (by_row * by_column)
    phi2 = max(0.0, float((p * ratio).sum() - 1.0))
    # The derivative of phi squared by each share: what one more row there would do to it.
    slope = 2 * ratio - (p * ratio).sum(axis=1, keepdims=True) / by_row
    slope = slope - (p * ratio).sum(axis=0, keepdims=True) / by_column
    variance = max(0.0, float((p * slope**2).sum() - (p * slope).sum() ** 2)) / n
    freedom = (rows - 1) * (columns - 1)
    # A V of 1 is the most that the two numbers of levels allow.
    most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1.0
    return _root(phi2 - freedom / (n - 1), variance + 2 * freedom / n**2, max(most, 1e-12))


def correlation_ratio(values: np.ndarray, codes: np.ndarray, n_levels: int) -> Estimate:
    """The correlation ratio eta of numbers in groups, corrected for what chance alone gives.

    It is a share of the largest that groups of these sizes could have of these numbers: 1 when no two groups overlap.
    values: float [n], finite.  codes: int [n] in 0 .. n_levels - 1.
    The interval is that of eta squared: its variance by its influence function, which needs no normal
    distribution, plus that of chance alone. Source: Kelley (1935); Hampel (1974).
    """
    n = len(values)
    counts = np.bincount(codes, minlength=n_levels).astype(float)
    filled = counts > 0
    k = int(filled.sum())
    centred = values - values.mean() if n else values
    spread = float((centred**2).mean()) if n else 0.0
    if k < 2 or n <= k or spread <= 0.0:
        return Estimate(0.0, 0.0, 1.0)
    means = np.bincount(codes, centred, minlength=n_levels) / np.where(filled, counts, 1.0)
    own = means[codes]
    between = float((own**2).mean())
    eta2 = between / spread
    influence = (own**2 - between + 2 * own * (centred - own) - eta2 * (centred**2 - spread)) / spread
    largest = _between_if_apart(np.sort(centred), counts[np.argsort(means, kind="stable")]) / spread
    # What chance alone gives to unrelated groups; it fades as the groups come apart.
    corrected = eta2 - (k - 1) / (n - 1) * (1.0 - eta2 / largest)
    return _root(corrected, float((influence**2).mean()) / n + 2 * (k - 1) / n**2, largest)


def _between_if_apart(ordered: np.ndarray, counts: np.ndarray) -> float:
    """The variance between groups of these sizes, in this order, if they took the numbers from the lowest up."""
    ends = np.cumsum(counts[counts > 0]).astype(np.int64)
    sums = np.diff(np.concatenate(([0.0], np.cumsum(ordered)))[ends], prepend=0.0)
    sizes = np.diff(ends, prepend=0)
    return float((sums**2 / sizes).sum() / len(ordered))


def _root(square: float, variance: float, most: float) -> Estimate:
    """The interval of a square, carried to its root, as a share of the root of `most`."""
    half = Z * math.sqrt(variance)
    low, value, high = (
        math.sqrt(min(1.0, max(0.0, x / most))) for x in (square - half, square, square + half)
    )
    return Estimate(value, low, high)
