"""What a monitor run found: drift, performance and health of one window, and which checks passed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tenure.monitor.drift import DriftReport
from tenure.monitor.performance import PerformanceReport

MAX_REFUSED = 0.05
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer. judged: False when there was too little to go by; it then passes."""

    name: str
    passed: bool
    text: str
    judged: bool = True


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The service over the window.

    refusals: rows it would not score, by HTTP status.  seconds: quantile -> time to the score.
    by_version: predictions of each version.  last: the latest prediction, None without any.
    """

    predictions: int
    refusals: int
    refusals_by_status: Mapping[int, int] = field(default_factory=dict)
    by_version: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, since <= t < until; since None: from the beginning. outcomes_since: where realised
    performance starts to look, earlier than since because outcomes take time to arrive."""

    since: datetime | None
    until: datetime
    outcomes_since: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """One run of the monitor for one champion. n_predictions: live rows that were compared."""

    model: str
    version: str
    release: str
    window: Window
    n_predictions: int
    n_outcomes: int
    drift: DriftReport
    performance: PerformanceReport
    health: HealthReport
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; times as ISO 8601."""
        return {**_plain(asdict(self)), "passed": self.passed}

    def to_text(self) -> str:
        """What a person reads in a terminal."""
        since = self.window.since.isoformat(timespec="minutes") if self.window.since else "the beginning"
        lines = [
            f"{self.model} version {self.version}, {since} to "
            f"{self.window.until.isoformat(timespec='minutes')}: "
            f"{self.n_predictions} live rows, {self.n_outcomes} outcomes"
        ]
        lines += [f"{_mark(check):>6}  {check.name}: {check.text}" for check in self.checks]
        lines += [f"        {column.text}" for column in self.drift.alarms]
        lines += [f"        {change.text}" for change in self.performance.judged]
        return "\n".join(lines)


def make_checks(
    drift: DriftReport, performance: PerformanceReport, health: HealthReport
) -> tuple[Check, ...]:
    """Turn what was measured into the three checks: drift, performance, health."""
    return (_check_drift(drift), _check_performance(performance), _check_health(health))


def _check_drift(drift: DriftReport) -> Check:
    if drift.problem:
        return Check("drift", True, drift.problem, judged=False)
    if drift.alarms:
        names = ", ".join(column.column for column in drift.alarms)
        return Check("drift", False, f"{len(drift.alarms)} of {len(drift.columns)} columns drifted: {names}")
    return Check(
        "drift", True, f"none of {len(drift.columns)} columns drifted, over {drift.n_live} live rows"
    )


def _check_performance(performance: PerformanceReport) -> Check:
    if performance.problem:
        return Check("performance", True, performance.problem, judged=False)
    arrived = f"{performance.n_outcomes} of {performance.n_predictions} outcomes arrived"
    if performance.worse:
        names = ", ".join(change.metric for change in performance.worse)
        return Check("performance", False, f"worse than at release by more than noise: {names} ({arrived})")
    return Check("performance", True, f"as at release, within noise ({arrived})")


def _check_health(health: HealthReport) -> Check:
    total = health.predictions + health.refusals
    if not total:
        return Check("health", True, "no request in the window", judged=False)
    share = health.refusals / total
    low = share - _Z95 * math.sqrt(share * (1 - share) / total)
    text = f"{health.predictions} predictions, {health.refusals} requests refused"
    if "p99" in health.seconds:
        text += f", 99 % scored within {1000 * health.seconds['p99']:.1f} ms"
    return Check("health", not (low > MAX_REFUSED and health.refusals > 1), text)


def _mark(check: Check) -> str:
    return ("ok" if check.judged else "-") if check.passed else "FAILED"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
