"""Whether numbers are probabilities of a class, or predictions of a number: do they mean what they say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tenure.prepare.leakage.strength import coarse

_N_BINS = 20


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well numbers agree with what they are read as.

    agreement: 1 when the target's mean at each number is that number, but for noise; 0 or less when not.
    spread: standard deviation of the target's mean over the bins, noise taken off, in the target's unit.
    certainty: spread in standard errors.
    """

    agreement: float
    spread: float
    certainty: float


def agreement(said: np.ndarray, y: np.ndarray, codes: np.ndarray, n_codes: int) -> Agreement:
    """Compare what numbers say with the target, in quantile bins.

    said: float [n], no NaN.  y: 0 and 1, or numbers; float [n].  codes: int [n], rising with said.
    Source: the decomposition of the Brier score, Murphy (1973), Journal of Applied Meteorology 12,
    with the noise of the bins' means taken off: Broecker (2012), Climate Dynamics 39.
    """
    bins, n_bins = _wide(codes, n_codes)
    n = np.bincount(bins, minlength=n_bins).astype(np.float64)
    used = n > 1
    bins_said = np.bincount(bins, weights=said, minlength=n_bins)[used] / n[used]
    mean = np.bincount(bins, weights=y, minlength=n_bins)[used] / n[used]
    square = np.bincount(bins, weights=y * y, minlength=n_bins)[used] / n[used]
    n = n[used]
    weights = n / n.sum()
    noise = float((weights * np.maximum(square - mean**2, 0.0) / (n - 1.0)).sum())
    resolution = float((weights * (mean - (weights * mean).sum()) ** 2).sum()) - noise
    reliability = max(float((weights * (bins_said - mean) ** 2).sum()) - noise, 0.0)
    if resolution <= 0.0:
        return Agreement(0.0, 0.0, 0.0)
    return Agreement(
        1.0 - reliability / resolution, resolution**0.5, (resolution / max(noise, 1e-300)) ** 0.5
    )


def _wide(codes: np.ndarray, n_codes: int) -> tuple[np.ndarray, int]:
    """At most 20 bins of about equal size."""
    bins, n_bins = coarse(codes, n_codes, len(codes))
    if n_bins <= _N_BINS:
        return bins, n_bins
    sizes = np.bincount(bins, minlength=n_bins)
    middle = np.cumsum(sizes) - 0.5 * sizes
    return np.minimum((middle * _N_BINS / len(codes)).astype(np.int64), _N_BINS - 1)[bins], _N_BINS
