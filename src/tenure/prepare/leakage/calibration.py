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


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read numbers as probabilities of a class. said: float [n].  what: for the message."""

    what: str
    said: np.ndarray


PROBABILITY, LOG_ODDS, VALUE = "a probability", "log odds", "a prediction"


def readings_of(numbers: np.ndarray) -> list[Reading]:
    """The ways to read numbers as probabilities: as they are, in percent, of the other class, as log odds.

    >>> [reading.what for reading in readings_of(np.array([0.1, 0.9]))]
    ['a probability', 'a probability']
    """
    low, high = float(numbers.min()), float(numbers.max())
    if low < 0.0:
        odds = 1.0 / (1.0 + np.exp(-np.clip(numbers, -40.0, 40.0)))
        return [Reading(LOG_ODDS, odds), Reading(LOG_ODDS, 1.0 - odds)]
    if high > 100.0:
        return []
    if high > 1.0 and (high <= 1.5 or bool(np.all(numbers == np.floor(numbers)))):
        return []
    shares = numbers if high <= 1.0 else numbers / 100.0
    return [Reading(PROBABILITY, shares), Reading(PROBABILITY, 1.0 - shares)]


def best_agreement(
    readings: list[Reading], y: np.ndarray, n_classes: int, codes: np.ndarray, n_codes: int
) -> tuple[Reading, Agreement] | None:
    """The reading that agrees best with any class (with the number, if n_classes is 0); None without readings."""
    outcomes = [y] if not n_classes else [(y == k).astype(np.float64) for k in range(n_classes)]
    if n_classes == 2:  # a reading stands for each
        outcomes = outcomes[1:]
    found = [
        (reading, agreement(reading.said, outcome, codes, n_codes))
        for reading in readings
        for outcome in outcomes
    ]
    return max(found, key=lambda pair: pair[1].agreement, default=None)


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
