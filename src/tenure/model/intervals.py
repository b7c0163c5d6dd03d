"""How wide an interval around a predicted number must be, learned by MAPIE from rows the models have not seen."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.errors import ExtraMissing
from tenure.release.bounds import share_of
from tenure.release.calibration import Calibration

Float64 = npt.NDArray[np.float64]


def rows_needed(coverage: float) -> int:
    """The fewest held-out rows that tell an interval of this coverage: with fewer it would be endless.

    >>> rows_needed(0.9), rows_needed(0.95)
    (11, 21)
    """
    return math.ceil(round(1.0 / min(coverage, 1.0 - coverage), 9)) + 1


def half_width(predicted: Float64, y: Float64, coverage: float) -> float:
    """Half of the width of intervals that hold the outcome of a new row with a chance of at least `coverage`.

    predicted: shape (n,), of held-out rows, each by a model that has not seen it; n >= rows_needed(coverage).
    Source: split conformal prediction with absolute residuals, Lei et al. (2018), JASA 113(523). The guarantee is for
    rows exchangeable with these, and over all rows: not for each kind of row.
    Raises ExtraMissing without MAPIE.
    """
    try:
        from mapie.regression import SplitConformalRegressor  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraMissing("MAPIE", "intervals") from error
    from sklearn.base import BaseEstimator, RegressorMixin

    class AsPredicted(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        """What the models said, as MAPIE's estimator: a row is its prediction."""

        fitted_ = True

        def fit(self, X: Float64, y: Float64) -> AsPredicted:
            return self

        def predict(self, X: Float64) -> Float64:
            return np.asarray(X)[:, 0]

    conformal = SplitConformalRegressor(AsPredicted(), confidence_level=coverage, prefit=True)
    conformal.conformalize(predicted.reshape(-1, 1), y)
    _, bounds = conformal.predict_interval(np.zeros((1, 1)))
    return float(bounds[0, 1, 0])


def intervals_on_test(calibration: Calibration, predicted: Float64 | None, y: Float64) -> dict[str, Any]:
    """What metrics.json says of a release's intervals: the share of test rows that they hold, and their width."""
    if calibration.coverage is None or predicted is None:
        return {}
    low, high = calibration.bounds(predicted)
    held = share_of((low <= y) & (y <= high))
    return {
        "intervals": {
            "coverage": calibration.coverage,
            "on_test": asdict(held),
            "mean_width": float(np.mean(high - low)),
        }
    }
