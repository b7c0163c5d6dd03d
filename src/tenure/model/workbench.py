"""Cross-validation of one setting after another on the same folds, with everything reusable kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.model.calibrate import row_losses
from tenure.model.candidates.base import Candidate, Facts, FitContext, Fitted, Float64, OutOfTime, Part, Style
from tenure.model.encode import encode_part, learn_encoding
from tenure.prepare.recipe import Recipe
from tenure.release.calibration import Output

Rows = npt.NDArray[np.int64]
State = Literal["complete", "pruned", "out of time"]
T = TypeVar("T")

WORSE_BY = 1.5
"""A trial is stopped once its loss on the folds so far is so many standard errors above the rival's."""


@dataclass(frozen=True)
class TrainingTable:
    """Clean rows with their outcome.

    features: the recipe's clean columns.  y: shape (n,) float64, class index or number, no NaN.
    time: shape (n,), microseconds, or None.  group: shape (n,) of any values, or None.
    weight: shape (n,), > 0, of any scale: how much each row counts; None: all the same.
    tilt: shape (n,), > 0: what weights are multiplied by in fits, and in no measure or choice; None: 1.
    beside: the rows' cells in columns that are no features and that a decision may ask for.
    """

    features: pl.DataFrame
    y: Float64
    time: npt.NDArray[np.int64] | None = None
    group: npt.NDArray[Any] | None = None
    weight: Float64 | None = None
    tilt: Float64 | None = None
    beside: pl.DataFrame | None = None

    def rows(self, which: Rows) -> TrainingTable:
        """The rows at these positions."""
        return TrainingTable(
            self.features[which],
            self.y[which],
            None if self.time is None else self.time[which],
            None if self.group is None else self.group[which],
            None if self.weight is None else self.weight[which],
            None if self.tilt is None else self.tilt[which],
            None if self.beside is None else self.beside[which],
        )

    def joined(self, other: TrainingTable) -> TrainingTable:
        """These rows, then the other's."""
        return TrainingTable(
            pl.concat([self.features, other.features]),
            np.concatenate([self.y, other.y]),
            None if self.time is None or other.time is None else np.concatenate([self.time, other.time]),
            None if self.group is None or other.group is None else np.concatenate([self.group, other.group]),
            None
            if self.weight is None or other.weight is None
            else np.concatenate([self.weight, other.weight]),
            None if self.tilt is None or other.tilt is None else np.concatenate([self.tilt, other.tilt]),
            None if self.beside is None or other.beside is None else pl.concat([self.beside, other.beside]),
        )

    @property
    def shares(self) -> Float64:
        """The weights with mean 1, shape (n,)."""
        return np.ones(len(self.y)) if self.weight is None else self.weight / np.mean(self.weight)

    @property
    def fit_weight(self) -> Float64 | None:
        """What rows count in fits."""
        if self.tilt is None:
            return self.weight
        return self.tilt if self.weight is None else self.weight * self.tilt

    @property
    def weighed(self) -> TrainingTable:
        """The rows that count: those of weight 0 are no part of anything."""
        if self.weight is None or bool(np.all(self.weight > 0)):
            return self
        return self.rows(np.flatnonzero(self.weight > 0))


@dataclass
class Stopwatch:
    """Seconds spent inside the candidates' own fit and predict calls."""

    seconds: float = 0.0

    def measure(self, work: Callable[[], T]) -> T:
        """Do the work, add its time, also when it fails."""
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(frozen=True)
class Trial:
    """One setting that was tried. fold_losses: mean log loss (or squared error) on each fold that was fitted.

    rounds: of the folds' best numbers of rounds, the mean.  score: the chosen metric on all held-out rows.
    """

    family: str
    params: Mapping[str, Any]
    state: State
    fold_losses: tuple[float, ...] = ()
    loss: float | None = None
    score: float | None = None
    rounds: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "params": dict(self.params),
            "fold_losses": list(self.fold_losses),
        }


@dataclass(frozen=True)
class Result:
    """A complete trial with what it left.

    margins: held-out raw scores, shape (n, n_outputs); NaN where no fold held a row out.  losses: shape (n,), each
    times the row's weight (of mean 1).
    fitted: the model of each fold.  fit_seconds: of one fold's fit, by one thread, on average.  n_inputs: encoded
    features.
    """

    trial: Trial
    margins: Float64
    losses: Float64
    fitted: tuple[Fitted, ...] = ()
    output: Output = "margin"
    fit_seconds: float = 0.0
    n_inputs: int = 0


@dataclass
class Workbench:
    """Rows, folds and their encodings; runs trials."""

    recipe: Recipe
    table: TrainingTable
    folds: Sequence[tuple[Rows, Rows]]
    facts: Facts
    seed: int
    threads: int
    watch: Stopwatch = field(default_factory=Stopwatch)
    _parts: dict[tuple[Style, int], tuple[Part, Part, Any]] = field(default_factory=dict)

    @property
    def held_out(self) -> Rows:
        """Rows that some fold holds out, in order."""
        return np.sort(np.concatenate([held for _, held in self.folds]))

    @property
    def styles(self) -> tuple[Style, ...]:
        """The encodings that are made already, or else the simplest."""
        return tuple(dict.fromkeys(style for style, _ in self._parts)) or ("linear",)

    def parts(self, style: Style, k: int) -> tuple[Part, Part, Any]:
        """Training and held-out part of fold k, and the encoding learned from the first."""
        if (style, k) not in self._parts:
            inside, held = (self.table.rows(rows) for rows in self.folds[k])
            learned = learn_encoding(
                self.recipe, style, inside.features, inside.y, seed=self.seed, weight=inside.fit_weight
            )
            outside = encode_part(learned.encoding, held.features, held.y, held.weight)
            encoding = learned.encoding
            parts = (self.facts.fitted(learned.part, encoding), self.facts.fitted(outside, encoding))
            self._parts[style, k] = (*parts, encoding)
        return self._parts[style, k]

    def run(
        self,
        candidate: Candidate,
        params: Mapping[str, Any],
        *,
        deadline: float | None = None,
        rival: Result | None = None,
    ) -> Trial | Result:
        """Fit every fold; return a Result, or only the Trial where it was pruned or ran out of time.

        Folds are fitted side by side, each by one thread: small fits gain nothing from more. What comes
        out does not depend on which fold is done first.
        """
        started = time.perf_counter()
        cancelled = threading.Event()
        context = FitContext(self.facts, self.seed, 1, deadline, cancelled=cancelled)
        losses = np.full(len(self.table.y), np.nan)
        fold_losses: list[float] = []
        fitted: list[Fitted] = []
        tasks = Stopwatch()
        fits = Stopwatch()
        state: State = "complete"
        with ThreadPoolExecutor(max_workers=max(1, min(self.threads, len(self.folds)))) as pool:
            jobs = [
                pool.submit(self._fit_fold, candidate, params, k, context, (tasks, fits))
                for k in range(len(self.folds))
            ]
            for k, (job, (_, held)) in enumerate(zip(jobs, self.folds, strict=True)):
                try:
                    model, found = job.result()
                    losses[held] = found * self.table.shares[held]
                except OutOfTime:
                    state = "out of time"
                except BaseException:
                    # Ctrl-C, say: the other folds' fits end at their next round
                    cancelled.set()
                    raise
                else:
                    fitted.append(model)
                    fold_losses.append(float(losses[held].mean()))
                    if rival is not None and k + 1 < len(self.folds) and _is_worse(losses, rival.losses):
                        state = "pruned"
                if state != "complete":
                    cancelled.set()
                    for other in jobs[k + 1 :]:
                        other.cancel()
                    break
        seconds = time.perf_counter() - started
        self.watch.seconds += seconds * min(1.0, fits.seconds / max(tasks.seconds, 1e-9))
        if state != "complete":
            return Trial(candidate.name, params, state, tuple(fold_losses), seconds=round(seconds, 3))
        result = self._complete(candidate, params, fitted, seconds)
        return replace(result, fit_seconds=fits.seconds / len(self.folds))

    def _fit_fold(
        self,
        candidate: Candidate,
        params: Any,
        k: int,
        context: FitContext,
        watches: tuple[Stopwatch, Stopwatch],
    ) -> tuple[Fitted, Float64]:
        """Fit fold k; the model and the losses of the rows held out.

        watches: of everything that is done here, and of the candidate's own part of it.
        """
        tasks, fits = watches

        def work() -> tuple[Fitted, Float64]:
            if context.is_late():
                raise OutOfTime
            inside, outside, _ = self.parts(candidate.style(params), k)
            watched = outside if candidate.boosts else None
            model = fits.measure(lambda: candidate.fit(inside, params, context, watch=watched))
            scores = fits.measure(lambda: model.margins(outside))
            return model, self._losses(scores, model.output, outside.y)

        return tasks.measure(work)

    def _losses(self, scores: Float64, output: Output, y: Float64) -> Float64:
        return row_losses(self.facts.task, self.facts.corrected(scores, output), y)

    def _complete(
        self, candidate: Candidate, params: Mapping[str, Any], fitted: list[Fitted], seconds: float
    ) -> Result:
        """Score all folds at one number of rounds: each at its own best would flatter the setting."""
        rounds = (
            max(1, round(float(np.mean([f.rounds for f in fitted]))))
            if candidate.boosts
            else fitted[0].rounds
        )
        margins = np.full((len(self.table.y), self.facts.n_outputs), np.nan)
        losses = np.full(len(self.table.y), np.nan)
        for k, (_, held) in enumerate(self.folds):
            outside = self.parts(candidate.style(params), k)[1]
            margins[held] = self.watch.measure(partial(fitted[k].margins, outside, rounds))
            losses[held] = self._losses(margins[held], fitted[k].output, outside.y) * self.table.shares[held]
        by_fold = tuple(float(losses[held].mean()) for _, held in self.folds)
        loss = float(np.nanmean(losses))
        trial = Trial(candidate.name, params, "complete", by_fold, loss, None, rounds, round(seconds, 3))
        n_inputs = self.parts(candidate.style(params), 0)[0].X.shape[1]
        return Result(trial, margins, losses, tuple(fitted), fitted[0].output, n_inputs=n_inputs)


def _is_worse(losses: Float64, rival: Float64) -> bool:
    """Whether the losses so far exceed the rival's on the same rows by more than noise."""
    seen = ~np.isnan(losses) & ~np.isnan(rival)
    difference = losses[seen] - rival[seen]
    return bool(difference.mean() > WORSE_BY * difference.std() / np.sqrt(max(len(difference), 1)))
