"""What a candidate is: a family of models that can be fitted, searched and written as a document."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tenure.model.document import ModelDocument
from tenure.records import Task

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
    """What the search space may depend on. n_rows: rows of one training part."""

    task: Task
    n_classes: int
    n_rows: int
    n_features: int

    @property
    def n_outputs(self) -> int:
        """Margins a row: one a class for multiclass, else one."""
        return self.n_classes if self.task == "multiclass" else 1

    @property
    def most_rounds(self) -> int:
        """Boosting rounds at most; on small tables that are told apart without a fault the loss falls forever."""
        return MAX_ROUNDS if self.n_rows >= SMALL_ROWS else MAX_ROUNDS // 5

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

    A library's own form of X (binned, say) is built once and kept, because every trial fits the same folds.
    """

    X: Float32
    y: Float64
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
