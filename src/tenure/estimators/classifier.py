"""tenure.Classifier."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from tenure.estimators.base import TableEstimator
from tenure.estimators.targets import learn_classes

MORE_LIKELY = float(np.nextafter(0.5, 1.0))
"""The threshold of "the more likely class"; of two that are equally likely the first, as argmax has it."""


class Classifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """Two or more classes from rows of numbers, categories, booleans, dates and short text, missing cells and all.

    budget: wall time of fit, in seconds or as "60s"; None: no limit, and equal results for an equal random_state.
    trials: settings tried at most; None without a budget: one for every 100 rows, from 2 to 20.
    candidates: families to try, or plug-ins; None: all families.  metric: what the winner is chosen by; None:
    roc_auc for two classes, log_loss for more.  blend: whether several models may be joined into one.
    generate_features: whether sums, ratios and the like are tried, and kept where they earn their place.
    threshold: from which probability on the second of two classes is predicted, or what it shall maximise ("f1",
    "mcc", "accuracy"); None: the more likely class.  random_state: seed.  threads: None: all cores.

    Attributes: classes_, n_features_in_, feature_names_in_ (where X has names), leaderboard_, features_, importance_,
    model_.
    """

    classes_: npt.NDArray[Any]

    def __init__(
        self,
        *,
        budget: float | str | None = None,
        trials: int | None = None,
        candidates: Iterable[str] | None = None,
        metric: str | None = None,
        blend: bool = True,
        generate_features: bool = True,
        threshold: float | str | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.budget = budget
        self.trials = trials
        self.candidates = candidates
        self.metric = metric
        self.blend = blend
        self.generate_features = generate_features
        self.threshold = threshold
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search, calibrate and fit. Raises ValueError for what cannot be learned from.

        sample_weight: shape (n,), at least 0; None: all the same. A whole weight is a number of copies of the row.
        """
        threshold = MORE_LIKELY if self.threshold is None else self.threshold
        learn = partial(_learn, who=type(self).__name__)
        self.classes_ = self._fit(X, y, sample_weight, learn, threshold)  # type: ignore[assignment]
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of each row, shape (n,), of the type that y had."""
        scores = self._scored(X)
        place = {label: k for k, label in enumerate(self._scorer.classes)}
        chosen = np.array([place[str(label)] for label in scores.predictions], dtype=np.intp)
        return np.asarray(self.classes_[chosen])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Calibrated probabilities, shape (n, n_classes), in the order of classes_."""
        return np.asarray(self._scored(X).probabilities)


def _learn(name: str, y: npt.NDArray[Any], who: str) -> Any:
    return learn_classes(name, y, who)
