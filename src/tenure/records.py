"""The frozen data classes that stages hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval: low <= value <= high."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """One cell that breaks a rule. row: position counted from 0 in the request or table."""

    row: int
    column: str
    rule: str
    value: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: {self.rule}, got {self.value}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one raw column did to one prediction.

    value: the raw value as it was given.  effect: the change of the score it brought, in
    the score's unit (a probability for classes, the target's unit for regression).
    """

    column: str
    value: object
    effect: float
    text: str


class Score(NamedTuple):
    """The answer for one row.

    prediction: the label as written in the data, or the number for regression.
    probability: of the positive class (binary) or of the predicted class (multiclass); None for regression.
    probabilities: class label to probability, in the order of the model's classes; None for regression.
    margins: the model's raw outputs, one a class for multiclass, else one.
    warnings: cells that break a rule of the schema and were scored all the same.
    interval: regression only: from where to where the outcome is expected, or None.
    label_set: multiclass only: the classes among which the outcome is expected, in the order of classes, or None.
    """

    prediction: str | float
    probability: float | None
    probabilities: dict[str, float] | None
    margins: tuple[float, ...]
    warnings: tuple[CellProblem, ...] = ()
    interval: tuple[float, float] | None = None
    label_set: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a score came about: base + sum of the effects + rest == score, to rounding of a double.

    score: the probability (of the positive class, or of the predicted one) or the predicted number.
    base: the score of the average training row.  effects: the largest first.
    rest: the sum of the effects that are not listed.
    """

    score: float
    base: float
    effects: tuple[Effect, ...]
    rest: float
