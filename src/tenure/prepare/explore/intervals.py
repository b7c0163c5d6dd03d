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

    The interval is that of phi squared: its variance by the delta method, and that of chance alone, carried to V.
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
    per_square = variance / phi2 if phi2 > 0.0 else 0.0
    return _root(phi2 - freedom / (n - 1), per_square, 2 * freedom / n**2, max(most, 1e-12))


def rank_ratio(ranks: np.ndarray, codes: np.ndarray, n_levels: int) -> Estimate:
    """The correlation ratio of ranks in groups, as a share of the largest that groups of these sizes allow.

    1 when no two groups overlap; of two groups it is abs(2 AUC - 1). What chance alone gives is taken off.
    ranks: float [n], 1 to n, equal values at their mean rank.  codes: int [n] in 0 .. n_levels - 1.
    The interval is that of the square: its variance by its influence function at fixed ranks, which errs to the
    safe side, and that of chance alone. Source: Kelley (1935); Kruskal & Wallis (1952); Hampel (1974).
    """
    n = len(ranks)
    counts = np.bincount(codes, minlength=n_levels).astype(float)
    k = int((counts > 0).sum())
    centred = ranks - (n + 1) / 2
    spread = float((centred**2).mean()) if n else 0.0
    if k < 2 or n <= k or spread <= 0.0:
        return Estimate(0.0, 0.0, 1.0)
    means = np.bincount(codes, centred, minlength=n_levels) / np.maximum(counts, 1.0)
    own = means[codes]
    between = float((own**2).mean())
    largest = _between_if_apart(counts[np.argsort(means, kind="stable")])
    influence = own**2 - between + 2 * own * (centred - own)
    # What unrelated groups have by chance; it fades as the groups come apart.
    chance = (k - 1) / (n - 1) * spread * (1.0 - between / largest)
    per_square = float((influence**2).mean()) / n / between if between > 0.0 else 0.0
    return _root(between - chance, per_square, 2 * (k - 1) * (spread / n) ** 2, largest)


def _between_if_apart(counts: np.ndarray) -> float:
    """The variance between groups of these sizes if they took the ranks in turn, from the lowest up."""
    n = counts.sum()
    middles = np.cumsum(counts) - counts / 2 - n / 2
    return float((counts * middles**2).sum() / n)


def _root(square: float, per_square: float, chance: float, most: float) -> Estimate:
    """The interval of a square, as a share of `most`, carried to its root.

    The squares that the found one is within 1.96 standard errors of, where the variance of a square t is
    per_square * t + chance: solved for t, as Wilson's interval is.
    """
    shift = Z * Z * per_square / 2
    half = Z * math.sqrt(max(0.0, per_square * square) + shift**2 / Z**2 + chance)
    ends = (square + shift - half, square, square + shift + half)
    low, value, high = (math.sqrt(min(1.0, max(0.0, end / most))) for end in ends)
    return Estimate(value, min(low, value), max(high, value))
