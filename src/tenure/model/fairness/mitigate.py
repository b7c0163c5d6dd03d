"""What can be done about a difference: weights of rows, a threshold for each group, a constraint during training.

The model without any of it is trained first, and the same one (families, settings) with it: what the second
is worse by is the price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tenure.errors import ConfigError
from tenure.model.fairness.constrain import Attempt, search_weights
from tenure.model.fairness.limited import LimitedDifference, all_groupings, joined_keys
from tenure.model.fairness.rates import Floats, Words
from tenure.model.fairness.reweigh import Weights, reweighing, tilt_of
from tenure.model.fairness.thresholds import choose_by_group
from tenure.model.settings import Clock, Plan, TrainSettings
from tenure.model.train import Trained, Unseen, cross_validate, train
from tenure.model.workbench import TrainingTable
from tenure.prepare.recipe import Recipe
from tenure.records import Task
from tenure.release.calibration import Calibration
from tenure.release.decide import GroupThresholds
from tenure.release.groups import GroupColumn
from tenure.release.influence import log_losses

Kind = Literal["reweighing", "threshold_by_group", "constraint"]

SEARCH_SHARE: Mapping[str, float] = {"reweighing": 0.6, "threshold_by_group": 1.0, "constraint": 0.35}
"""Of the budget, what the search without mitigation may use; the rest is for the fits that follow."""


@dataclass(frozen=True)
class Mitigation:
    """What is wanted. columns: by which rows are grouped.  metric, limit, least: what is to be kept, as measured.

    train, validation: column -> shape (n,), the group of each row of these parts.
    """

    kind: Kind
    columns: tuple[GroupColumn, ...]
    metric: str
    limit: float
    least: int
    train: Mapping[str, Words]
    validation: Mapping[str, Words]


def check_mitigation(kind: Kind, task: Task, where: str) -> None:
    """Raise ConfigError for what does not fit the task."""
    if task == "regression":
        raise ConfigError(
            f"{kind} is about classes, and the target is a number",
            where=where,
            todo="take the key out; a limit on mean errors is measured and gates all the same",
        )
    if task == "multiclass" and kind != "reweighing":
        raise ConfigError(
            f"{kind} works on one decision threshold, which several classes don't have",
            where=where,
            todo="choose reweighing, or take the key out",
        )


def train_mitigated(
    recipe: Recipe,
    table: TrainingTable,
    validation: TrainingTable,
    settings: TrainSettings,
    wanted: Mitigation,
    plan: Plan | None = None,
) -> Trained:
    """As model.train.train, with the mitigation; the model without it is in `plain`.

    plan: of an earlier call: its weights are taken, without a search.
    """
    clock = Clock(settings.budget_seconds)
    budget = settings.budget_seconds
    share = None if budget is None else budget * SEARCH_SHARE[wanted.kind]
    plain = train(recipe, table, validation, replace(settings, budget_seconds=share), plan=plan)
    rows, groups = _counted(table, wanted.train)
    if wanted.kind == "threshold_by_group":
        done = _by_threshold(plain, rows, groups, wanted, settings)
    else:
        weights, told = _weights(recipe, plain, rows, groups, settings, wanted, clock, plan)
        done = _refitted(
            recipe, plain, (rows, groups), _counted(validation, wanted.validation), settings, weights
        )
        kept = replace(plain.plan, evidence=done.plan.evidence, mitigation={"kind": wanted.kind, **told})
        done = replace(done, plan=kept)
    return replace(
        done,
        plain=replace(plain, unseen=None, folds=None),
        unseen=None,
        seconds={
            name: plain.seconds[name] + (done.seconds[name] if done.seconds is not plain.seconds else 0.0)
            for name in plain.seconds
        },
        warnings=tuple(
            dict.fromkeys([*plain.warnings, *done.warnings, *_doubts(done.plan.mitigation, wanted)])
        ),
    )


def weights_from(told: Mapping[str, Any]) -> dict[tuple[str, int], float]:
    """The weights of fits that a plan's mitigation keeps."""
    return {(str(group), int(label)): float(weight) for group, label, weight in told.get("weights", ())}


def _counted(table: TrainingTable, groups: Mapping[str, Words]) -> tuple[TrainingTable, dict[str, Words]]:
    """The rows that count, with their groups: as train leaves out those of weight 0."""
    if table.weight is None:
        return table, dict(groups)
    kept = np.flatnonzero(table.weight > 0)
    return table.rows(kept), {name: keys[kept] for name, keys in groups.items()}


def _by_threshold(
    plain: Trained,
    table: TrainingTable,
    groups: Mapping[str, Words],
    wanted: Mitigation,
    settings: TrainSettings,
) -> Trained:
    """The same model with a threshold for each group, where the common one does not keep the limit."""
    if plain.unseen is None:
        return _untouched(plain, wanted, "there are no held-out rows to choose thresholds by")
    rows, p = plain.unseen.rows, plain.unseen.scores[:, 1]
    held, keys = table.rows(rows), {name: words[rows] for name, words in groups.items()}
    difference = LimitedDifference(wanted.metric, held.y, all_groupings(keys), wanted.least)
    common = plain.calibration.threshold
    before = difference.of((p >= common).astype(np.int64))
    told: dict[str, Any] = {"kind": wanted.kind, "held_out": {"without": before}}
    if before <= wanted.limit:
        told["why"] = "the common threshold keeps the limit on held-out rows"
        return replace(plain, plan=replace(plain.plan, mitigation=told))
    chosen = choose_by_group(
        held.y,
        p,
        joined_keys(keys),
        metric=wanted.metric,
        limit=wanted.limit,
        rule=settings.threshold,
        common=common,
        least=wanted.least,
        weight=held.weight,
    )
    if not chosen:
        return _untouched(plain, wanted, "fewer than two groups have held-out rows enough")
    by_group = GroupThresholds(wanted.columns, chosen)
    cut = by_group.of_keys(list(zip(*keys.values(), strict=True)), common)
    after = difference.of((p >= cut).astype(np.int64))
    told |= {"held_out": {"without": before, "with": after}, "thresholds": chosen}
    return replace(
        plain,
        calibration=replace(plain.calibration, by_group=by_group),
        plan=replace(plain.plan, mitigation=told),
    )


def _untouched(plain: Trained, wanted: Mitigation, why: str) -> Trained:
    return replace(plain, plan=replace(plain.plan, mitigation={"kind": wanted.kind, "failed": why}))


def _weights(
    recipe: Recipe,
    plain: Trained,
    table: TrainingTable,
    groups: Mapping[str, Words],
    settings: TrainSettings,
    wanted: Mitigation,
    clock: Clock,
    plan: Plan | None,
) -> tuple[Weights, dict[str, Any]]:
    """The weights by group and class, and what the plan keeps of them."""
    if plan is not None:
        told = {key: value for key, value in plan.mitigation.items() if key != "kind"}
        return weights_from(told), told
    if wanted.kind == "reweighing":
        weights: Weights = reweighing(joined_keys(groups), table.y, table.shares, wanted.least)
        return weights, {"weights": _listed(weights)}
    if plain.unseen is None:
        return {}, {"weights": [], "failed": "there are no folds to search weights by"}
    chosen, made = _search(recipe, plain, plain.unseen, table, groups, settings, wanted, clock)
    kept = "the model keeps the limit without weights on held-out rows"
    nearer = "no weights brought held-out rows nearer to the limit"
    why = {} if chosen.weights else {"why": kept if chosen.difference <= wanted.limit else nearer}
    return chosen.weights, {
        **why,
        "weights": _listed(chosen.weights),
        "held_out": {"without": made[0].difference, "with": chosen.difference},
        "searched": [{"loss": one.loss, "difference": one.difference} for one in made],
    }


def _listed(weights: Weights) -> list[list[Any]]:
    return [[group, label, weight] for (group, label), weight in sorted(weights.items())]


def _search(
    recipe: Recipe,
    plain: Trained,
    unseen: Unseen,
    table: TrainingTable,
    groups: Mapping[str, Words],
    settings: TrainSettings,
    wanted: Mitigation,
    clock: Clock,
) -> tuple[Attempt, list[Attempt]]:
    joined, rows = joined_keys(groups), unseen.rows
    held = table.rows(rows)
    keys = {name: words[rows] for name, words in groups.items()}
    difference = LimitedDifference(wanted.metric, held.y, all_groupings(keys), wanted.least)
    shares = held.shares
    longest = 0.0

    def judged(weights: Weights, calibration: Calibration, scores: Floats) -> Attempt:
        decided = (scores[:, 1] >= calibration.threshold).astype(np.int64)
        loss = float(np.mean(shares * log_losses(held.y.astype(np.int64), scores)))
        return Attempt(weights, loss, difference.of(decided), decided)

    def attempt(weights: Weights) -> Attempt:
        nonlocal longest
        started = clock.elapsed
        tilted = replace(table, tilt=tilt_of(weights, joined, table.y))
        calibration, found = cross_validate(recipe, tilted, settings, plain.plan)
        longest = max(longest, clock.elapsed - started)
        return judged(weights, calibration, found.scores)

    # what follows the search is a fit as the plain one's was: about as long as a round of folds, twice
    room: Callable[[], bool] = lambda: clock.left() > 4.0 * longest  # noqa: E731
    return search_weights(
        attempt,
        judged({}, plain.calibration, unseen.scores),
        y=held.y,
        groups=joined[rows],
        metric=wanted.metric,
        limit=wanted.limit,
        least=wanted.least,
        room=room,
    )


def _refitted(
    recipe: Recipe,
    plain: Trained,
    inside: tuple[TrainingTable, Mapping[str, Words]],
    outside: tuple[TrainingTable, Mapping[str, Words]],
    settings: TrainSettings,
    weights: Weights,
) -> Trained:
    """The plain model's plan, carried out with weights; the plain model itself where there are none."""
    if not weights:
        return plain
    tilted = [
        replace(table, tilt=tilt_of(weights, joined_keys(groups), table.y))
        for table, groups in (inside, outside)
    ]
    return train(recipe, tilted[0], tilted[1], settings, plan=plain.plan, anew=True)


def _doubts(told: Mapping[str, Any], wanted: Mitigation) -> list[str]:
    """What a person has to be told of a mitigation that did not reach what it is for."""
    if "failed" in told:
        return [f"fairness.mitigate: {wanted.kind} changed nothing: {told['failed']}"]
    after = told.get("held_out", {}).get("with")
    if after is not None and after > wanted.limit:
        return [
            f"fairness.mitigate: {wanted.kind} did not come within the limit on held-out rows: "
            f"{wanted.metric} {after:.3f}, the limit is {wanted.limit:g}"
        ]
    return []
