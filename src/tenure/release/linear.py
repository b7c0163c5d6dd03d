"""A linear model as data: margins, and contributions that are exact by definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError

# Their deviations are held at once.
_ROWS_A_PIECE = 4096
FORMAT = "tenure-linear/1"

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class LinearPredictor:
    """margin[k] = base[k] + sum over features of coefficients[k, j] * (x[j] - means[j]).

    coefficients: shape (n_outputs, d).  base: shape (n_outputs,), the margin at the means.
    means: shape (d,), of the encoded training rows, so that a contribution is the change against
    the average row (the Shapley value of a linear model: Strumbelj and Kononenko, 2014).
    The sum runs feature by feature from the left both for a row and for a table: equal bits.

    >>> model = LinearPredictor(coefficients=[[2.0, -1.0]], base=[0.5], means=[1.0, 0.0])
    >>> model.margin_row(np.array([2, 3], dtype=np.float32))
    (-0.5,)
    """

    def __init__(
        self,
        coefficients: npt.ArrayLike,
        base: npt.ArrayLike,
        means: npt.ArrayLike,
    ) -> None:
        self.coefficients: Float64 = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
        self.base: Float64 = np.atleast_1d(np.asarray(base, dtype=np.float64))
        self.means: Float64 = np.atleast_1d(np.asarray(means, dtype=np.float64))
        n_outputs, n_features = self.coefficients.shape
        if self.base.shape != (n_outputs,) or self.means.shape != (n_features,):
            raise ReleaseError(
                f"coefficients of the shape {self.coefficients.shape} need {n_outputs} base values and "
                f"{n_features} means, got {self.base.shape} and {self.means.shape}"
            )
        for name, values in (("coefficients", self.coefficients), ("base", self.base), ("means", self.means)):
            if not np.isfinite(values).all():
                raise ReleaseError(f"the {name} of a linear model must be finite numbers")
        self.n_outputs: int = n_outputs
        self.n_features: int = n_features
        self._rows = [
            (float(base), row) for base, row in zip(self.base, self.coefficients.tolist(), strict=True)
        ]
        self._means: list[float] = self.means.tolist()

    @classmethod
    def from_intercept(
        cls, coefficients: npt.ArrayLike, intercept: npt.ArrayLike, means: npt.ArrayLike
    ) -> LinearPredictor:
        """Build from the usual form, margin = intercept + coefficients @ x."""
        matrix = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
        centre = np.asarray(means, dtype=np.float64)
        return cls(matrix, np.atleast_1d(np.asarray(intercept, dtype=np.float64)) + matrix @ centre, centre)

    def margin_row(self, x: Float32 | Sequence[float]) -> tuple[float, ...]:
        """Margins of one encoded row, shape (d,) float32 -> n_outputs numbers."""
        values = x.tolist() if isinstance(x, np.ndarray) else x
        if self.n_outputs == 1:
            ((total, coefficients),) = self._rows
            for coefficient, value, mean in zip(coefficients, values, self._means, strict=True):
                total += coefficient * (value - mean)
            return (total,)
        deviations = [value - mean for value, mean in zip(values, self._means, strict=True)]
        result = []
        for base, coefficients in self._rows:
            total = base
            for coefficient, deviation in zip(coefficients, deviations, strict=True):
                total += coefficient * deviation
            result.append(total)
        return tuple(result)

    def margins(self, X: Float32) -> Float64:
        """Margins of encoded rows, shape (n_rows, d) -> (n_rows, n_outputs)."""
        result = np.empty((len(X), self.n_outputs))
        for start in range(0, len(X), _ROWS_A_PIECE):
            piece = X[start : start + _ROWS_A_PIECE]
            deviations = piece.T.astype(np.float64, order="C") - self.means[:, None]
            for output, (base, coefficients) in enumerate(zip(self.base, self.coefficients, strict=True)):
                total = np.full(len(piece), base)
                for part in deviations * coefficients[:, None]:  # in the order of margin_row
                    total += part
                result[start : start + len(piece), output] = total
        return result

    def contributions_row(self, x: Float32) -> Float64:
        """What each feature of one encoded row added, shape (n_outputs, d + 1); the last column is the base."""
        result: Float64 = self.contributions(x[None])[0]
        return result

    def contributions(self, X: Float32) -> Float64:
        """What each feature added to each margin, shape (n_rows, n_outputs, d + 1); the last is the base."""
        deviations = X.astype(np.float64) - self.means
        result = np.empty((len(X), self.n_outputs, self.n_features + 1))
        result[:, :, :-1] = deviations[:, None, :] * self.coefficients
        result[:, :, -1] = self.base
        return result

    def warm_up(self) -> None:
        """See Predictor; there is nothing to load."""

    def to_json(self) -> dict[str, Any]:
        """Return the model as JSON data."""
        return {
            "format": FORMAT,
            "coefficients": self.coefficients.tolist(),
            "base": self.base.tolist(),
            "means": self.means.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LinearPredictor:
        """Read what to_json wrote. Raises ReleaseError for another format."""
        if data.get("format") != FORMAT:
            raise ReleaseError(
                f"the linear model has the format {data.get('format')!r}; this version reads {FORMAT!r}",
                todo="use the version of tenure that wrote the release",
            )
        return cls(data["coefficients"], data["base"], data["means"])
