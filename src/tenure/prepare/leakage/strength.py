"""How well one column alone predicts the target, told on rows that the estimate was not made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tenure.prepare.leakage.intervals import area_bounds, area_of_counts, r2_bounds
from tenure.records import Estimate

# A bin or level needs about so many rows before its rate says anything.
_ROWS_A_BIN = 15
_MOST_BINS = 64
# Rows that a bin's own rate is mixed with, of the overall rate.
_PRIOR = 1.0


@dataclass(frozen=True, slots=True)
class Strength:
    """measure: "ROC-AUC" (one class against the rest, averaged by size) or "R²".

    estimate: between 0.5 (nothing) and 1 for areas, 0 and 1 for R²; the bounds hold for all columns together.
    """

    measure: str
    estimate: Estimate

    @property
    def error(self) -> float:
        """What is left to perfection: 1 - ROC-AUC, or 1 - R²."""
        return 1.0 - self.estimate.value


def strength_of(
    codes: np.ndarray,
    n_codes: int,
    numbers: np.ndarray | None,
    y: np.ndarray,
    n_classes: int,
    folds: np.ndarray,
    z: float,
) -> Strength:
    """The strength of one column.

    codes: int [n], below n_codes; in rising order of numbers where these are given.  numbers: float [n] or None.
    y: class index or number, float [n].  n_classes: 0 for regression.  folds: int [n], from 0.
    z: half the width of the bounds in standard deviations.
    """
    if n_classes:
        return _strength_for_classes(
            codes, n_codes, numbers is not None, y.astype(np.int64), n_classes, folds, z
        )
    return _strength_for_numbers(codes, n_codes, numbers, y, folds, z)


def coarse(codes: np.ndarray, n_codes: int, n_rows: int) -> tuple[np.ndarray, int]:
    """Neighbouring codes joined until each holds enough rows on average."""
    wanted = int(np.clip(n_rows // _ROWS_A_BIN, 2, _MOST_BINS))
    if n_codes <= wanted:
        return codes, n_codes
    sizes = np.bincount(codes, minlength=n_codes)
    middle = np.cumsum(sizes) - 0.5 * sizes
    joined = np.minimum((middle * wanted / max(1, len(codes))).astype(np.int64), wanted - 1)
    return joined[codes], wanted


def _strength_for_classes(
    codes: np.ndarray, n_codes: int, ordered: bool, y: np.ndarray, n_classes: int, folds: np.ndarray, z: float
) -> Strength:
    bins, n_bins = coarse(codes, n_codes, len(y)) if ordered else (codes, n_codes)
    n_folds = int(folds.max(initial=0)) + 1
    flat = (folds * n_bins + bins) * n_classes + y
    counts = np.bincount(flat, minlength=n_folds * n_bins * n_classes).reshape(n_folds, n_bins, n_classes)
    fine = np.bincount(codes * n_classes + y, minlength=n_codes * n_classes).reshape(n_codes, n_classes)
    sizes = fine.sum(axis=0)
    classes = [1] if n_classes == 2 else range(n_classes)
    parts = []
    for index in classes:
        area = _held_out_area(counts, index)
        if ordered:
            straight = area_of_counts(fine[:, index], fine.sum(axis=1) - fine[:, index])
            area = max(area, straight, 1.0 - straight)
        n_in = int(sizes[index])
        low, high = area_bounds(area, n_in, len(y) - n_in, z)
        parts.append((n_in, area, low, high))
    weights = np.array([part[0] for part in parts], dtype=np.float64)
    if not weights.sum():
        return Strength("ROC-AUC", Estimate(0.5, 0.0, 1.0))
    value, low, high = (float(np.average([part[k] for part in parts], weights=weights)) for k in (1, 2, 3))
    return Strength("ROC-AUC", Estimate(value, low, high))


def _held_out_area(counts: np.ndarray, index: int) -> float:
    """Area of the rates of the other folds, on each fold in turn. counts: [n_folds, n_bins, n_classes]."""
    inside = counts[:, :, index].astype(np.float64)
    every = counts.sum(axis=2).astype(np.float64)
    base = inside.sum() / every.sum()
    rate = (inside.sum(axis=0) - inside + _PRIOR * base) / (every.sum(axis=0) - every + _PRIOR)
    total = pairs = 0.0
    for fold in range(len(counts)):
        order = np.argsort(rate[fold], kind="stable")
        n_pairs = inside[fold].sum() * (every[fold] - inside[fold]).sum()
        total += n_pairs * area_of_counts(inside[fold, order], (every[fold] - inside[fold])[order])
        pairs += n_pairs
    return total / pairs if pairs else 0.5


def _strength_for_numbers(
    codes: np.ndarray, n_codes: int, numbers: np.ndarray | None, y: np.ndarray, folds: np.ndarray, z: float
) -> Strength:
    bins, n_bins = (codes, n_codes) if numbers is None else coarse(codes, n_codes, len(y))
    found = [_held_out_r2(bins, n_bins, None, target, folds) for target in (y, _ranks(y))]
    if numbers is not None:
        found += [_held_out_r2(bins, n_bins, numbers, target, folds) for target in (y, _ranks(y))]
    value = max(0.0, *found)
    low, high = r2_bounds(value, len(y), z)
    return Strength("R²", Estimate(value, min(low, value), max(high, value)))


def _ranks(y: np.ndarray) -> np.ndarray:
    """Place of each value, equal ones sharing the mean of their places."""
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - 0.5 * counts)[inverse]


def _held_out_r2(
    bins: np.ndarray, n_bins: int, numbers: np.ndarray | None, y: np.ndarray, folds: np.ndarray
) -> float:
    """R² of each bin's mean, or of a straight line in each bin, made from the other folds."""
    n_folds = int(folds.max(initial=0)) + 1
    y = y - y.mean()
    place = folds * n_bins + bins
    x = np.zeros(len(y)) if numbers is None else _centred(numbers, bins, n_bins)

    def sums(weights: np.ndarray) -> np.ndarray:
        return np.bincount(place, weights=weights, minlength=n_folds * n_bins).reshape(n_folds, n_bins)

    own = [sums(w) for w in (np.ones(len(y)), x, x * x, y, x * y)]
    n, sx, sxx, sy, sxy = (total.sum(axis=0) - total for total in own)
    safe = np.maximum(n, 1.0)
    spread = sxx - sx * sx / safe
    usable = (n >= 3) & (spread > 1e-9 * np.maximum(sxx, 1e-300))
    slope = np.where(usable, (sxy - sx * sy / safe) / np.where(usable, spread, 1.0), 0.0)
    level = np.where(n > 0, (sy - slope * sx) / safe, 0.0)
    left = (y - level[folds, bins] - slope[folds, bins] * x) ** 2
    total = float((y * y).sum())
    return 1.0 - float(left.sum()) / total if total > 0 else 0.0


def _centred(numbers: np.ndarray, bins: np.ndarray, n_bins: int) -> np.ndarray:
    """Numbers less the mean of their bin; 0 where missing, so that a line there is the mean."""
    filled = np.where(np.isnan(numbers), 0.0, numbers)
    sizes = np.maximum(np.bincount(bins, minlength=n_bins), 1)
    means = np.bincount(bins, weights=filled, minlength=n_bins) / sizes
    return np.where(np.isnan(numbers), 0.0, filled - means[bins])
