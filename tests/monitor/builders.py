"""Makes predictions, reports and facts for tests of the monitor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tenure.journal.entries import Prediction
from tenure.monitor.drift import ColumnDrift, DriftReport
from tenure.monitor.performance import MetricChange, PerformanceReport
from tenure.monitor.report import HealthReport, MonitorReport, Window, make_checks
from tenure.records import Estimate

START = datetime(2026, 3, 1, tzinfo=UTC)


def make_prediction(number: int, **changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": f"p{number}",
        "row_id": f"c{number}",
        "at": START + timedelta(hours=number),
        "model": "telco",
        "version": "1",
        "release": "abc",
        "row": {"charge": 10.5 + number, "plan": "Basic"},
        "prediction": "no",
        "probability": 0.25,
        "margins": (-1.1,),
        "probabilities": None,
        "seconds": 0.001,
    }
    return Prediction(**plain | changes)


def make_report(
    *, drifted: bool = False, worse: bool = False, too_few: bool = False, health: HealthReport | None = None
) -> MonitorReport:
    shift = ColumnDrift(
        "charge",
        "number",
        0.4,
        1.31,
        0.001,
        5000,
        800,
        (0.0, 0.0),
        (0.0, 0.0),
        drifted,
        "charge: mean 64.8 -> 95.2",
    )
    released, realised = Estimate(0.85, 0.83, 0.87), Estimate(0.78, 0.75, 0.81)
    change = MetricChange("roc_auc", released, realised, Estimate(-0.07, -0.11, -0.03), worse)
    problem = "3 outcomes have arrived, 50 are needed to judge" if too_few else None
    drift = DriftReport(
        5000, 800, 0.05, (shift,), "20 live rows, 30 are needed to judge drift" if too_few else None
    )
    performance = PerformanceReport(
        800, 3 if too_few else 500, {"no": 400, "yes": 100}, {}, () if too_few else (change,), problem
    )
    health = health or HealthReport(800, 2, {422: 2}, {"1": 800}, {"p50": 0.001, "p99": 0.004}, START)
    window = Window(START, START + timedelta(days=7), START - timedelta(days=30))
    checks = make_checks(drift, performance, health)
    return MonitorReport("telco", "2", "abc", window, 800, 500, drift, performance, health, checks)
