"""The expected calibration error in bins of equal size, with bounds that hold whatever the true error is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tenure.records import Estimate
from tenure.release.bounds import Z95, effective_rows, t95
from tenure.release.influence import Floats

CALIBRATION_BINS = 10


def gap_of_bins(
    y: NDArray[np.int64], p: Floats, w: Floats, codes: NDArray[np.int64] | None = None
) -> Estimate:
    """Expected calibration error in equal-sized bins, with bounds for the true error of those bins.

    Of gaps d_j = true gap g_j + noise: sum w |d| >= sum w sign(g) d, and that is normal around the true
    error, so the error is at most the value + z * sd of that sum. And sum w |d| <= sum w |g| + sum w |noise|,
    so the error is at least the value - the 0.975 quantile of the last sum. Both hold whatever the gaps are.
    """
    if p.shape[1] == 2:
        confidence, hit = p[:, 1], (y == 1).astype(np.float64)
    else:
        predicted = np.argmax(p, axis=1)
        confidence, hit = p[np.arange(len(y)), predicted], (y == predicted).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    parts: Sequence[NDArray[np.int64]] = np.array_split(order, min(CALIBRATION_BINS, len(order)))
    gaps, weights, errors = _bins(confidence, hit, w, parts)
    value = float(np.sum(weights * np.abs(gaps)))
    spread = weights * errors
    if codes is None:
        above = Z95 * float(np.sqrt(np.sum(spread**2)))
        noise = Z95 * float(np.sqrt((1 - 2 / np.pi) * np.sum(spread**2)))
    else:
        # what a group's rows do to each bin, shape (groups, bins); the bins' errors go together in the worst way
        sums = _sums_of_groups(confidence - hit, w, parts, gaps, codes)
        more = t95(len(sums) - 1.0)
        spread = np.maximum(spread, np.sqrt(np.sum(sums**2, axis=0)))
        above = more * float(np.sqrt(np.sum((sums @ np.sign(gaps)) ** 2)))
        noise = more * float(np.sqrt(1 - 2 / np.pi) * np.sum(spread))
    noise += float(np.sqrt(2 / np.pi) * np.sum(spread))
    return Estimate(value, max(0.0, value - noise), min(1.0, value + above))


def _sums_of_groups(
    errors: Floats, w: Floats, parts: Sequence[NDArray[np.int64]], gaps: Floats, codes: NDArray[np.int64]
) -> Floats:
    """What each group adds to the error of each bin's share of the sum, shape (groups, bins)."""
    n_groups = int(codes.max()) + 1
    of_bin = [
        np.bincount(codes[rows], weights=w[rows] * (errors[rows] - gap), minlength=n_groups)
        for rows, gap in zip(parts, gaps, strict=True)
    ]
    sums: Floats = np.column_stack(of_bin) * (np.sqrt(n_groups / max(n_groups - 1, 1)) / np.sum(w))
    return sums


def _bins(
    confidence: Floats, hit: Floats, w: Floats, parts: Sequence[NDArray[np.int64]]
) -> tuple[Floats, Floats, Floats]:
    """Gap, share of the weight and standard error of the gap in each bin, whose rows are given."""
    gaps = np.array([np.average(confidence[rows] - hit[rows], weights=w[rows]) for rows in parts])
    weights = np.array([np.sum(w[rows]) / np.sum(w) for rows in parts])
    # The variance of a bin's share of hits, with half a hit added to each side so that a pure bin is not
    # certain.
    sizes = np.array([effective_rows(w[rows]) for rows in parts])
    hits = sizes * np.array([np.average(hit[rows], weights=w[rows]) for rows in parts])
    shares = (hits + 0.5) / (sizes + 1)
    return gaps, weights, np.sqrt(shares * (1 - shares) / sizes)
