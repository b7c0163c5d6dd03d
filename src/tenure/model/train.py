"""Clean rows to a model: search, winner, calibration, threshold, validation, refit, document."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tenure.errors import TargetError, TenureError
from tenure.model.calibrate import learn_calibration
from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Float64
from tenure.model.choose import Choice, choose_winner, joined, weighted
from tenure.model.document import ModelDocument
from tenure.model.encode import encode_part
from tenure.model.evidence import gather_evidence
from tenure.model.fitting import Fits, Run, fit_members, more_rounds
from tenure.model.settings import Clock, Member, Plan, TrainSettings, cheapest_first
from tenure.model.slices import find_weak, to_json
from tenure.model.threshold import choose_threshold
from tenure.model.tune import FINAL_OVERHEAD, Search, final_seconds, number_of_folds, side_by_side
from tenure.model.workbench import Result, Rows, TrainingTable, Workbench
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import folds
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding, encode_table
from tenure.release.grouped import measured
from tenure.release.metrics import METRICS, metrics_for

__all__ = ["TrainSettings", "Trained", "TrainingTable", "train"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A model as data, how good it is, and how it came about. Nothing of a training library is in it.

    winner: a family, or "blend".  calibration: holds the threshold, too.
    cross_validation: metrics on held-out training rows; the winner was chosen by them, so they flatter.
    validation: metrics on the validation rows, which chose nothing.
    seconds: "total" wall time, "candidates" of it inside the candidates' own fit and predict calls.
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

    def scores(self, table: TrainingTable) -> Float64:
        """Scores by the release's own runtime: probabilities (n, n_classes), or numbers (n, 1)."""
        margins = self.document.predictor().margins(encode_table(self.encoding, table.features))
        return margins if self.calibration.task == "regression" else self.calibration.probabilities(margins)


def train(
    recipe: Recipe,
    train: TrainingTable,
    validation: TrainingTable,
    settings: TrainSettings | None = None,
    *,
    plan: Plan | None = None,
) -> Trained:
    """Find, calibrate, validate and refit the best model within the budget.

    The winner is chosen on folds of the training rows, scored once on the validation rows, and fitted again
    on both.
    plan: of an earlier call with the same rows, seed and threads: no search, and the same bytes again.
    Raises TenureError where no candidate can be fitted, or the metric does not fit the task.
    """
    settings = settings or TrainSettings()
    run = Run(recipe, train, validation, settings, Clock(settings.budget_seconds))
    _check(run)
    with threadpool_limits(1, user_api="blas"):
        return _train(run, plan)


def _train(run: Run, plan: Plan | None) -> Trained:
    bench = _workbench(run, plan)
    if plan is not None:
        run.clock.budget = None
        choice = _choice_again(bench, plan) if bench is not None and plan.n_folds else None
    else:
        choice, plan = _search(run, bench)
    if choice is None or bench is None:
        return _without_folds(run, plan)
    # The model itself comes first: if time runs out, the validation makes do with the folds' models.
    choice, fits = _final(run, bench, choice, plan.members)
    plan = replace(plan, members=fits.members, n_rows=len(run.train.y) + len(run.validation.y))
    calibration, held_out = _calibrated(run, choice, bench.held_out)
    validated, plan = _validated(run, bench, choice, plan, calibration)
    return _put_together(run, plan, fits, calibration, held_out, validated)


def _check(run: Run) -> None:
    task = run.recipe.target.task
    unknown = set(run.settings.candidates) - set(cheapest_first(run.settings.candidates))
    if unknown or not run.settings.candidates:
        raise TenureError(
            f"unknown candidates: {sorted(unknown)}", todo="see model.candidates in tenure.yaml"
        )
    if run.metric not in METRICS[task] or run.metric == "calibration_error":
        raise TenureError(
            f"the metric {run.metric!r} does not fit the task {task}",
            where="model.metric",
            todo=f"choose one of {', '.join(m for m in METRICS[task] if m != 'calibration_error')}",
        )
    if not run.recipe.features:
        raise TenureError("no column is left to learn from", todo="see the columns' reasons in the recipe")


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
    leaders = search.leaders()
    scored = tuple(search.trials)
    if not leaders:
        budget = run.settings.budget_seconds or 0.0
        run.warnings.append(
            f"the budget of {budget:g} s is too short for cross-validation of even one candidate: "
            "the cheapest was fitted without a search"
        )
        return None, Plan(members=(), trials=scored, stopped="budget")
    choice = choose_winner(
        run.recipe.target.task,
        run.train.y,
        leaders,
        bench.held_out,
        run.metric,
        blend=run.settings.blend,
        latency=run.settings.latency,
        group=run.train.group,
    )
    members = _members(choice, bench, len(run.train.y) + len(run.validation.y))
    evidence = gather_evidence(bench, run.metric, choice, search.best, search.default)
    return choice, Plan(members, scored, len(bench.folds), stopped=search.stopped, evidence=evidence)


def _members(choice: Choice, bench: Workbench, n_rows: int) -> tuple[Member, ...]:
    return tuple(
        Member(
            r.trial.family,
            r.trial.params,
            more_rounds(r.trial.family, r.trial.rounds, n_rows / bench.facts.n_rows),
            r.trial.rounds,
            weight,
        )
        for r, weight in zip(choice.members, choice.weights, strict=True)
    )


def _choice_again(bench: Workbench, plan: Plan) -> Choice:
    """The winner's held-out margins, by running its members' trials once more."""
    results: list[Result] = []
    for member in plan.members:
        outcome = bench.run(candidate_named(member.family), member.params)
        if not isinstance(outcome, Result):
            raise TenureError(f"the trial of {member.family} did not complete")
        results.append(outcome)
    return joined(results, [member.weight for member in plan.members])


def _calibrated(run: Run, choice: Choice, rows: Rows) -> tuple[Calibration, dict[str, Estimate]]:
    """Calibration and threshold from held-out rows, and the metrics there."""
    task, margins, y = run.recipe.target.task, choice.margins[rows], run.train.y[rows]
    calibration = learn_calibration(
        task, run.n_classes, margins, y, output=choice.output, seed=run.settings.seed
    )
    return _with_threshold(run, calibration, margins, y)


def _with_threshold(
    run: Run, calibration: Calibration, margins: Float64, y: Float64
) -> tuple[Calibration, dict[str, Estimate]]:
    task = run.recipe.target.task
    if task == "regression":
        return calibration, metrics_for(task, y, margins)
    p = calibration.probabilities(margins)
    if task == "binary":
        calibration = replace(calibration, threshold=choose_threshold(y, p[:, 1], run.settings.threshold))
    return calibration, metrics_for(task, y, p, calibration.threshold)


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
    metrics = measured(calibration.task, held.y, scores, calibration.threshold, held.group)
    weak = find_weak(held.features, calibration.task, held.y, scores, held.group)
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
    return fits.blend().predictor().margins(encode_table(fits.encoding, run.validation.features))


def _mean_of_folds(run: Run, bench: Workbench, choice: Choice) -> Float64:
    total = np.zeros((len(run.validation.y), bench.facts.n_outputs))
    for result, weight in zip(choice.members, choice.weights, strict=True):
        style = candidate_named(result.trial.family).style(result.trial.params)
        for k, fitted in enumerate(result.fitted):
            part = encode_part(bench.parts(style, k)[2], run.validation.features, run.validation.y)
            scores = run.watch.measure(partial(fitted.margins, part, result.trial.rounds))
            total += scores * (weight / len(result.fitted))
    return total


def _final(run: Run, bench: Workbench, choice: Choice, members: Sequence[Member]) -> tuple[Choice, Fits]:
    """Fit the winner on training and validation rows; members for which there is no time are left out."""
    n_rows = len(run.train.y) + len(run.validation.y)
    table = run.train.joined(run.validation)
    affordable = _affordable(run, bench, choice, n_rows)
    if affordable is not choice:
        run.warnings.append("the budget was too short to fit every model of the blend")
        choice, members = affordable, _members(affordable, bench, n_rows)
    fits = fit_members(run, members, table)
    if not any(fits.is_cut):
        return choice, fits
    whole = [i for i, is_cut in enumerate(fits.is_cut) if not is_cut]
    if not whole:
        # Every one is cut: keep the one that came furthest.
        whole = [int(np.argmax([f.rounds / m.rounds for f, m in zip(fits.members, members, strict=True)]))]
        run.warnings.append(f"the budget cut the last fit of {fits.members[whole[0]].family} short")
    else:
        run.warnings.append("the budget was too short to fit every model of the blend")
    kept = weighted(run.recipe.target.task, run.train.y, [choice.members[i] for i in whole], bench.held_out)
    used = [i for i in whole if any(choice.members[i] is r for r in kept.members)]
    weighed = [replace(fits.members[i], weight=w) for i, w in zip(used, kept.weights, strict=True)]
    return kept, replace(
        fits,
        documents=tuple(fits.documents[i] for i in used),
        members=tuple(weighed),
        is_cut=tuple(fits.is_cut[i] for i in used),
    )


def _affordable(run: Run, bench: Workbench, choice: Choice, n_rows: int) -> Choice:
    """The choice without the members that the budget has no time for, the lightest first; one always stays."""
    n_fold, task = bench.facts.n_rows, run.recipe.target.task
    while len(choice.members) > 1:
        seconds = [final_seconds(r, n_fold, n_rows / n_fold) for r in choice.members]
        if side_by_side(seconds, run.settings.threads) <= run.clock.left(FINAL_OVERHEAD / 2):
            break
        lightest = int(np.argmin(choice.weights))
        rest = [r for i, r in enumerate(choice.members) if i != lightest]
        choice = weighted(task, run.train.y, rest, bench.held_out)
    return choice


def _put_together(
    run: Run,
    plan: Plan,
    fits: Fits,
    calibration: Calibration,
    held_out: dict[str, Estimate],
    validated: dict[str, Estimate],
) -> Trained:
    return Trained(
        winner=plan.winner,
        metric=run.metric,
        encoding=fits.encoding,
        document=fits.blend(),
        calibration=calibration,
        cross_validation=held_out,
        validation=validated,
        plan=plan,
        seconds={"total": run.clock.elapsed, "candidates": run.watch.seconds},
        warnings=tuple(run.warnings),
    )


def _without_folds(run: Run, plan: Plan) -> Trained:
    """The cheapest candidate as it is, on the training rows; the validation rows set the threshold.

    For a budget too short, or classes too rare, for cross-validation: not good, but something, and said.
    """
    facts = run.facts(len(run.train.y))
    members = plan.members
    if not members:
        family = cheapest_first(run.settings.candidates)[0]
        params = candidate_named(family).defaults(facts)[0]
        rounds = 200 if family != "logistic" else 0
        members = (Member(family, params, rounds, 0),)
    fits = fit_members(run, members, run.train)
    document, task = fits.blend(), run.recipe.target.task
    calibration = Calibration(task, run.n_classes, output=document.output)
    validated: dict[str, Estimate] = {}
    if len(run.validation.y):
        margins = document.predictor().margins(encode_table(fits.encoding, run.validation.features))
        calibration, validated = _with_threshold(run, calibration, margins, run.validation.y)
    plan = replace(plan, members=fits.members, n_rows=len(run.train.y))
    return _put_together(run, plan, fits, calibration, {}, validated)
