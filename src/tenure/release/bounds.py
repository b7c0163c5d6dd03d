"""The 95 % interval of one value: of a share, a mean, a value in 0..1, R2. What each goes by stands with it.

Needs numpy alone. Weighted rows count as many as equal weights would need for the same precision, the effective
sample size of Kish (1965), "Survey Sampling".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenure.records import Estimate
from tenure.release.influence import Floats, Influence, of_mean, standard_error

Z95 = 1.959963984540054
"""The standard normal's quantile at 0.975."""
NO_ERROR = 1.0 - 1e-12
"""From here on a value in 0..1 is 1 but for the rounding of its sums."""


def effective_rows(w: Floats) -> float:
    """How many equally weighted rows are as good as these: Kish's (sum w)^2 / sum w^2.

    >>> effective_rows(np.array([1.0, 1.0, 1.0])), effective_rows(np.array([3.0, 1.0]))
    (3.0, 1.6)
    """
    return float(np.sum(w) ** 2 / np.sum(w * w))


def share_of(hits: NDArray[np.bool_]) -> Estimate:
    """The share of rows, with Wilson's interval."""
    return share(hits, np.ones(len(hits), dtype=bool), np.ones(len(hits)))


def share(hits: NDArray[np.bool_], among: NDArray[np.bool_], w: Floats) -> Estimate:
    """The share of hits, by weight, among some rows; 0 with the whole range where there are none."""
    if not among.any():
        return Estimate(0.0, 0.0, 1.0)
    return wilson(float(np.sum(w[hits]) / np.sum(w[among])), effective_rows(w[among]))


def wilson(share: float, n: float) -> Estimate:
    """Wilson (1927) score interval of a share of n rows, n > 0."""
    z2 = Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    return Estimate(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def mean_share(
    value: float, y: NDArray[np.int64], predicted: NDArray[np.int64], w: Floats, *, by_prediction: bool
) -> Estimate:
    """Interval of the mean of one share a class, which other rows make for each class.

    From Wilson's intervals of the shares by the method of variance estimates recovery, Zou and Donner (2008),
    "Construction of confidence limits about effect measures", Statistics in Medicine 27(10): a class that is seldom
    predicted has a precision of 0 or 1, whose influences are all zero though it is known least of all.
    by_prediction: precision, of all that occur or are predicted; else recall, of those that occur.
    """
    classes = np.union1d(y, predicted) if by_prediction else np.unique(y)
    among = predicted if by_prediction else y
    shares = [share((y == c) & (predicted == c), among == c, w) for c in classes]
    below = float(np.sqrt(sum((s.value - s.low) ** 2 for s in shares))) / len(shares)
    above = float(np.sqrt(sum((s.high - s.value) ** 2 for s in shares))) / len(shares)
    return Estimate(value, max(0.0, value - below), min(1.0, value + above))


def logit_interval(influence: Influence, n_rarer: int, freedom: float) -> Estimate:
    """Interval of a value in 0..1, symmetric on the logit scale; n_rarer: rows of the rarest class.

    freedom: of the standard error, see freedom_of.
    """
    value, error = influence.value, standard_error(influence.rows)
    exact = 0.025 ** (
        1.0 / max(n_rarer, 1)
    )  # Clopper and Pearson's bound where not one of n_rarer rows failed
    if value >= NO_ERROR or value <= 1.0 - NO_ERROR:
        best = value >= NO_ERROR
        return Estimate(value, exact if best else 0.0, 1.0 if best else 1.0 - exact)
    centre, width = float(np.log(value / (1 - value))), t95(freedom) * error / (value * (1 - value))
    low, high = (float(0.5 * (1 + np.tanh((centre + side * width) / 2))) for side in (-1, 1))
    return Estimate(value, min(low, value), max(high, value))


def freedom_of(rows: Floats, y: NDArray[np.int64]) -> float:
    """Degrees of freedom of a standard error that is put together from those of the classes.

    rows: the influence of each row.  A rare class whose few rows make most of the error leaves few: Satterthwaite
    (1946), "An Approximate Distribution of Estimates of Variance Components", Biometrics Bulletin 2(6).
    """
    of_class = np.bincount(y, weights=rows * rows)
    counts = np.bincount(y)
    used = counts > 0
    total = float(np.sum(of_class))
    if total == 0.0:
        return float(len(y))
    return max(1.0, total**2 / float(np.sum(of_class[used] ** 2 / np.maximum(counts[used] - 1, 1))))


def t95(freedom: float) -> float:
    """Student's t at 0.975, by the expansion in Abramowitz and Stegun (1964), 26.7.5; within 1 % from 2 degrees on.

    >>> round(t95(4.0), 2), round(t95(1e9), 3)
    (2.78, 1.96)
    """
    z, n = Z95, max(freedom, 1.0)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n**k for k, term in enumerate(terms, start=1))


def mean_interval(losses: Floats, w: Floats) -> Estimate:
    """Interval of a weighted mean of skewed losses, none of them below 0.

    By the transformation of the t statistic in Hall (1992), JRSS B 54(1).
    """
    return skewed_interval(of_mean(losses, w), Z95)


def skewed_interval(mean: Influence, quantile: float) -> Estimate:
    """Interval of a mean of losses, none below 0, from the influences of the rows, or of groups of them.

    quantile: of the t statistic's distribution, at 0.975.
    """
    value, centred = mean
    n = len(centred)
    deviation = float(np.sqrt(np.sum(centred * centred) / max(n - 1, 1)))
    if deviation == 0.0:
        return Estimate(value, value, value)
    skew = float(np.mean(centred**3)) / deviation**3 / float(np.sqrt(n))
    step = deviation / float(np.sqrt(n))
    return Estimate(
        value,
        max(0.0, min(value, value - step * _untransform(quantile, skew))),
        max(value, value - step * _untransform(-quantile, skew)),
    )


def _untransform(x: float, skew: float) -> float:
    """Solve t + skew (t^2 / 3 + 1 / 6) + skew^2 t^3 / 27 = x for t; skew: skewness / sqrt(n)."""
    if abs(skew) < 1e-9:
        return x
    return float(3.0 / skew * (np.cbrt(1.0 + skew * (x - skew / 6.0)) - 1.0))


def r2_interval(influence: Influence) -> Estimate:
    value, error = influence.value, standard_error(influence.rows)
    if value >= 1.0:
        return Estimate(value, value, value)
    spread = float(np.exp(Z95 * error / (1.0 - value)))
    return Estimate(value, 1.0 - (1.0 - value) * spread, 1.0 - (1.0 - value) / spread)
