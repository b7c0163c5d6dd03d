"""From a predictor's margins to probabilities and a decision: the same bits for one row and for a table.

exp and log are those of the math module both times: numpy's vectorised ones may round otherwise than
its scalar ones, and at 50 ns a value the trees in front of them cost a hundred times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError
from tenure.records import Task
from tenure.release.decide import GroupThresholds, Thresholds

if TYPE_CHECKING:
    import polars as pl

FORMAT = "tenure-calibration/1"
# Probabilities closer to 0 or 1 than this have no finite, useful logarithm.
PROBABILITY_FLOOR = 1e-6
# exp of anything beyond is 0 or overflows a double.
LARGEST_EXPONENT = 700.0

Kind = Literal["none", "sigmoid", "softmax"]
Output = Literal["margin", "probability"]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How margins become probabilities, and from where on the positive class is predicted.

    output: what the predictor emits. "margin": log-odds (binary), unnormalised log-probabilities
    (multiclass) or the number itself (regression). "probability": of the positive class, or one a
    class; they are clipped to [1e-6, 1 - 1e-6] and their logit (log for multiclass) is the margin.
    kind none: p = sigmoid(margin) or softmax(margins); probabilities pass through as they are.
    kind sigmoid (binary): p = sigmoid(slope * margin + intercept). Source: Platt (1999).
    kind softmax (multiclass): p = softmax(slope * margins + biases); slope is 1 / temperature.
    Source: Guo et al. (2017), "On Calibration of Modern Neural Networks".
    threshold: binary only; the positive class is predicted from this probability on.
    by_group: binary only; thresholds that go before it, for rows of these groups.
    coverage, half_width: regression only; the number +- half_width holds the outcome of a new row with a chance of
    coverage, learned on held-out rows; None where that was not learned.

    >>> Calibration("binary", 2, kind="sigmoid", slope=2.0, intercept=-1.0).probabilities_row((0.5,))
    (0.5, 0.5)
    """

    task: Task
    n_classes: int
    kind: Kind = "none"
    output: Output = "margin"
    slope: float = 1.0
    intercept: float = 0.0
    biases: tuple[float, ...] = field(default=())
    threshold: float = 0.5
    coverage: float | None = None
    half_width: float | None = None
    by_group: GroupThresholds | None = None

    def __post_init__(self) -> None:
        allowed = {"binary": ("none", "sigmoid"), "multiclass": ("none", "softmax"), "regression": ("none",)}
        if self.kind not in allowed.get(self.task, ()):
            raise ReleaseError(f"a calibration of kind {self.kind!r} does not fit the task {self.task!r}")
        if self.kind == "softmax" and len(self.biases) != self.n_classes:
            raise ReleaseError(f"{self.n_classes} classes need as many biases, got {len(self.biases)}")

    @property
    def n_outputs(self) -> int:
        """Margins a row: one a class for multiclass, else one."""
        return self.n_classes if self.task == "multiclass" else 1

    def thresholds(self, features: pl.DataFrame, beside: pl.DataFrame | None = None) -> Thresholds:
        """From which probability on the positive class is decided: one number, or shape (n,) where groups differ.

        features: the rows' clean features.  beside: their cells in columns that are no features.
        """
        return (
            self.threshold
            if self.by_group is None
            else self.by_group.of_table(features, beside, self.threshold)
        )

    def bounds(self, values: Float64) -> tuple[Float64, Float64]:
        """Lower and upper ends of the intervals of predicted numbers, the bits of bounds_row."""
        if self.half_width is None:
            raise ReleaseError("this model has no intervals")
        return values - self.half_width, values + self.half_width

    def bounds_row(self, value: float) -> tuple[float, float] | None:
        """The interval of one predicted number; None where there are none."""
        return None if self.half_width is None else (value - self.half_width, value + self.half_width)

    def probabilities_row(self, margins: Sequence[float]) -> tuple[float, ...]:
        """Probabilities of one row in the order of the classes, shape (n_classes,); () for regression."""
        if self.task == "binary":
            positive = self.positive_probability(margins[0])
            return (1.0 - positive, positive)
        if self.task == "multiclass":
            return self._softmax_row(margins)
        return ()

    def probabilities(self, margins: Float64) -> Float64:
        """Probabilities of a table, shape (n_rows, n_classes) from margins of shape (n_rows, n_outputs)."""
        n_rows = len(margins)
        if self.task == "binary":
            scores = map(self.positive_probability, margins[:, 0].tolist())
            positive = np.fromiter(scores, dtype=np.float64, count=n_rows)
            return np.column_stack([1.0 - positive, positive])
        if self.task == "multiclass":
            result = np.empty((n_rows, self.n_classes))
            for row, values in enumerate(margins.tolist()):
                result[row] = self._softmax_row(values)
            return result
        return np.empty((n_rows, 0))

    def positive_probability(self, margin: float) -> float:
        """P(positive class) from the one margin of a binary model."""
        if self.output == "probability":
            if self.kind == "none":
                return min(max(margin, 0.0), 1.0)
            margin = logit(margin)
        exponent = self.slope * margin + self.intercept
        if not -LARGEST_EXPONENT < exponent < LARGEST_EXPONENT:
            exponent = min(max(exponent, -LARGEST_EXPONENT), LARGEST_EXPONENT)
        return 1.0 / (1.0 + math.exp(-exponent))

    def _softmax_row(self, margins: Sequence[float]) -> tuple[float, ...]:
        if self.output == "probability":
            if self.kind == "none":
                total = sum(margins)
                return tuple(margin / total for margin in margins)
            margins = [math.log(min(max(margin, PROBABILITY_FLOOR), 1.0)) for margin in margins]
        if self.kind == "softmax":
            slope = self.slope
            margins = [slope * margin + bias for margin, bias in zip(margins, self.biases, strict=True)]
        largest = max(margins)
        powers = [math.exp(max(margin - largest, -LARGEST_EXPONENT)) for margin in margins]
        total = sum(powers)
        return tuple(power / total for power in powers)

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON data."""
        return {
            "format": FORMAT,
            "task": self.task,
            "n_classes": self.n_classes,
            "kind": self.kind,
            "output": self.output,
            "slope": self.slope,
            "intercept": self.intercept,
            "biases": list(self.biases),
            "threshold": self.threshold,
            **({} if self.coverage is None else {"coverage": self.coverage, "half_width": self.half_width}),
            **({} if self.by_group is None else {"by_group": self.by_group.to_json()}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what to_json wrote. Raises ReleaseError for another format."""
        if data.get("format") != FORMAT:
            raise ReleaseError(
                f"the calibration has the format {data.get('format')!r}; this version reads {FORMAT!r}",
                todo="use the version of tenure that wrote the release",
            )
        values = {key: value for key, value in data.items() if key != "format"}
        if "by_group" in values:
            values["by_group"] = GroupThresholds.from_json(values["by_group"])
        return cls(**{**values, "biases": tuple(values.get("biases", ()))})


def logit(probability: float) -> float:
    """Log-odds of a probability clipped to [1e-6, 1 - 1e-6].

    >>> logit(0.5), round(logit(1.0), 2)
    (0.0, 13.82)
    """
    clipped = min(max(probability, PROBABILITY_FLOOR), 1.0 - PROBABILITY_FLOOR)
    return math.log(clipped / (1.0 - clipped))
