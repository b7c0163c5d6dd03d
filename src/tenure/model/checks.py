"""Numbered checks of a trained model: each a pure function from what was measured to findings; see docs/checks.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from tenure.config.checks import CHECK_CODES
from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts
from tenure.model.evaluate import Evaluation
from tenure.model.explain.stability import doubts_of
from tenure.model.settings import Plan
from tenure.model.slices import Slice
from tenure.prepare.waivers import apply_waivers
from tenure.records import Estimate
from tenure.release.bounds import NO_ERROR
from tenure.release.metrics import HIGHER_IS_BETTER

Severity = Literal["error", "warning"]

FAILING_SLICE = "M401"
LOST = 0.5
"""Share of the lead over the dummy, on the model's own rows, that is gone on unseen rows."""
EDGE = 0.02
"""Of a range, on its own scale: this near to its end is at its edge."""
NO_PENALTY = 0.01
NEARLY_PERFECT = {"roc_auc": 0.995, "r2": 0.99, "accuracy": 0.995}
FAULTLESS = 0.9
"""So high the lower bound has to be where there is no error at all: a few hundred rows can show no more."""
ONE_COLUMN = 0.8
FOLD_SPREAD = 0.25
"""The standard deviation of the folds' losses, as a share of their mean, above which the folds disagree."""
SLICE_ERROR = 0.05
WORTH_NAMING = 0.002
"""By how much a simpler model is better, of a metric that ends at 1, before a person has to hear of it."""
WORTH_NAMING_SHARE = 0.01
"""The same of a loss, as a share of the simpler model's own."""


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """What a check found. subject: what it is about: a setting, column, slice or model; None: the model itself.

    numbers: the evidence.  waived: why it is accepted, or None.
    """

    code: str
    severity: Severity
    subject: str | None
    what: str
    todo: str
    numbers: Mapping[str, float | int | Estimate] = field(default_factory=dict)
    waived: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {**asdict(self), "title": CHECK_CODES[self.code]}

    def __str__(self) -> str:
        """One line.

        >>> str(ModelFinding("M601", "error", None, "it knows no more than the dummy", "look for better columns"))
        'error M601: it knows no more than the dummy'
        """
        about = "" if self.subject is None else f" {self.subject!r}"
        head = f"{self.severity} {self.code}{about}: {self.what}"
        return head if self.waived is None else f"waived {head} (waived: {self.waived})"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the checks look at.

    declared, weak: slices as measured on test rows; the second were found on other rows.
    stability: of the explanations, see model.explain.stability.
    """

    evaluation: Evaluation
    plan: Plan
    facts: Facts
    importance: Mapping[str, float]
    declared: Sequence[Slice] = ()
    weak: Sequence[Slice] = ()
    stability: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dummy(self) -> str:
        """The name of the simplest baseline."""
        return next(iter(self.evaluation.baselines))


def check_model(
    measured: Measured, waive: Mapping[str, Mapping[str, str]]
) -> tuple[list[ModelFinding], tuple[tuple[str, str], ...]]:
    """Run every check; returns the findings, those that count first, and the waivers that fit none."""
    found, unused = apply_waivers((f for check in CHECKS for f in check(measured)), waive)
    found.sort(key=lambda f: (f.waived is not None, f.severity != "error", f.code))
    return found, unused


def check_signal(measured: Measured) -> Iterable[ModelFinding]:
    """M601: the lower bound of the gain over the dummy is not above zero."""
    gain = measured.evaluation.gain.get(measured.dummy)
    if gain is not None and gain.low <= 0.0:
        yield ModelFinding(
            "M601",
            "error",
            None,
            f"no signal: on {measured.evaluation.n_rows} test rows it is not better than the {measured.dummy}, "
            f"gain {gain} {measured.evaluation.metric}",
            "do not use it; check that target and rows belong together, add columns or rows",
            {"gain": gain, "test_rows": measured.evaluation.n_rows},
        )


def check_simpler(measured: Measured) -> Iterable[ModelFinding]:
    """M102 and M602: a baseline is better, or the simplest is not told apart."""
    gains = [(name, gain) for name, gain in measured.evaluation.gain.items() if name != measured.dummy]
    for name, gain in gains:
        if gain.high < 0.0 and -gain.value >= _worth_naming(measured.evaluation, name):
            yield ModelFinding(
                "M102",
                "warning",
                name,
                f"the {name} is better on the same test rows, by {_flipped(gain)} {measured.evaluation.metric}",
                "give the search more time (model.budget) or more families (model.candidates)",
                {"gain": gain},
            )
    level = level_with(measured.evaluation, measured.plan.winner)
    if level is not None and level != measured.dummy:
        gain = measured.evaluation.gain[level]
        yield ModelFinding(
            "M602",
            "warning",
            level,
            f"within noise of the {level}: gain {gain} {measured.evaluation.metric}",
            "where a model must be explained or served cheaply, take the simple one",
            {"gain": gain},
        )


def level_with(evaluation: Evaluation, winner: str) -> str | None:
    """The simplest baseline that the winner is not told apart from, or None; a linear one is no rival of the linear."""
    for name, gain in evaluation.gain.items():
        if gain.low <= 0.0 <= gain.high and not (winner == "logistic" and name.endswith("regression")):
            return name
    return None


def check_overfitting(measured: Measured) -> Iterable[ModelFinding]:
    """M101: of the lead over the dummy on its own rows, half is gone on unseen rows, by the bounds of the test."""
    evaluation, metric = measured.evaluation, measured.evaluation.metric
    own, test = evaluation.own.get(metric), evaluation.metrics.get(metric)
    dummy = evaluation.baselines[measured.dummy].get(metric)
    if own is None or test is None or dummy is None:
        return
    lead = abs(own.value - dummy.value)
    gone = [abs(own.value - v) / lead for v in (test.low, test.high)] if lead > 1e-9 else [0.0]
    least = min(gone) if not test.low <= own.value <= test.high else 0.0
    if least > LOST:
        yield ModelFinding(
            "M101",
            "warning",
            None,
            f"{metric} is {own.value:.4f} on rows that it was fitted on and {test} on test rows: "
            f"at least {least:.0%} of its lead over the {measured.dummy} does not hold",
            "fewer or stronger-penalised candidates, fewer columns, or more rows",
            {"own": own, "test": test, "lost": least},
        )


def check_edges(measured: Measured) -> Iterable[ModelFinding]:
    """M201: a number of the winner's settings is at an end of its range, which does not end there by nature."""
    import optuna

    for member in measured.plan.members:
        if member.cv_rounds and member.cv_rounds >= 0.98 * measured.facts.most_rounds:
            yield _edge(member.family, "rounds", member.cv_rounds, 1, measured.facts.most_rounds)
        trial = optuna.trial.FixedTrial(dict(member.params))
        try:
            candidate_named(member.family).suggest(trial, measured.facts)
        except ValueError:  # a default that the search does not hold: nothing was searched there
            continue
        for name, space in trial.distributions.items():
            value = member.params[name]
            if isinstance(space, optuna.distributions.CategoricalDistribution) or space.low == space.high:
                continue
            scale = np.log if space.log else float
            place = (scale(value) - scale(space.low)) / (scale(space.high) - scale(space.low))
            # no share is above 1, and a penalty of a hundredth is none: beyond these ends is nothing
            natural = (space.high == 1.0 and place > 0.5) or (space.low <= NO_PENALTY and place < 0.5)
            if not EDGE < place < 1.0 - EDGE and not natural:
                yield _edge(member.family, name, value, space.low, space.high)


def _edge(family: str, name: str, value: float, low: float, high: float) -> ModelFinding:
    return ModelFinding(
        "M201",
        "warning",
        f"{family}.{name}",
        f"is {value:.4g}, at the edge of the range {low:.4g} to {high:.4g} that is searched",
        "a better value may lie beyond; accept it, or compare with a model of your own",
        {"value": value, "low": low, "high": high},
    )


def check_too_good(measured: Measured) -> Iterable[ModelFinding]:
    """M301: nearly perfect, by the lower bound."""
    dummy = measured.evaluation.baselines[measured.dummy]
    as_good = [
        metric for metric, limit in NEARLY_PERFECT.items() if metric in dummy and dummy[metric].value >= limit
    ]
    found = nearly_perfect(measured.evaluation.metrics, except_for=as_good)
    if found is not None:
        metric, value = found
        yield ModelFinding(
            "M301",
            "warning",
            None,
            f"{metric} of {value} is rarely true: look for a column that knows the answer",
            "read docs/leakage.md; ask of the columns that matter most when their values are known",
            {metric: value, "limit": NEARLY_PERFECT[metric]},
        )


def nearly_perfect(
    metrics: Mapping[str, Estimate], *, except_for: Collection[str] = ()
) -> tuple[str, Estimate] | None:
    """The first metric that is too good to be true: its lower bound is above a limit, or there is no error at all.

    except_for: metrics that say nothing here: what the dummy reaches as well.

    >>> nearly_perfect({"roc_auc": Estimate(1.0, 0.93, 1.0)})
    ('roc_auc', Estimate(value=1.0, low=0.93, high=1.0))
    >>> nearly_perfect({"roc_auc": Estimate(0.997, 0.99, 0.999)})
    """
    for metric, limit in NEARLY_PERFECT.items():
        found = metrics.get(metric)
        if found is None or metric in except_for:
            continue
        if found.low > limit or (found.value >= NO_ERROR and found.low > FAULTLESS):
            return metric, found
    return None


def check_one_column(measured: Measured) -> Iterable[ModelFinding]:
    """M302: four fifths of all effect is one column's, of three or more."""
    total = sum(measured.importance.values())
    if len(measured.importance) < 3 or total <= 0.0:
        return
    column, effect = max(measured.importance.items(), key=lambda item: item[1])
    if effect / total >= ONE_COLUMN:
        yield ModelFinding(
            "M302",
            "warning",
            column,
            f"carries {effect / total:.0%} of the mean absolute effect of all {len(measured.importance)} columns",
            "make sure that it is known when the model is asked; without it the model is nothing",
            {"share": effect / total, "columns": len(measured.importance)},
        )


def check_slices(measured: Measured) -> Iterable[ModelFinding]:
    """M401: slices that are weak on the test rows, all of one kind together by Holm (1979)."""
    for slices, kind in ((measured.declared, "declared"), (measured.weak, "found on validation rows")):
        for place, one in enumerate(sorted(slices, key=lambda s: s.p)):
            if one.p > SLICE_ERROR / (len(slices) - place):
                break
            gap = "" if one.gap is None else f", {measured.evaluation.metric} worse by {one.gap}"
            yield ModelFinding(
                FAILING_SLICE,
                "warning",
                one.name,
                f"{kind}: on {one.n} test rows the loss is higher than elsewhere by {one.excess}{gap}",
                "look at these rows: fewer of them, other causes, or labels that are wrong",
                {
                    "rows": one.n,
                    "excess": one.excess,
                    "p": one.p,
                    **({} if one.gap is None else {"gap": one.gap}),
                },
            )


def check_folds(measured: Measured) -> Iterable[ModelFinding]:
    """M501: the standard deviation of the winner's loss over the folds is above a quarter of its mean."""
    for member in measured.plan.members:
        same = [
            t
            for t in measured.plan.trials
            if t.family == member.family and dict(t.params) == dict(member.params)
        ]
        losses = same[0].fold_losses if same else ()
        if len(losses) < 3:
            continue
        mean = float(np.mean(losses))
        spread = float(np.std(losses, ddof=1))
        if mean > 0.0 and spread / mean > FOLD_SPREAD:
            yield ModelFinding(
                "M501",
                "warning",
                member.family,
                f"its loss on the {len(losses)} folds runs from {min(losses):.4g} to {max(losses):.4g}",
                "more rows, or fewer columns; with a time split, ask what changed",
                {"lowest": min(losses), "highest": max(losses), "spread": spread / mean},
            )


def check_explanations(measured: Measured) -> Iterable[ModelFinding]:
    """M502: in fits on other rows the importance lies elsewhere, or a strong column's effect has another sign."""
    doubts = doubts_of(measured.stability)
    if doubts:
        yield ModelFinding(
            "M502",
            "warning",
            None,
            "; ".join(doubts),
            "do not act on single reasons; more rows, fewer columns, or one of columns that say the same",
            {"moved": measured.stability["moved"]["median"], "fits": measured.stability["fits"]},
        )


def _worth_naming(evaluation: Evaluation, name: str) -> float:
    """The least difference, in the metric's unit, that M102 speaks of: on many rows every difference is significant."""
    own = evaluation.baselines.get(name, {}).get(evaluation.metric)
    if HIGHER_IS_BETTER[evaluation.metric] or own is None:
        return WORTH_NAMING
    return WORTH_NAMING_SHARE * own.value


def _flipped(gain: Estimate) -> Estimate:
    return Estimate(-gain.value, -gain.high, -gain.low)


CHECKS: tuple[Callable[[Measured], Iterable[ModelFinding]], ...] = (
    check_signal,
    check_simpler,
    check_overfitting,
    check_edges,
    check_too_good,
    check_one_column,
    check_slices,
    check_folds,
    check_explanations,
)
