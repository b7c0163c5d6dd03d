"""What the caller of training decides, and the plan that training carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tenure.model.class_weights import ClassWeight
from tenure.model.limits import Limits
from tenure.model.threshold import ThresholdRule
from tenure.model.workbench import Trial
from tenure.records import Estimate, Task

FAMILIES = ("logistic", "lightgbm", "xgboost", "catboost", "forest")
"""Every family, the cheapest to fit first."""

DEFAULT_METRIC: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
DEFAULT_TRIALS = 40
"""Trials where neither a budget nor a number of trials is given."""
FORMAT = "tenure-plan/1"


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """candidates: families to try.  metric: None is the task's usual one.

    budget_seconds: wall time of all that train does but loading libraries; None: no limit.
    max_trials: settings tried at most; alone, without a budget, it makes the outcome independent of the clock.
    blend: whether several models may be joined into one.  latency: seconds a row that its trees may take then.
    class_weight: see model.class_weights.  limits: what no model may do.
    coverage: of intervals around predicted numbers and of sets of several classes; None: neither.
    """

    candidates: tuple[str, ...] = FAMILIES
    metric: str | None = None
    budget_seconds: float | None = 120.0
    max_trials: int | None = None
    seed: int = 0
    threads: int = 2
    threshold: ThresholdRule | float = "f1"
    blend: bool = True
    latency: float = 80e-6
    class_weight: ClassWeight | None = None
    limits: Limits = field(default_factory=Limits)
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One model of the winner. rounds: of the refit on all rows given (0: the family has none).

    cv_rounds: what the folds found.  weight: of its margin in the blend; 1 for a single model.
    """

    family: str
    params: Mapping[str, Any]
    rounds: int
    cv_rounds: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class GeneratedFeature:
    """A feature that was proposed and kept. sql: its expression over the row.

    gain: how much lower the loss was with it on held-out training rows; see model.judge.
    """

    name: str
    sql: str
    gain: Estimate


@dataclass(frozen=True)
class Plan:
    """What was carried out: enough to come to the same bytes again without a clock.

    n_rows: of the last fit.  validated_by: "refit" (the winner fitted on the training rows) or "folds" (the
    mean of the folds' models).
    stopped: why the search ended.  features: generated ones that the rows had when this was carried out.
    evidence: what the search saw, as JSON data; see model.evidence.
    mitigation: what was done for fairness, as JSON data; see model.fairness.mitigate.  {}: nothing.
    """

    members: tuple[Member, ...]
    trials: tuple[Trial, ...] = ()
    n_folds: int = 0
    n_rows: int = 0
    validated_by: str = "refit"
    stopped: str = ""
    features: tuple[GeneratedFeature, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    mitigation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winner(self) -> str:
        """The family of the winner, or "blend"."""
        return self.members[0].family if len(self.members) == 1 else "blend"

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "format": FORMAT,
            "members": [
                {name: getattr(m, name) for name in m.__dataclass_fields__} | {"params": dict(m.params)}
                for m in self.members
            ],
            "trials": [trial.to_json() for trial in self.trials],
            "n_folds": self.n_folds,
            "n_rows": self.n_rows,
            "validated_by": self.validated_by,
            "stopped": self.stopped,
            "features": [asdict(feature) for feature in self.features],
            "evidence": dict(self.evidence),
            **({"mitigation": dict(self.mitigation)} if self.mitigation else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Read what to_json wrote. Raises ValueError for another format."""
        if data.get("format") != FORMAT:
            raise ValueError(f"the plan has the format {data.get('format')!r}; this version reads {FORMAT!r}")
        return cls(
            members=tuple(Member(**m) for m in data["members"]),
            trials=tuple(Trial(**{**t, "fold_losses": tuple(t["fold_losses"])}) for t in data["trials"]),
            n_folds=data["n_folds"],
            n_rows=data["n_rows"],
            validated_by=data["validated_by"],
            stopped=data["stopped"],
            features=tuple(
                GeneratedFeature(**{**feature, "gain": Estimate(**feature["gain"])})
                for feature in data.get("features", ())
            ),
            evidence=data.get("evidence", {}),
            mitigation=data.get("mitigation", {}),
        )


@dataclass
class Clock:
    """The budget as a deadline. Seconds on time.perf_counter(). loading: libraries, which is no part of it."""

    budget: float | None
    started: float = field(default_factory=time.perf_counter)
    loading: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start, without those of loading."""
        return time.perf_counter() - self.started

    def excuse(self, load: Callable[[], object]) -> None:
        """Load a library with the clock stopped: it takes what the machine's disk takes, and once in a process."""
        before = time.perf_counter()
        load()
        seconds = time.perf_counter() - before
        self.started += seconds
        self.loading += seconds

    def deadline(self, reserve: float = 0.0) -> float | None:
        """The moment that leaves `reserve` seconds of the budget; None without a budget."""
        return None if self.budget is None else self.started + self.budget - reserve

    def left(self, reserve: float = 0.0) -> float:
        """Seconds until that moment; infinite without a budget."""
        return float("inf") if self.budget is None else self.budget - reserve - self.elapsed


def cheapest_first(candidates: Sequence[str]) -> list[str]:
    """The families in the order in which they are tried; plug-ins come last, in the order given.

    >>> cheapest_first(["catboost", "logistic"])
    ['logistic', 'catboost']
    """
    own = [family for family in FAMILIES if family in candidates]
    return own + [name for name in dict.fromkeys(candidates) if name not in FAMILIES]
