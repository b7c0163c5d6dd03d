"""Which probability puts a class into a row's prediction set, learned from rows that the models have not seen."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.release.bounds import share_of
from tenure.release.calibration import Calibration

Float64 = npt.NDArray[np.float64]


def set_cut(probabilities: Float64, y: Float64, coverage: float) -> float:
    """The probability from which on a class is in the set: a new row's class is in it with a chance of `coverage`.

    probabilities: shape (n, n_classes), of held-out rows.  y: shape (n,), class index; n >= rows_needed(coverage).
    Source: the least ambiguous sets of Sadinle, Lei and Wasserman (2019), JASA 114(525), made by split conformal
    prediction: of the n probabilities that the true classes got, all but the (n + 1) (1 - coverage) smallest are in.
    The guarantee is for rows exchangeable with these, and over all rows: not for each class.

    >>> set_cut(np.array([[0.8, 0.2]] * 5 + [[0.4, 0.6]] * 5), np.zeros(10), 0.5)
    0.4
    """
    own = np.sort(probabilities[np.arange(len(y)), y.astype(np.int64)])
    held = math.ceil(round((len(y) + 1) * coverage, 9))
    return float(own[len(y) - held])


def sets_on_test(calibration: Calibration, probabilities: Float64 | None, y: Float64) -> dict[str, Any]:
    """What metrics.json says of prediction sets: the share of test rows whose class is in, and how large they are."""
    if calibration.set_cut is None or probabilities is None:
        return {}
    inside = calibration.sets(probabilities)
    sizes = inside.sum(axis=1)
    counts = np.bincount(sizes, minlength=2)[1:]
    return {
        "sets": {
            "coverage": calibration.coverage,
            "on_test": asdict(share_of(inside[np.arange(len(y)), y.astype(np.int64)])),
            "mean_size": float(np.mean(sizes)),
            "sizes": {str(k): float(n / len(y)) for k, n in enumerate(counts.tolist(), start=1) if n},
        }
    }
