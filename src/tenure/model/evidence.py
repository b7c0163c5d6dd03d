"""What the search saw, kept as plain data: a leaderboard on held-out training rows, and what each step gained.

Every model stands on the same rows, each row scored by models that were not fitted on it. The winner was chosen by
these numbers, so that its own flatter it a little; the test rows have the last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tenure.model.baselines import Baseline, baselines
from tenure.model.calibrate import as_margins, calibration_losses, row_losses
from tenure.model.candidates.base import Float64
from tenure.model.choose import Choice, scores_of, single
from tenure.model.workbench import Result, Rows, Workbench
from tenure.records import Task
from tenure.release.calibration import Output
from tenure.release.grouped import around, compared, measured


def gather_evidence(
    bench: Workbench, metric: str, choice: Choice, best: Mapping[str, list[Result]], default: Result | None
) -> dict[str, Any]:
    """The leaderboard and the steps, as JSON data.

    best: for each family its best results.  default: the best of the defaults, which the search started from.
    """
    return {
        "leaderboard": _leaderboard(bench, metric, choice, best),
        "steps": _steps(bench, choice, best, default),
    }


def _leaderboard(
    bench: Workbench, metric: str, choice: Choice, best: Mapping[str, list[Result]]
) -> list[dict[str, Any]]:
    """The winner, its members, the best of each family and the baselines; gain: of the winner over each, paired."""
    rows, task, group = bench.held_out, bench.facts.task, _groups(bench)
    y, n_classes = bench.table.y[rows], bench.facts.n_classes
    # of each model: what it is, its name, the trees that score a row, its scores
    stood: list[tuple[str, str, int, Float64]] = [
        ("winner", _name(choice), choice.n_trees, scores_of(task, n_classes, choice, rows))
    ]
    shown = list(choice.members) if len(choice.members) > 1 else []
    for role, results in (("member", shown), ("best of family", [found[0] for found in best.values()])):
        for result in results:
            alone = single(result)
            if not any(result is other for other in choice.members) or role == "member":
                scores = scores_of(task, n_classes, alone, rows)
                stood.append((role, result.trial.family, alone.n_trees, scores))
    for baseline in baselines(task):
        margins, output = _cross_validate(bench, baseline)
        scores = scores_of(task, n_classes, Choice((), (), margins, output), rows)
        stood.append(("baseline", baseline.name, 0, scores))
    winner = stood[0][3]
    board = []
    for role, name, n_trees, scores in stood:
        value = measured(task, y, scores, group=group).get(metric)
        gain = None if role == "winner" else compared(task, y, scores, winner, metric, group=group)
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


def _cross_validate(bench: Workbench, baseline: Baseline) -> tuple[Float64, Output]:
    """Held-out raw scores of a baseline on the search's folds; NaN where no fold held a row out."""
    margins = np.full((len(bench.table.y), bench.facts.n_outputs), np.nan)
    output: Output = "margin"
    for k, (_, held) in enumerate(bench.folds):
        inside, outside, _ = bench.parts(baseline.style or "linear", k)
        fitted = baseline.fit(inside, bench.facts, bench.seed)
        margins[held], output = fitted.margins(outside), fitted.output
    return margins, output


def _steps(
    bench: Workbench, choice: Choice, best: Mapping[str, list[Result]], default: Result | None
) -> list[dict[str, Any]]:
    """Best default, tuned, blend, calibration: each with how much it lowered the loss, and the trees that it costs."""
    rows, task, y = bench.held_out, bench.facts.task, bench.table.y
    tuned = min((found[0] for found in best.values()), key=lambda r: r.trial.loss or 0.0)
    taken = [("best default", single(default or tuned)), ("tuned", single(tuned))]
    if len(choice.members) > 1:
        taken.append(("blend", choice))
    elif choice.members[0] is not tuned:
        taken.append(("chosen by the metric", choice))
    losses = [_losses(task, c, y, rows) for _, c in taken]
    steps = [
        {
            "step": name,
            "model": _name(c),
            "loss": float(own.mean()),
            "gain": None if at == 0 else _gain(losses[at - 1], own, _groups(bench)),
            "trees": c.n_trees,
        }
        for at, ((name, c), own) in enumerate(zip(taken, losses, strict=True))
    ]
    if task != "regression":
        margins = as_margins(task, choice.margins[rows], choice.output)
        corrected = calibration_losses(task, bench.facts.n_classes, margins, y[rows], seed=bench.seed)
        if corrected is not None and corrected.mean() < losses[-1].mean():
            steps.append(
                {
                    "step": "calibration",
                    "model": _name(choice),
                    "loss": float(corrected.mean()),
                    "gain": _gain(losses[-1], corrected, _groups(bench)),
                    "trees": choice.n_trees,
                }
            )
    return steps


def _losses(task: Task, choice: Choice, y: Float64, rows: Rows) -> Float64:
    return row_losses(task, as_margins(task, choice.margins[rows], choice.output), y[rows])


def _gain(before: Float64, after: Float64, group: Any) -> dict[str, float]:
    lower = before - after
    gain = float(lower.mean())
    return asdict(around(gain, (lower - gain) / len(lower), group))


def _groups(bench: Workbench) -> Any:
    return None if bench.table.group is None else bench.table.group[bench.held_out]
