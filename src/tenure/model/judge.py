"""Which proposed features earn their place: with and without each, on held-out training rows, then on validation rows.

The cheap evidence comes first: how far the gradient that a model without the feature leaves on held-out rows goes
with its values (in the spirit of FeatureBoost, Zhang et al. 2023, OpenFE, ICML), and how much more of the outcome it
explains alone than the columns that it reads. Then the likeliest few are added one by one to a small boosted model on
the same folds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from scipy.stats import norm
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenure.errors import TargetError
from tenure.model.calibrate import row_losses
from tenure.model.candidates.base import Facts, Float64
from tenure.model.candidates.lightgbm import LightGBM
from tenure.model.encode import encode_part
from tenure.model.generate import codes_of, outcomes_of, strength_of
from tenure.model.settings import GeneratedFeature
from tenure.model.workbench import Result, TrainingTable, Workbench
from tenure.prepare.recipe import FEATURE_KINDS, Recipe
from tenure.prepare.split import folds
from tenure.records import Estimate, Task

FALSE_RATE = 0.05
"""Two-sided, over all proposals of a table: half of it is the chance to keep one that is worth nothing."""
MOST_FITS = 6
"""So many proposals are tried with a model of their own at most."""
SURPRISING = 1.0
"""Standard deviations beyond chance from which on the cheap evidence speaks for a proposal."""
LEADING = 0.005
"""The same of what a proposal alone explains of the outcome's variance beyond the strongest column it reads."""
N_FOLDS = 4
BASELINE_SHARE = 0.6
"""Share of the time that the model without any proposal may take; with more there is no time for the others."""
# Nothing is drawn by chance: a feature that no tree uses leaves the model, and so every loss, exactly as it was.
_PARAMS: Mapping[str, Any] = {
    "learning_rate": 0.2,
    "num_leaves": 10,
    "min_data_in_leaf": 20,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "lambda_l2": 3.0,
}


@dataclass(frozen=True)
class Judged:
    """kept: in the order in which they were added.  why_not: why nothing, or not all, was tried, in words; or None."""

    kept: tuple[GeneratedFeature, ...] = ()
    why_not: str | None = None


@dataclass(frozen=True)
class _Tried:
    bench: Workbench
    result: Result

    def validated(self, table: TrainingTable) -> Float64:
        """The losses on rows outside all folds, by the mean of the folds' models."""
        style, rounds = LightGBM().style(_PARAMS), self.result.trial.rounds
        margins = [
            fitted.margins(encode_part(self.bench.parts(style, k)[2], table.features, table.y), rounds)
            for k, fitted in enumerate(self.result.fitted)
        ]
        return row_losses(self.bench.facts.task, np.mean(margins, axis=0), table.y) * table.shares


def judge(
    recipe: Recipe,
    train: TrainingTable,
    validation: TrainingTable,
    proposals: Mapping[str, str],
    *,
    seed: int,
    threads: int,
    seconds: float | None,
) -> Judged:
    """Return the proposals that make a small boosted model better on held-out training rows and on validation rows.

    recipe: with every proposal as a derived feature, as train and validation have them.
    proposals: name -> SQL.  seconds: wall time; None: no limit, and the outcome does not depend on the clock.
    """
    names = [name for name in proposals if _is_feature(recipe, name)]
    if not names:
        return Judged()
    if not len(validation.y):
        return Judged(why_not="nothing was tried: there are no validation rows to confirm it on")
    started = time.perf_counter()
    deadline = None if seconds is None else started + seconds
    judge = _Judge(recipe, train, names, seed, threads, deadline)
    with threadpool_limits(1, user_api="blas"):
        try:
            first = judge.fit((), None if seconds is None else started + BASELINE_SHARE * seconds)
        except TargetError:
            return Judged(why_not="nothing was tried: some class has too few rows for cross-validation")
        if first is None:
            why = f"nothing was tried: {seconds:.1f} s do not suffice for cross-validation of one model"
            return Judged(why_not=why)
        kept = judge.select(first, validation, proposals)
    return Judged(
        kept, f"{seconds:.1f} s ended before all were tried that look likely" if judge.is_late() else None
    )


@dataclass(frozen=True)
class _Judge:
    recipe: Recipe
    train: TrainingTable
    names: Sequence[str]
    seed: int
    threads: int
    deadline: float | None

    def is_late(self) -> bool:
        return self.deadline is not None and time.perf_counter() > self.deadline

    def fit(self, added: Sequence[str], deadline: float | None, rival: Result | None = None) -> _Tried | None:
        """The small model with these proposals on every fold; None where it is late, or clearly worse."""
        left_out = {name for name in self.names if name not in added}
        recipe = replace(
            self.recipe, derived=tuple(d for d in self.recipe.derived if d.column.name not in left_out)
        )
        table, target = self.train, recipe.target
        when = None if table.time is None else table.time.astype(np.float64)
        pairs = folds(table.y, N_FOLDS, seed=self.seed, time=when, group=table.group, task=target.task)
        facts = Facts(target.task, len(target.classes), len(pairs[-1][0]), len(recipe.features))
        bench = Workbench(recipe, table, pairs, facts, self.seed, self.threads)
        result = bench.run(LightGBM(), _PARAMS, deadline=deadline, rival=rival)
        return _Tried(bench, result) if isinstance(result, Result) else None

    def select(
        self, current: _Tried, validation: TrainingTable, proposals: Mapping[str, str]
    ) -> tuple[GeneratedFeature, ...]:
        """Add the likeliest proposals one after the other; those stay that are better on both sets of rows."""
        z = float(norm.ppf(1 - FALSE_RATE / 2 / len(self.names)))
        kept: list[GeneratedFeature] = []
        outside = current.validated(validation)
        for name in self._likeliest(current):
            if self.is_late():
                break
            added = [*(feature.name for feature in kept), name]
            tried = self.fit(added, self.deadline, current.result)
            if tried is None:
                continue
            gain = _paired(current.result.losses - tried.result.losses, z)
            losses = tried.validated(validation) if gain.low > 0 else outside
            if gain.low > 0 and float(np.mean(outside - losses)) > 0:
                kept.append(GeneratedFeature(name, proposals[name], gain))
                current, outside = tried, losses
        return tuple(kept)

    def _likeliest(self, baseline: _Tried) -> list[str]:
        """The likeliest by each of the two kinds of cheap evidence, in turns; either misses what the other finds."""
        features, target = self.train.features, self.recipe.target
        codes = {name: codes_of(features[name]) for name in self.names}
        slopes = _slopes(target.task, baseline.result.margins, self.train.y)
        surprise = {name: _surprise(codes[name], slopes) for name in self.names}
        outcomes = outcomes_of(target, self.train.y)
        sources = {d.column.name: d.value.columns for d in self.recipe.derived if d.column.name in codes}
        read = {column for columns in sources.values() for column in columns if column in features.columns}
        alone = {column: strength_of(codes_of(features[column]), outcomes) for column in read}
        lead = {
            name: strength_of(codes[name], outcomes) - max(alone.get(column, 0.0) for column in sources[name])
            for name in self.names
        }
        by_each = [
            [name for name in sorted(found, key=lambda name: -found[name]) if found[name] > least]
            for found, least in ((surprise, SURPRISING), (lead, LEADING))
        ]
        turns = [name for turn in zip_longest(*by_each) for name in turn if name is not None]
        return list(dict.fromkeys(turns))[:MOST_FITS]


def _is_feature(recipe: Recipe, name: str) -> bool:
    return any(column.name == name and column.kind in FEATURE_KINDS for column in recipe.features)


def _paired(gains: Float64, z: float) -> Estimate:
    """The mean gain of a row with its interval; rows that no fold held out are NaN."""
    known = gains[~np.isnan(gains)]
    value, margin = float(known.mean()), z * float(known.std(ddof=1)) / len(known) ** 0.5
    return Estimate(value, value - margin, value + margin)


def _slopes(task: Task, margins: Float64, y: Float64) -> Float64:
    """The derivative of each row's loss by its margins, shape (n, n_outputs); NaN where no fold held the row out."""
    if task == "regression":
        return margins - y[:, None]
    if task == "binary":
        return np.asarray(expit(margins) - y[:, None])
    return np.asarray(softmax(margins, axis=1) - (y[:, None] == np.arange(margins.shape[1])))


def _surprise(codes: np.ndarray, slopes: Float64) -> float:
    """How much more the groups of equal codes differ in their slopes than by chance, in standard deviations.

    Were the groups alike, the sum of each group's squared total over its variance would be chi-squared, with a
    degree of freedom a group. slopes: on rows that the model has not seen, so that nothing of them is fitted.
    """
    known = ~np.isnan(slopes[:, 0])
    total, freedom = 0.0, 0
    for slope in slopes[known].T:
        sums = np.bincount(codes[known], weights=slope)
        variances = np.bincount(codes[known], weights=slope**2)
        used = variances > 0
        total += float(np.sum(sums[used] ** 2 / variances[used]))
        freedom += int(used.sum())
    return float((total - freedom) / np.sqrt(2.0 * max(freedom, 1)))
