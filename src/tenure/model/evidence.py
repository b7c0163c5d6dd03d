"""What the search saw, kept as plain data: a leaderboard on held-out training rows, and what each step gained.

Every model stands on the same rows, each row scored by models that were not fitted on it. The winner was chosen by
these numbers, so that its own flatter it a little; the test rows have the last word.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from tenure.model.baselines import Baseline, baselines
from tenure.model.calibrate import as_margins, calibration_losses
from tenure.model.candidates.base import Facts, Float64, OutOfTime, Part
from tenure.model.choose import Choice, HeldOut, single
from tenure.model.limits import Limits
from tenure.model.workbench import Result, Workbench
from tenure.release.calibration import Output
from tenure.release.grouped import around, compared, measured
from tenure.release.influence import of_mean


def gather_evidence(
    bench: Workbench,
    held_out: HeldOut,
    metric: str,
    choice: Choice,
    best: Mapping[str, list[Result]],
    default: Result | None,
    deadline: float | None = None,
) -> dict[str, Any]:
    """The leaderboard and the steps, as JSON data, and as left_out the baselines that the deadline left no time for.

    best: for each family its best results.  default: the best of the defaults, which the search started from.
    """
    task = held_out.facts.task
    plain = replace(bench.facts, class_weight=None, limits=Limits())
    stood: dict[str, Float64] = {}
    left_out = []
    for baseline in baselines(task):
        try:
            found = _cross_validate(bench, plain, baseline, deadline)
        except OutOfTime:
            left_out.append(baseline.name)
        else:
            stood[baseline.name] = replace(held_out, facts=plain).scores(found)
    return {
        "leaderboard": _leaderboard(held_out, metric, choice, best, stood),
        "steps": _steps(held_out, choice, best, default, bench.seed),
        "left_out": left_out,
    }


def _leaderboard(
    held_out: HeldOut,
    metric: str,
    choice: Choice,
    best: Mapping[str, list[Result]],
    others: Mapping[str, Float64],
) -> list[dict[str, Any]]:
    """The winner, its members, the best of each family and the baselines; gain: of the winner over each, paired.

    others: each baseline's scores.
    """
    task, y, group, weight = held_out.facts.task, held_out.outcomes, held_out.groups, held_out.weights
    # of each model: what it is, its name, the trees that score a row, its scores
    stood: list[tuple[str, str, int, Float64]] = [
        ("winner", _name(choice), choice.n_trees, held_out.scores(choice))
    ]
    shown = list(choice.members) if len(choice.members) > 1 else []
    for role, results in (("member", shown), ("best of family", [found[0] for found in best.values()])):
        for result in results:
            alone = single(result)
            if not any(result is other for other in choice.members) or role == "member":
                stood.append((role, result.trial.family, alone.n_trees, held_out.scores(alone)))
    stood += [("baseline", name, 0, scores) for name, scores in others.items()]
    winner = stood[0][3]
    board = []
    for role, name, n_trees, scores in stood:
        value = measured(task, y, scores, group=group, weight=weight, only=metric).get(metric)
        gain = (
            None
            if role == "winner"
            else compared(task, y, scores, winner, metric, group=group, weight=weight)
        )
        board.append(
            {
                "model": name,
                "role": role,
                "trees": n_trees,
                "value": value and asdict(value),
                "gain": gain and asdict(gain),
            }
        )
    return board


def _name(choice: Choice) -> str:
    return choice.members[0].trial.family if len(choice.members) == 1 else "blend"


def _cross_validate(bench: Workbench, plain: Facts, baseline: Baseline, deadline: float | None) -> Choice:
    """Held-out raw scores of a baseline on the search's folds; NaN where no fold held a row out.

    plain: without class weights and limits: a baseline has none. Raises OutOfTime at the deadline.
    """
    margins = np.full((len(bench.table.y), plain.n_outputs), np.nan)
    is_free = baseline.style is None

    def fit(k: int) -> Output:
        rows, held = bench.folds[k]
        if not is_free and deadline is not None and time.perf_counter() > deadline:
            raise OutOfTime
        # the target alone, or the encoding that trials have made already
        inside, outside, _ = bench.parts(baseline.style or bench.styles[0], k)
        weight = None if bench.table.weight is None else bench.table.shares[rows]
        fitted = baseline.fit(Part(inside.X, inside.y, weight), plain, bench.seed, deadline)
        margins[held] = fitted.margins(outside)
        return fitted.output

    with ThreadPoolExecutor(max_workers=max(1, bench.threads)) as pool:
        outputs = list(pool.map(fit, range(len(bench.folds))))
    return Choice((), (), margins, outputs[0])


def _steps(
    held_out: HeldOut,
    choice: Choice,
    best: Mapping[str, list[Result]],
    default: Result | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Best default, tuned, blend, calibration: each with how much it lowered the loss, and the trees that it costs."""
    tuned = min((found[0] for found in best.values()), key=lambda r: r.trial.loss or 0.0)
    taken = [("best default", single(default or tuned)), ("tuned", single(tuned))]
    if len(choice.members) > 1:
        taken.append(("blend", choice))
    elif choice.members[0] is not tuned:
        taken.append(("chosen by the metric", choice))
    stood = [(name, c, held_out.losses(c)) for name, c in taken]
    corrected = _calibrated_losses(held_out, choice, seed)
    if corrected is not None and np.mean(held_out.shares * corrected) < held_out.loss(choice):
        stood.append(("calibration", choice, corrected))
    return [
        {
            "step": name,
            "model": _name(c),
            "loss": float(np.mean(held_out.shares * own)),
            "gain": None if at == 0 else _gain(held_out, stood[at - 1][2], own),
            "trees": c.n_trees,
        }
        for at, (name, c, own) in enumerate(stood)
    ]


def _calibrated_losses(held_out: HeldOut, choice: Choice, seed: int) -> Float64 | None:
    task = held_out.facts.task
    if task == "regression":
        return None
    margins = as_margins(task, choice.margins[held_out.rows], choice.output)
    none = held_out.facts.uncalibrated(choice.output)
    return calibration_losses(none, margins, held_out.outcomes, weight=held_out.shares, seed=seed)


def _gain(held_out: HeldOut, before: Float64, after: Float64) -> dict[str, float]:
    lower = of_mean(before - after, held_out.shares)
    return asdict(around(lower.value, lower.rows / len(lower.rows), held_out.groups))
