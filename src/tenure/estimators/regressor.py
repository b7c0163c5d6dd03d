"""tenure.Regressor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from tenure.estimators.base import TableEstimator
from tenure.estimators.targets import learn_number


class Regressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """A number from rows of numbers, categories, booleans, dates and short text, missing cells and all.

    The parameters are those of Classifier, but for the threshold; the metric is rmse where none is named.

    Attributes: n_features_in_, feature_names_in_ (where X has names), leaderboard_, features_, importance_, model_.
    """

    def __init__(
        self,
        *,
        budget: float | str | None = None,
        trials: int | None = None,
        candidates: Iterable[str] | None = None,
        metric: str | None = None,
        blend: bool = True,
        generate_features: bool = True,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.budget = budget
        self.trials = trials
        self.candidates = candidates
        self.metric = metric
        self.blend = blend
        self.generate_features = generate_features
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search and fit. Raises ValueError for what cannot be learned from.

        sample_weight: shape (n,), at least 0; None: all the same. A whole weight is a number of copies of the row.
        """
        self._fit(X, y, sample_weight, _learn)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The number of each row, shape (n,)."""
        return np.asarray(self._scored(X).values)


def _learn(name: str, y: npt.NDArray[Any]) -> Any:
    target, values = learn_number(name, y)
    return target, None, values
