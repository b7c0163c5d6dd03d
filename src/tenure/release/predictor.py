"""What a release asks of its model: margins and exact contributions."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Predictor(Protocol):
    """A fitted model over encoded features; margin_row and margins give the same bits."""

    n_outputs: int
    n_features: int

    def margins(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Encoded rows, shape (n_rows, d) -> margins, shape (n_rows, n_outputs)."""
        ...

    def margin_row(self, x: npt.NDArray[np.float32]) -> tuple[float, ...]:
        """One encoded row, shape (d,) -> n_outputs margins."""
        ...

    def contributions_row(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley values of one encoded row, shape (n_outputs, d + 1); the last column is the base."""
        ...

    def contributions(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley values on the margins, shape (n_rows, n_outputs, d + 1); the last column is the base."""
        ...

    def warm_up(self) -> None:
        """Load now what scoring tables would load at some later call."""
        ...
