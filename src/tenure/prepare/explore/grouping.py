"""Bins of numbers, and levels of words, with the target in each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenure.prepare.explore.cells import Cells
from tenure.prepare.explore.facts import Group
from tenure.prepare.explore.target import SampleTarget
from tenure.prepare.explore.words import number_text, range_text

# Numbers of so few different values are shown value by value.
_FEW_VALUES = 12
_QUANTILE_BINS = 10
_HISTOGRAM_BINS = 30


def groups_of(cells: Cells, target: SampleTarget | None) -> tuple[Group, ...]:
    """Quantile bins of numbers or levels of words, with the target in each."""
    if cells.codes is not None:
        return grouped(cells.codes, cells.labels, target)
    if cells.values is None:
        return ()
    codes, edges = quantile_bins(cells.values)
    if not len(edges):
        return ()
    if edges.ndim == 1:
        labels = [number_text(value, cells.kind) for value in edges]
        ends = [(float(value), float(value)) for value in edges]
    else:
        labels = [range_text(low, high, cells.kind) for low, high in edges]
        ends = [(float(low), float(high)) for low, high in edges]
    return grouped(codes, labels, target, ends)


def gap_of(cells: Cells, target: SampleTarget | None) -> Group | None:
    """The rows in which the column is missing, or None when there are none."""
    n = int(cells.is_missing.sum())
    if not n:
        return None
    estimates = target.within(np.where(cells.is_missing, 0, -1), 1)[0] if target else ()
    return Group("missing", n, n / cells.n, estimates)


def grouped(
    codes: npt.NDArray[np.int64],
    labels: Sequence[str],
    target: SampleTarget | None,
    ends: Sequence[tuple[float, float]] | None = None,
) -> tuple[Group, ...]:
    """One group a label. codes: int [n], -1 for rows of no group."""
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    total = max(1, int(counts.sum()))
    found = target.within(codes, len(labels)) if target else [()] * len(labels)
    lows: Sequence[tuple[float | None, float | None]] = ends or [(None, None)] * len(labels)
    return tuple(
        Group(label, int(n), int(n) / total, estimates, low, high)
        for label, n, estimates, (low, high) in zip(labels, counts, found, lows, strict=True)
    )


def quantile_bins(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Bins of about equally many rows: codes int [n], -1 where NaN, and what each holds.

    The second array is [k] values where few are different, else [k, 2]: the smallest and largest in each bin.
    """
    filled = ~np.isnan(values)
    ordered = np.sort(values[filled])
    codes = np.full(len(values), -1, dtype=np.int64)
    if not len(ordered):
        return codes, np.empty(0)
    different = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    if len(different) <= _FEW_VALUES:
        codes[filled] = np.searchsorted(different, values[filled])
        return codes, different
    at = np.linspace(0, len(ordered) - 1, _QUANTILE_BINS + 1)[1:-1].astype(int)
    edges = np.unique(ordered[at])
    codes[filled] = np.searchsorted(edges, values[filled], side="left")
    present, codes[filled] = np.unique(codes[filled], return_inverse=True)
    upper = np.searchsorted(ordered, np.append(edges, np.inf)[present], side="right") - 1
    lower = np.concatenate(([0], upper[:-1] + 1))
    return codes, np.column_stack((ordered[lower], ordered[upper]))


def histogram_edges(
    quantiles: npt.NDArray[np.float64], n_distinct: int, whole: bool
) -> npt.NDArray[np.float64]:
    """Edges of bins of equal width. quantiles: at 0, 0.005, 0.995 and 1.

    They span the middle 99 % where the ends are far out, else everything; whole numbers get whole bins.
    """
    low, inner_low, inner_high, high = (float(q) for q in quantiles)
    span = inner_high - inner_low
    low = inner_low if inner_low - low > 0.25 * span > 0 else low
    high = inner_high if high - inner_high > 0.25 * span > 0 else high
    if not high > low:
        return np.array([low - 0.5, low + 0.5]) if whole else np.array([low, np.nextafter(low, math.inf)])
    if whole and high - low < 2.0**53:
        step = max(1, math.ceil((high - low + 1) / _HISTOGRAM_BINS))
        n = math.ceil((high - low + 1) / step)
        return np.asarray(low - 0.5 + step * np.arange(n + 1), dtype=np.float64)
    n = min(_HISTOGRAM_BINS, max(5, n_distinct))
    return np.linspace(low, high, n + 1)
