"""Bounds of shares, areas and correlations that hold for many columns at once."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

# The chance that any of the bounds of one table fails.
FAMILY_ERROR = 0.01


def simultaneous_z(n_tests: int) -> float:
    """Standard deviations that n_tests two-sided intervals need, so that all hold together but for 1 %.

    Source: Bonferroni's inequality.

    >>> round(simultaneous_z(1), 2), round(simultaneous_z(5000), 2)
    (2.58, 4.75)
    """
    return NormalDist().inv_cdf(1.0 - FAMILY_ERROR / (2.0 * max(1, n_tests)))


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Lower and upper bound of a share that was seen in n trials; (0, 1) without any.

    Source: Wilson (1927), JASA 22, 209-212.

    >>> low, high = wilson(1.0, 20, 2.58)
    >>> round(low, 2), high
    (0.75, 1.0)
    """
    if n <= 0:
        return 0.0, 1.0
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    half = z / (1.0 + z * z / n) * math.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def area_bounds(area: float, n_in: int, n_out: int, z: float) -> tuple[float, float]:
    """Bounds of the area under the ROC curve of n_in rows of a class against n_out others.

    The variance of an area A is at most A (1 - A) / min(n_in, n_out): Birnbaum and Klose (1957),
    Annals of Mathematical Statistics 28. So a bound of a share in that many trials is a wide one.
    """
    return wilson(area, min(n_in, n_out), z)


def r2_bounds(r2: float, n: int, z: float) -> tuple[float, float]:
    """Bounds of a squared correlation of n pairs, by Fisher's transformation; (0, 1) for fewer than 10.

    >>> low, high = r2_bounds(0.5, 100, 1.96)
    >>> round(low, 2), round(high, 2)
    (0.35, 0.63)
    """
    if n < 10:
        return 0.0, 1.0
    point = math.atanh(min(math.sqrt(max(r2, 0.0)), 1.0 - 1e-12))
    half = z / math.sqrt(n - 3.0)
    return max(0.0, math.tanh(point - half)) ** 2, math.tanh(point + half) ** 2


def area_of_counts(inside: np.ndarray, outside: np.ndarray) -> float:
    """Area under the ROC curve of scores 0, 1, 2, ... from the rows of the class and the others at each.

    inside, outside: counts, shape (n_scores,). Equal scores count one half.

    >>> area_of_counts(np.array([0, 1, 3]), np.array([3, 1, 0]))
    0.96875
    """
    below = np.cumsum(outside) - outside
    pairs = float(inside.sum()) * float(outside.sum())
    return float((inside * (below + 0.5 * outside)).sum() / pairs) if pairs else 0.5
