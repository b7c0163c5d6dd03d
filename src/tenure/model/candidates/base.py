"""What a candidate is: a family of models that can be fitted, searched and written as a document."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tenure.model.calibrate import apply_correction, as_margins, uncalibrated
from tenure.model.document import ModelDocument
from tenure.model.limits import Limits
from tenure.records import Task
from tenure.release.calibration import Calibration, Output
from tenure.release.encoding import Encoding

if TYPE_CHECKING:
    import optuna

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Params = Mapping[str, Any]
Style = Literal["linear", "spline", "trees"]

MAX_ROUNDS = 2000
"""Boosting rounds at most, while the folds search for the number."""
SMALL_ROWS, LARGE_ROWS = 1_000, 10_000
"""Between the two a slow learning rate is worth its rounds; on either side it is not."""
PATIENCE = 40
"""Rounds without a better loss on the watched rows before a booster stops."""


class OutOfTime(Exception):
    """The deadline passed before the fit was done."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a fit may depend on besides its rows. n_rows: rows of one training part.

    class_weight: one weight a class, which the rows of that class count by in a fit; None: all the same.
    limits: what no model may do.
    """

    task: Task
    n_classes: int
    n_rows: int
    n_features: int
    class_weight: tuple[float, ...] | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def n_outputs(self) -> int:
        """Margins a row: one a class for multiclass, else one."""
        return self.n_classes if self.task == "multiclass" else 1

    def fitted(self, part: Part, encoding: Encoding) -> Part:
        """The rows as fits see them: with the classes' weights, and the limits by encoded feature."""
        weight = part.weight
        if self.class_weight is not None:
            by_class = np.asarray(self.class_weight)[part.y.astype(np.int64)]
            weight = by_class if weight is None else weight * by_class
            weight = weight / np.mean(weight)
        signs, groups = self.limits.signs(encoding), self.limits.groups(encoding)
        return replace(part, weight=weight, signs=signs, groups=groups, _native={})

    def uncalibrated(self, output: Output = "margin") -> Calibration:
        """How scores become probabilities before any calibration is learned: the classes' weights are taken out."""
        return uncalibrated(self.task, self.n_classes, output, self.class_weight)

    def corrected(self, scores: Float64, output: Output) -> Float64:
        """Raw scores as log-odds (log-probabilities, numbers) that the classes' weights have no part in."""
        margins = as_margins(self.task, scores, output)
        if self.class_weight is None:
            return margins
        return apply_correction(self.uncalibrated(output), margins)

    @property
    def most_rounds(self) -> int:
        """Boosting rounds at most; on small tables whose classes are told apart without a fault loss falls forever."""
        return MAX_ROUNDS if self.n_rows >= SMALL_ROWS or self.task == "regression" else MAX_ROUNDS // 5

    def learning_rate(self, middling: float) -> float:
        """The rate to start with: `middling` for tables of a middling size, 0.1 for small and for large ones."""
        return middling if SMALL_ROWS <= self.n_rows < LARGE_ROWS else 0.1


@dataclass(frozen=True, slots=True)
class FitContext:
    """How to fit. deadline: on time.perf_counter(); None: no limit.

    soft: at the deadline keep what has been fitted so far, rather than raise OutOfTime.
    cancelled: set from elsewhere when the fit is not wanted any more.
    """

    facts: Facts
    seed: int
    threads: int
    deadline: float | None = None
    soft: bool = False
    cancelled: threading.Event | None = None

    def is_late(self) -> bool:
        """Whether the deadline has passed, or the fit is not wanted any more."""
        if self.cancelled is not None and self.cancelled.is_set():
            return True
        return self.deadline is not None and time.perf_counter() > self.deadline

    def check(self) -> bool:
        """Return True to stop with what there is, False to go on; raise OutOfTime if it has to be whole."""
        if not self.is_late():
            return False
        if self.soft:
            return True
        raise OutOfTime


@dataclass(frozen=True, slots=True)
class Part:
    """Encoded rows: X of shape (n, d), y of shape (n,).

    weight: shape (n,), > 0, of mean 1; None: all the same.  signs: for each feature 1 where the score may not
    fall as it rises, -1 where it may not rise, 0 where it is free; () : all are.
    groups: positions of features that may act together; (): all may.

    A library's own form of X (binned, say) is built once and kept, because every trial fits the same folds.
    """

    X: Float32
    y: Float64
    weight: Float64 | None = None
    signs: tuple[int, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    _native: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def native(self, name: str, build: Callable[[], Any]) -> Any:
        """Return what build made the first time that it was asked for under this name."""
        if name not in self._native:
            self._native[name] = build()
        return self._native[name]


class Fitted(Protocol):
    """A fitted model in its library's own form.

    rounds: boosting rounds or trees worth using; 0 where there is no such number.
    output: what margins gives: log-odds and the like, or probabilities (forests).
    """

    @property
    def rounds(self) -> int: ...
    @property
    def output(self) -> Literal["margin", "probability"]: ...

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """Raw scores, shape (n, n_outputs), by the first `rounds` rounds (None: self.rounds)."""
        ...

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """The model as plain data, proven equal on the training rows."""
        ...


class Candidate(Protocol):
    """A family of models.

    name: as tenure.yaml has it.  boosts: whether its number of rounds is found by early stopping.
    """

    @property
    def name(self) -> str: ...
    @property
    def boosts(self) -> bool: ...

    def style(self, params: Params) -> Style:
        """The encoding that these parameters want."""
        ...

    def defaults(self, facts: Facts) -> list[dict[str, Any]]:
        """Settings worth trying before any search, the safest first."""
        ...

    def suggest(self, trial: optuna.Trial, facts: Facts) -> dict[str, Any]:
        """Draw settings from the search space."""
        ...

    def fit(
        self,
        train: Part,
        params: Params,
        context: FitContext,
        *,
        watch: Part | None = None,
        rounds: int | None = None,
    ) -> Fitted:
        """Fit; stop early by the loss on `watch`, or after `rounds`. Raises OutOfTime unless context.soft."""
        ...
