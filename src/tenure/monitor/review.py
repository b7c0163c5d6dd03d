"""The review: from a report to a verdict, by rules that a person can read.

Everything here is a pure function of facts. Training, scoring and promoting are done by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.errors import TenureError
from tenure.monitor.report import MonitorReport
from tenure.monitor.worth import Worth
from tenure.records import Estimate, Task
from tenure.release.decide import Thresholds
from tenure.release.metrics import compare

Verdict = Literal["keep", "retrain", "promote", "roll_back", "ask"]
VERDICTS: tuple[str, ...] = get_args(Verdict)

MIN_ROWS = 200
MIN_OF_A_CLASS = 20
DAY = 86_400.0
PROBATION = 30 * DAY
"""How long after a promotion the champion before it is still the better guess."""

TRAINING_SHARE = 0.6
MIN_OF_A_CLASS_IN_PART = 5
MIN_COMPARED = 50


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What a review needs to know beside the report.

    champion: its version.  age, since_promotion: seconds since it was trained and promoted.
    previous: version of the champion before it, None if there is none.
    previous_lead: how much better the previous champion is on the same outcomes (paired, positive: better);
    None when it was not measured.  n_labelled: rows with an outcome that the champion was not trained on.
    by_class: of these; empty for regression.  retraining_worth: from worth.worth_of_retraining.
    """

    champion: str
    age: float
    since_promotion: float
    previous: str | None = None
    previous_lead: Estimate | None = None
    n_labelled: int = 0
    by_class: Mapping[str, int] = field(default_factory=dict)
    retraining_worth: Worth | None = None


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """when: which alarms lead to retraining.  max_age: seconds.  probation: seconds after a promotion."""

    when: tuple[str, ...] = ("drift", "performance", "age")
    max_age: float = 90 * DAY
    probation: float = PROBATION
    min_rows: int = MIN_ROWS
    min_of_a_class: int = MIN_OF_A_CLASS


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with the rule that gave it, its reasons in words, and the facts they rest on.

    expected_worth: in money, with its interval and what it assumes; None without business values.
    """

    verdict: Verdict
    rule: str
    reasons: tuple[str, ...]
    evidence: dict[str, Any]
    expected_worth: Worth | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Situation:
    """The report and the facts, put as the questions that the rules ask.

    alarms: kind -> what is wrong, for the kinds that the settings heed.
    """

    facts: ReviewFacts
    settings: ReviewSettings
    alarms: Mapping[str, Sequence[str]]

    @property
    def worse_after_promotion(self) -> bool:
        """Performance fell soon after a promotion, and nothing speaks against the champion before."""
        facts = self.facts
        lead = facts.previous_lead
        return (
            "performance" in self.alarms
            and facts.previous is not None
            and facts.since_promotion <= self.settings.probation
            and (lead is None or lead.low > 0)
        )

    @property
    def lacking(self) -> list[str]:
        """What is missing to retrain; empty when there is enough."""
        wanted = []
        missing = self.settings.min_rows - self.facts.n_labelled
        if missing > 0:
            wanted.append(f"{missing} more outcomes (of {self.settings.min_rows})")
        for label, count in self.facts.by_class.items():
            if count < self.settings.min_of_a_class:
                short = self.settings.min_of_a_class - count
                wanted.append(f"{short} more of {label!r} (of {self.settings.min_of_a_class})")
        return wanted


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: the first rule whose condition holds gives the verdict."""

    name: str
    verdict: Verdict
    when: str
    holds: Callable[[Situation], bool]


RULES: tuple[Rule, ...] = (
    Rule(
        "worse after promotion",
        "roll_back",
        "performance is worse by more than noise within 30 days of a promotion, and the champion before is "
        "there and was not measured to be no better",
        lambda s: s.worse_after_promotion,
    ),
    Rule(
        "alarm with enough outcomes",
        "retrain",
        "drift, performance or age alarms, and at least 200 new outcomes, 20 of each class",
        lambda s: bool(s.alarms) and not s.lacking,
    ),
    Rule(
        "alarm without enough outcomes",
        "ask",
        "drift, performance or age alarms, and too few outcomes to train and compare on",
        lambda s: bool(s.alarms),
    ),
    Rule("nothing to answer", "keep", "otherwise", lambda s: True),
)
"""Read from the top; numbers in the text are the defaults of ReviewSettings."""


def decide(
    report: MonitorReport, facts: ReviewFacts, settings: ReviewSettings = ReviewSettings()
) -> Decision:
    """Give the verdict on the champion: keep, retrain, roll_back or ask."""
    raised = find_alarms(report, facts, settings)
    situation = Situation(
        facts, settings, {kind: texts for kind, texts in raised.items() if kind in settings.when}
    )
    rule = next(rule for rule in RULES if rule.holds(situation))
    reasons = [text for texts in situation.alarms.values() for text in texts]
    reasons += [
        f"{kind} is not in retrain.when: {text}"
        for kind, texts in raised.items()
        if kind not in settings.when
        for text in texts
    ]
    if rule.verdict == "ask":
        reasons.append(f"to retrain, missing: {', '.join(situation.lacking)}")
    if rule.verdict == "roll_back":
        lead = facts.previous_lead
        measured = "not measured on the same rows" if lead is None else f"better on the same rows by {lead}"
        reasons.append(f"version {facts.previous} held the post before; it is {measured}")
    if rule.verdict == "keep" and not reasons:
        reasons.append(_why_keep(report))
    return Decision(
        verdict=rule.verdict,
        rule=rule.name,
        reasons=tuple(reasons),
        evidence={
            "condition": rule.when,
            "alarms": {kind: list(texts) for kind, texts in raised.items()},
            "facts": {key: value for key, value in asdict(facts).items() if key != "retraining_worth"},
            "checks": [asdict(check) for check in report.checks],
        },
        expected_worth=facts.retraining_worth if rule.verdict == "retrain" else None,
    )


def find_alarms(
    report: MonitorReport, facts: ReviewFacts, settings: ReviewSettings
) -> dict[str, tuple[str, ...]]:
    """What is wrong, by kind: drift, performance, age; kinds without an alarm are left out."""
    alarms: dict[str, tuple[str, ...]] = {}
    if report.drift.alarms:
        alarms["drift"] = tuple(column.text for column in report.drift.alarms)
    if report.performance.worse:
        alarms["performance"] = tuple(change.text for change in report.performance.worse)
    if facts.age > settings.max_age:
        alarms["age"] = (
            f"version {facts.champion} was trained {facts.age / DAY:.0f} days ago, "
            f"{settings.max_age / DAY:.0f} are allowed",
        )
    return alarms


def compare_challenger(
    y: ArrayLike,
    champion_scores: ArrayLike,
    challenger_scores: ArrayLike,
    task: Task,
    metric: str,
    *,
    thresholds: tuple[Thresholds, Thresholds] = (0.5, 0.5),
    promote: str = "automatic",
    worth: Worth | None = None,
) -> Decision:
    """Decide between champion and challenger on the same later rows, which neither was trained on.

    y, scores: as release.metrics.metrics_for takes them.  thresholds: of champion and challenger.
    promote: "automatic", or "manual": a person is asked where the rule would promote.
    The challenger is promoted only when the paired 95 % interval of the difference lies above 0.
    """
    labels = np.asarray(y, dtype=np.float64).reshape(-1)
    problem = _incomparable(labels, task)
    if problem:
        return Decision("ask", "too few rows to compare on", (problem,), {"n_rows": len(labels)})
    lead = compare(task, labels, champion_scores, challenger_scores, metric, thresholds=thresholds)
    evidence = {"metric": metric, "n_rows": len(labels), "challenger_lead": asdict(lead)}
    difference = f"on {len(labels)} later rows the challenger is better by {lead} in {metric}"
    if lead.low <= 0:
        reason = f"{difference}: not more than noise"
        return Decision("keep", "challenger not better by more than noise", (reason,), evidence, worth)
    if promote == "manual":
        reason = f"{difference}: more than noise, and retrain.promote is manual"
        return Decision("ask", "challenger better, promotion by hand", (reason,), evidence, worth)
    reason = f"{difference}: more than noise"
    return Decision("promote", "challenger better by more than noise", (reason,), evidence, worth)


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Positions of labelled rows: earlier ones to train on, later ones to compare on; both in time order."""

    train: NDArray[np.int64]
    compare: NDArray[np.int64]


def split_by_time(
    at: ArrayLike, y: ArrayLike, task: Task, share: float = TRAINING_SHARE, *, n_classes: int = 2
) -> TimeSplit:
    """Split labelled rows into the first share, to train on, and the later rest, to compare on.

    at: shape (n,), when each row was predicted, anything sortable.  y: shape (n,), class index or number.
    The cut moves away from share as little as is needed for 5 rows of each class on either side.
    Raises TenureError when no cut gives that.

    >>> split_by_time(range(20), [0, 1] * 10, "binary").train.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    labels = np.asarray(y, dtype=np.float64).reshape(-1)
    order = np.argsort(np.asarray(at), kind="stable")
    n, wanted = len(order), round(share * len(order))
    groups = [np.ones(n)] if task == "regression" else [labels[order] == k for k in range(n_classes)]
    least = MIN_OF_A_CLASS_IN_PART
    before = [np.concatenate([[0], np.cumsum(group)]) for group in groups]
    fits = np.all([(counts >= least) & (counts[-1] - counts >= least) for counts in before], axis=0)
    cuts = np.flatnonzero(fits)
    if not len(cuts):
        raise TenureError(
            f"the {n} rows with an outcome can't be split by time with {least} of each class on either side",
            todo="wait for more outcomes",
        )
    cut = int(cuts[np.argmin(np.abs(cuts - wanted))])
    return TimeSplit(order[:cut], order[cut:])


def _incomparable(y: NDArray[np.float64], task: Task) -> str | None:
    if len(y) < MIN_COMPARED:
        return f"{len(y)} later rows have an outcome, {MIN_COMPARED} are needed to compare"
    if task != "regression":
        _, counts = np.unique(y, return_counts=True)
        if len(counts) < 2 or counts.min() < MIN_OF_A_CLASS_IN_PART:
            return f"each class needs {MIN_OF_A_CLASS_IN_PART} later rows with an outcome to compare"
    return None


def _why_keep(report: MonitorReport) -> str:
    unjudged = [check.text for check in report.checks if not check.judged]
    return "; ".join(unjudged) if unjudged else "no drift, no loss of performance, not too old"
