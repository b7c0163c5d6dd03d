"""Clean rows to a model: search, winner, calibration, threshold, validation, refit, document."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenure.errors import TargetError, TenureError
from tenure.model.baselines import boosting_seconds
from tenure.model.candidates import candidate_named, load_library
from tenure.model.candidates.base import Facts, Float64
from tenure.model.choose import Choice, HeldOut, choose_winner, joined
from tenure.model.document import ModelDocument
from tenure.model.encode import encode_part
from tenure.model.evidence import gather_evidence
from tenure.model.fitting import Fits, Run, fit_members, more_rounds
from tenure.model.fold_models import FoldModels
from tenure.model.held_out import calibrated, with_threshold
from tenure.model.last_fit import fit_again, members_of, reserved_seconds
from tenure.model.settings import Clock, Member, Plan, TrainSettings, cheapest_first
from tenure.model.slices import find_weak, search_seconds, to_json
from tenure.model.tune import (
    EVIDENCE_SHARE,
    FINAL_OVERHEAD,
    INTERRUPTED,
    Search,
    final_seconds,
    number_of_folds,
    side_by_side,
)
from tenure.model.workbench import Result, Rows, TrainingTable, Workbench
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import folds
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.decide import Thresholds
from tenure.release.encoding import Encoding, encode_table
from tenure.release.grouped import measured
from tenure.release.metrics import METRICS

__all__ = ["TrainSettings", "Trained", "TrainingTable", "train"]

log = logging.getLogger(__name__)

LINEAR_SECONDS_A_CELL = 1e-7
"""Of a logistic regression, for a cell of the table and a class: measured, with room for cells of many columns each."""


@dataclass(frozen=True)
class Unseen:
    """Training rows that some fold held out. rows: their positions.  scores: calibrated, shape (n, n_classes)."""

    rows: Rows
    scores: Float64


@dataclass(frozen=True)
class Trained:
    """A model as data, how good it is, and how it came about. Nothing of a training library is in it.

    winner: a family, or "blend".  calibration: holds the threshold, too.
    cross_validation: metrics on held-out training rows; the winner was chosen by them, so they flatter.
    validation: metrics on the validation rows, which chose nothing.
    seconds: "total" wall time that the budget counts, "candidates" of it inside the candidates' own fit and predict
    calls, "loading" of libraries beside it.
    folds: the winner's models of the folds, for whoever explains it, until they are let go; None where there are none.
    unseen: what the choices after the search went by; it is not kept on disk.
    plain: the same model without what was done for fairness; None where nothing was.
    """

    winner: str
    metric: str
    encoding: Encoding
    document: ModelDocument
    calibration: Calibration
    cross_validation: Mapping[str, Estimate]
    validation: Mapping[str, Estimate]
    plan: Plan
    seconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    folds: FoldModels | None = field(default=None, compare=False, repr=False)
    unseen: Unseen | None = None
    plain: Trained | None = None

    def scores(self, table: TrainingTable) -> Float64:
        """Scores by the release's own runtime: probabilities (n, n_classes), or numbers (n, 1)."""
        margins = self.document.predictor().margins(encode_table(self.encoding, table.features))
        return margins if self.calibration.task == "regression" else self.calibration.probabilities(margins)

    def thresholds(self, table: TrainingTable) -> Thresholds:
        """From which probability on each row is decided for the positive class; of two classes only."""
        return self.calibration.thresholds(table.features, table.beside)


def train(
    recipe: Recipe,
    train: TrainingTable,
    validation: TrainingTable,
    settings: TrainSettings | None = None,
    *,
    plan: Plan | None = None,
    anew: bool = False,
) -> Trained:
    """Find, calibrate, validate and refit the best model within the budget.

    The winner is chosen on folds of the training rows, scored once on the validation rows, and fitted again
    on both.
    plan: of an earlier call with the same rows, seed and threads: no search, and the same bytes again.
    anew: a plan's rounds are found again on the folds of these rows, because they are weighed otherwise.
    Raises TenureError where no candidate can be fitted, or the metric does not fit the task.
    """
    settings = settings or TrainSettings()
    able, unable = settings.limits.able(settings.candidates)
    run = Run(
        recipe,
        train.weighed,
        validation.weighed,
        replace(settings, candidates=tuple(able)),
        Clock(settings.budget_seconds),
        warnings=unable,
    )
    _check(run)
    with threadpool_limits(1, user_api="blas"):
        return _train(run, plan, anew)


def _train(run: Run, plan: Plan | None, anew: bool) -> Trained:
    bench = _workbench(run, plan)
    if plan is not None:
        run.clock.budget = None
        choice = _choice_again(bench, plan) if bench is not None and plan.n_folds else None
        if anew and choice is not None and bench is not None:
            plan = replace(plan, members=members_of(run, bench, choice))
    else:
        choice, plan = _search(run, bench)
    if choice is None or bench is None:
        return _without_folds(run, plan)
    # The model itself comes first: if time runs out, the validation makes do with the folds' models.
    choice, fits = fit_again(run, bench, choice, plan.members)
    plan = replace(plan, members=fits.members, n_rows=len(run.train.y) + len(run.validation.y))
    calibration, held_out = calibrated(run, choice, bench.held_out)
    validated, plan = _validated(run, bench, choice, plan, calibration)
    trained = _put_together(run, plan, fits, calibration, held_out, validated)
    folds = FoldModels(bench, choice)
    return replace(trained, folds=folds, unseen=_unseen(bench, choice, calibration))


def cross_validate(
    recipe: Recipe, train: TrainingTable, settings: TrainSettings, plan: Plan
) -> tuple[Calibration, Unseen]:
    """The winner of a plan on the folds of these rows alone: its calibration, and scores of the rows held out."""
    run = Run(recipe, train, train.rows(np.zeros(0, dtype=np.int64)), settings, Clock(None))
    with threadpool_limits(1, user_api="blas"):
        bench = _workbench(run, plan)
        if bench is None:
            raise TenureError("there are no folds to learn from", todo="give more rows of each class")
        choice = _choice_again(bench, plan)
        calibration, _ = calibrated(run, choice, bench.held_out)
        return calibration, _unseen(bench, choice, calibration)


def _unseen(bench: Workbench, choice: Choice, calibration: Calibration) -> Unseen:
    margins = choice.margins[bench.held_out]
    is_number = calibration.task == "regression"
    return Unseen(bench.held_out, margins if is_number else calibration.probabilities(margins))


def _check(run: Run) -> None:
    task = run.recipe.target.task
    if not run.settings.candidates:
        raise TenureError(
            "there are no candidates", where="model.candidates", todo="name one family at least"
        )
    for name in run.settings.candidates:
        candidate_named(name)
    if run.metric not in METRICS[task] or run.metric == "calibration_error":
        raise TenureError(
            f"the metric {run.metric!r} does not fit the task {task}",
            where="model.metric",
            todo=f"choose one of {', '.join(m for m in METRICS[task] if m != 'calibration_error')}",
        )
    if not run.recipe.features:
        raise TenureError("no column is left to learn from", todo="see the columns' reasons in the recipe")
    run.settings.limits.check(run.recipe)


def _workbench(run: Run, plan: Plan | None) -> Workbench | None:
    """Folds of the training rows; fewer than usual where a class is rare, None where there can be none."""
    table, task = run.train, run.recipe.target.task
    wanted = [plan.n_folds] if plan is not None else [*range(number_of_folds(len(table.y)), 1, -1)]
    for n_folds in wanted:
        if n_folds < 2:
            break
        try:
            when = None if table.time is None else table.time.astype(np.float64)
            pairs = folds(table.y, n_folds, seed=run.settings.seed, time=when, group=table.group, task=task)
        except TargetError:
            continue
        facts = run.facts(len(pairs[-1][0]))
        return Workbench(run.recipe, table, pairs, facts, run.settings.seed, run.settings.threads, run.watch)
    run.warnings.append(
        "too few rows of some class for cross-validation: the first candidate was taken as it is"
    )
    return None


def _search(run: Run, bench: Workbench | None) -> tuple[Choice | None, Plan]:
    if bench is None:
        return None, Plan(members=(), stopped="no folds")
    search = Search(bench, run.settings, run.clock)
    search.run()
    if search.stopped == INTERRUPTED:
        run.warnings.append("the search was interrupted: the best found until then was fitted")
    leaders = search.leaders()
    scored = tuple(search.trials)
    if leaders and search.left_out:
        run.warnings.append(f"the budget left no time for a trial of {' and '.join(search.left_out)}")
    if not leaders:
        budget = run.settings.budget_seconds or 0.0
        run.warnings.append(
            f"the budget of {budget:g} s is too short for cross-validation of even one candidate: "
            "the cheapest was fitted without a search"
        )
        return None, Plan(members=(), trials=scored, stopped="budget")
    held_out = HeldOut.of(bench)
    choice = choose_winner(
        held_out, leaders, run.metric, blend=run.settings.blend, latency=run.settings.latency
    )
    members = members_of(run, bench, choice)
    deadline = _evidence_deadline(run, reserved_seconds(run, bench, choice))
    evidence = gather_evidence(bench, held_out, run.metric, choice, search.best, search.default, deadline)
    if evidence["left_out"]:
        run.warnings.append(
            f"the budget left no time for {' and '.join(evidence['left_out'])} in the leaderboard"
        )
    if "default boosting" in evidence["left_out"]:
        evidence |= _left_out_of_test(run, bench.facts)
    return choice, Plan(members, scored, len(bench.folds), stopped=search.stopped, evidence=evidence)


def _evidence_deadline(run: Run, final: float) -> float | None:
    """When the leaderboard's baselines must be done: they have a share of their own, as they tell what a model adds."""
    budget = run.clock.budget
    if budget is None:
        return None
    return time.perf_counter() + max(run.clock.left(final), EVIDENCE_SHARE * budget)


def _left_out_of_test(run: Run, facts: Facts) -> dict[str, Any]:
    """The baseline that one fit of would take longer than the whole budget: with thousands of columns it may."""
    seconds = boosting_seconds(len(run.train.y), facts.n_features, facts.n_outputs)
    if run.clock.budget is None or seconds <= run.clock.budget:
        return {}
    run.warnings.append("the budget left no time for comparing with default boosting")
    return {"left_out_of_test": ["default boosting"]}


def _choice_again(bench: Workbench, plan: Plan) -> Choice:
    """The winner's held-out margins, by running its members' trials once more."""
    results: list[Result] = []
    for member in plan.members:
        outcome = bench.run(candidate_named(member.family), member.params)
        if not isinstance(outcome, Result):
            raise TenureError(f"the trial of {member.family} did not complete")
        results.append(outcome)
    return joined(results, [member.weight for member in plan.members])


def _validated(
    run: Run, bench: Workbench, choice: Choice, plan: Plan, calibration: Calibration
) -> tuple[dict[str, Estimate], Plan]:
    """Score the validation rows once: by the winner fitted on the training rows, or if late by the folds'."""
    if not len(run.validation.y):
        return {}, plan
    margins = None if plan.validated_by == "folds" else _margins_of_refit(run, bench, choice, plan)
    if margins is None:
        plan = replace(plan, validated_by="folds")
        margins = _mean_of_folds(run, bench, choice)
    scores = margins if calibration.task == "regression" else calibration.probabilities(margins)
    held = run.validation
    metrics = measured(calibration.task, held.y, scores, calibration.threshold, held.group, held.weight)
    if plan.evidence.get("weak_slices_left_out") or run.clock.left() < search_seconds(held.features):
        run.warnings.append("the budget left no time for the search for weak slices")
        return metrics, replace(plan, evidence={**plan.evidence, "weak_slices_left_out": True})
    weak = find_weak(held.features, calibration.task, held.y, scores, held.group, held.weight)
    return metrics, replace(plan, evidence={**plan.evidence, "weak_slices": [to_json(c) for c in weak]})


def _margins_of_refit(run: Run, bench: Workbench, choice: Choice, plan: Plan) -> Float64 | None:
    """The validation rows' margins by the winner fitted on the training rows; None without time for that."""
    n_fold, growth = bench.facts.n_rows, len(run.train.y) / bench.facts.n_rows
    seconds = [final_seconds(r, n_fold, growth) for r in choice.members]
    if run.clock.left(FINAL_OVERHEAD / 2) < side_by_side(seconds, run.settings.threads):
        return None
    members = [replace(m, rounds=more_rounds(m.family, m.cv_rounds, growth)) for m in plan.members]
    fits = fit_members(run, members, run.train)
    if any(fits.is_cut):
        return None
    encoding, document = fits.joined()
    return document.predictor().margins(encode_table(encoding, run.validation.features))


def _mean_of_folds(run: Run, bench: Workbench, choice: Choice) -> Float64:
    total = np.zeros((len(run.validation.y), bench.facts.n_outputs))
    for result, weight in zip(choice.members, choice.weights, strict=True):
        style = candidate_named(result.trial.family).style(result.trial.params)
        for k, fitted in enumerate(result.fitted):
            part = encode_part(bench.parts(style, k)[2], run.validation.features, run.validation.y)
            scores = run.watch.measure(partial(fitted.margins, part, result.trial.rounds))
            total += scores * (weight / len(result.fitted))
    return total


def _put_together(
    run: Run,
    plan: Plan,
    fits: Fits,
    calibration: Calibration,
    held_out: dict[str, Estimate],
    validated: dict[str, Estimate],
) -> Trained:
    encoding, document = fits.joined()
    return Trained(
        winner=plan.winner,
        metric=run.metric,
        encoding=encoding,
        document=document,
        calibration=calibration,
        cross_validation=held_out,
        validation=validated,
        plan=plan,
        seconds={
            "total": run.clock.elapsed,
            "candidates": run.watch.seconds,
            "loading": run.clock.loading,
        },
        warnings=tuple(run.warnings),
    )


def _soonest(run: Run, facts: Facts) -> str:
    """The cheapest family; one that can be cut short where the linear one, which can't, would take too long."""
    families = cheapest_first(run.settings.candidates)
    cells = facts.n_rows * facts.n_features * facts.n_outputs
    is_long = LINEAR_SECONDS_A_CELL * cells > run.clock.left()
    return next((f for f in families if candidate_named(f).boosts), families[0]) if is_long else families[0]


def _without_folds(run: Run, plan: Plan) -> Trained:
    """The cheapest candidate as it is, on the training rows; the validation rows set the threshold.

    For a budget too short, or classes too rare, for cross-validation: not good, but something, and said.
    """
    facts = run.facts(len(run.train.y))
    members = plan.members
    if not members:
        family = _soonest(run, facts)
        candidate = candidate_named(family)
        run.clock.excuse(lambda: load_library(family))
        params = candidate.defaults(facts)[0]
        rounds = 200 if candidate.style(params) == "trees" else 0
        members = (Member(family, params, rounds, 0),)
        plan = replace(plan, evidence=_left_out_of_test(run, facts))
    fits = fit_members(run, members, run.train)
    encoding, document = fits.joined()
    calibration = facts.uncalibrated(document.output)
    validated: dict[str, Estimate] = {}
    if len(run.validation.y):
        margins = document.predictor().margins(encode_table(encoding, run.validation.features))
        calibration, validated = with_threshold(run, calibration, margins, run.validation)
    plan = replace(plan, members=fits.members, n_rows=len(run.train.y))
    return _put_together(run, plan, fits, calibration, {}, validated)
