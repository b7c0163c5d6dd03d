"""The statistics of a shift between two samples: is it there (p-values), how large (PSI), all columns (Holm).

Works on counts and distribution functions alone, so that summaries can be compared without their rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_EXPECTED = 5.0
"""Levels with fewer expected rows are pooled: the chi-square approximation is off there (Cochran 1954)."""


def kolmogorov_p_value(distance: float, n_reference: int, n_live: int) -> float:
    """Chance that two samples of the same continuous distribution are at least this far apart.

    distance: largest gap between the two distribution functions, in [0, 1]. Asymptotic, with Stephens'
    correction for small samples (1970, JRSS B 32(1)); for values with ties the true chance is smaller still.

    >>> round(kolmogorov_p_value(0.1, 1000, 500), 4)
    0.0023
    """
    if not n_reference or not n_live:
        return 1.0
    root = math.sqrt(n_reference * n_live / (n_reference + n_live))
    x = (root + 0.12 + 0.11 / root) * distance
    if x < 0.3:  # the series is 1 to ten digits there, and converges slowly
        return 1.0
    terms: list[float] = [(-1) ** (j - 1) * math.exp(-2.0 * j * j * x * x) for j in range(1, 101)]
    return min(max(2.0 * sum(terms), 0.0), 1.0)


def chi_square_p_value(reference: ArrayLike, live: ArrayLike) -> float:
    """Chance that two samples of the same distribution over levels differ at least this much.

    reference, live: counts, shape (k,). Pearson's test of homogeneity; levels with fewer than 5 expected rows
    are pooled, the rarest first. Two levels of which one is that rare are compared by Fisher's exact test.

    >>> round(chi_square_p_value([500, 500], [70, 30]), 6)
    0.000135
    """
    counts = np.stack([np.asarray(reference, dtype=np.float64), np.asarray(live, dtype=np.float64)])
    counts = counts[:, counts.sum(axis=0) > 0]
    rows = counts.sum(axis=1)
    if counts.shape[1] < 2 or rows.min() == 0:
        return 1.0
    table = pool_rare(counts)
    if table.shape[1] < 2:  # nothing is frequent enough: the most frequent level against the others
        top = counts[:, np.argmax(counts.sum(axis=0))]
        table = np.stack([rows - top, top], axis=1)
    expected = np.outer(rows, table.sum(axis=0)) / rows.sum()
    if table.shape[1] == 2 and expected.min() < MIN_EXPECTED:
        return fisher_p_value(int(table[1, 0]), int(rows[1]), int(table[:, 0].sum()), int(rows.sum()))
    statistic = float(np.sum((table - expected) ** 2 / expected))
    return chi_square_tail(statistic, table.shape[1] - 1)


def fisher_p_value(marked_live: int, n_live: int, marked: int, n: int) -> float:
    """Fisher's exact test: the chance of a split of the marked rows at most as likely as the one seen.

    marked_live: rows with the mark among n_live live ones.  marked: such rows among all n.

    >>> round(fisher_p_value(10, 100, 10, 1100), 14)
    2.523e-11
    """
    low, high = max(0, n_live - (n - marked)), min(marked, n_live)
    logs = np.array(
        [_log_choose(marked, k) + _log_choose(n - marked, n_live - k) for k in range(low, high + 1)]
    )
    chances = np.exp(logs - _log_choose(n, n_live))
    return min(1.0, float(chances[chances <= chances[marked_live - low] * (1 + 1e-7)].sum()))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def pool_rare(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts of shape (2, k), reference and live, with levels of few expected rows pooled: (2, <= k)."""
    smaller = counts.sum(axis=1).min() / max(counts.sum(), 1.0)
    counts = counts[:, np.argsort(counts.sum(axis=0), kind="stable")]
    expected = counts.sum(axis=0) * smaller
    n_pooled = int(np.sum(expected < MIN_EXPECTED))
    if n_pooled and expected[:n_pooled].sum() < MIN_EXPECTED and counts.shape[1] > 2:
        n_pooled += 1  # the pool itself is too small: one more level joins it
    if n_pooled < 2:
        return counts
    pool = counts[:, :n_pooled].sum(axis=1, keepdims=True)
    return np.concatenate([pool, counts[:, n_pooled:]], axis=1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Chance that a chi-square variable exceeds the statistic; freedom: whole degrees, at least 1.

    The closed form for whole degrees (Abramowitz and Stegun 26.4.4 and 26.4.5), summed in logarithms.

    >>> round(chi_square_tail(3.841459, 1), 6)
    0.05
    """
    if statistic <= 0:
        return 1.0
    half = statistic / 2.0
    odd = freedom % 2
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    for step in range(freedom // 2):
        k = step + 0.5 * odd
        tail += math.exp(k * math.log(half) - half - math.lgamma(k + 1.0))
    return min(tail, 1.0)


def population_stability_index(reference: ArrayLike, live: ArrayLike) -> float:
    """The size of a shift: the sum of (live - reference) * ln(live / reference) over shares of bins.

    reference, live: counts, shape (k,). Half a row is added to every bin: an empty one would be infinite.
    By custom, 0.1 is a shift to look at and 0.25 a large one (Siddiqi 2006, "Credit Risk Scorecards").

    >>> round(population_stability_index([500, 500], [700, 300]), 3)
    0.169
    """
    p, q = np.asarray(reference, dtype=np.float64) + 0.5, np.asarray(live, dtype=np.float64) + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def index_by_chance(bins: int, n_reference: int, n_live: int) -> float:
    """The PSI to expect without any shift: (k - 1) (1/n + 1/m), for it is close to a chi-square statistic.

    Source: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14(4).
    """
    return (bins - 1) * (1.0 / max(n_reference, 1) + 1.0 / max(n_live, 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: alarms at adjusted p < a raise a false one with a chance of at most a.

    Source: Holm (1979), Scandinavian Journal of Statistics 6(2).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
