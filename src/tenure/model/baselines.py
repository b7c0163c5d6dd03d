"""What every model is measured against: a dummy, a linear model, a small tree, boosting as its library has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure.model.candidates.base import Facts, FitContext, Float64, Part, Style
from tenure.model.candidates.lightgbm import LightGBM
from tenure.model.candidates.logistic import Logistic
from tenure.records import Task
from tenure.release.calibration import Output

LEAVES = 8
"""Of the small tree: three questions deep, so that it can be drawn on one page."""
ROUNDS = 100
"""Of the default boosting model: LightGBM's own number."""
SECONDS_A_BIN, SECONDS_A_CELL = 1e-8, 3e-9
"""Of default boosting by one thread, measured, a tree: for a bin of a leaf's histogram, for a cell of the table."""
LINEAR: dict[Task, str] = {
    "binary": "logistic regression",
    "multiclass": "logistic regression",
    "regression": "ridge regression",
}
MAJORITY: dict[Task, str] = {"binary": "majority class", "multiclass": "majority class", "regression": "mean"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """margins: rows to raw scores, shape (n, n_outputs).  output: what these are."""

    margins: Callable[[Part], Float64]
    output: Output


@dataclass(frozen=True, slots=True)
class Baseline:
    """One of them. style: the encoding it reads; None: it looks at the target alone.

    fit: by rows, facts, seed and deadline (on time.perf_counter(), None: no limit). Raises OutOfTime at the deadline.
    """

    name: str
    style: Style | None
    fit: Callable[[Part, Facts, int, float | None], Fitted]


def baselines(task: Task) -> tuple[Baseline, ...]:
    """All four, the simplest first.

    >>> [baseline.name for baseline in baselines("regression")]
    ['mean', 'ridge regression', 'small tree', 'default boosting']
    """
    return (
        Baseline(MAJORITY[task], None, _dummy),
        Baseline(LINEAR[task], "linear", _linear),
        Baseline("small tree", "trees", _small_tree),
        Baseline("default boosting", "trees", _boosting),
    )


def boosting_seconds(n_rows: int, n_features: int, n_outputs: int) -> float:
    """Roughly what default boosting takes one thread: by figures, so that two machines leave the same aside.

    >>> boosting_seconds(1600, 5000, 1) > 30.0 > 1.0 > boosting_seconds(4000, 20, 1)
    True
    """
    bins = 31 * 255 * n_features
    return ROUNDS * n_outputs * (SECONDS_A_BIN * bins + SECONDS_A_CELL * n_rows * n_features)


def _dummy(train: Part, facts: Facts, seed: int, deadline: float | None = None) -> Fitted:
    """The same for every row: the share of each class, or the mean, by the rows' weights."""
    if facts.task == "regression":
        row = np.array([float(np.average(train.y, weights=train.weight))])
    else:
        counts = np.bincount(train.y.astype(np.int64), weights=train.weight, minlength=facts.n_classes)
        row = _outputs(facts, counts / counts.sum())
    return Fitted(lambda part: np.tile(row, (len(part.y), 1)), _output(facts))


def _linear(train: Part, facts: Facts, seed: int, deadline: float | None = None) -> Fitted:
    model = Logistic().fit(train, {"strength": 1.0}, FitContext(facts, seed, 1, deadline))
    return Fitted(model.margins, "margin")


def _small_tree(train: Part, facts: Facts, seed: int, deadline: float | None = None) -> Fitted:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    limits = {
        "max_leaf_nodes": LEAVES,
        "min_samples_leaf": max(1, min(20, len(train.y) // 20)),
        "random_state": seed,
    }
    if facts.task == "regression":
        tree = DecisionTreeRegressor(**limits).fit(train.X, train.y, sample_weight=train.weight)
        return Fitted(lambda part: np.asarray(tree.predict(part.X)).reshape(-1, 1), "margin")
    grown = DecisionTreeClassifier(**limits).fit(train.X, train.y, sample_weight=train.weight)
    seen = grown.classes_.astype(np.int64)

    def margins(part: Part) -> Float64:
        shares = np.zeros((len(part.X), facts.n_classes))
        shares[:, seen] = grown.predict_proba(part.X)
        return _outputs(facts, shares)

    return Fitted(margins, _output(facts))


def _boosting(train: Part, facts: Facts, seed: int, deadline: float | None = None) -> Fitted:
    model = LightGBM().fit(train, {}, FitContext(facts, seed, 1, deadline), rounds=ROUNDS)
    return Fitted(model.margins, "margin")


def _outputs(facts: Facts, shares: npt.NDArray[np.float64]) -> Float64:
    """Shares of the classes as models give them: of the positive class alone where there are two."""
    return shares[..., 1:] if facts.task == "binary" else shares


def _output(facts: Facts) -> Output:
    return "margin" if facts.task == "regression" else "probability"
