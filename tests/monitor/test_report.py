"""Checks and how a report is shown."""

from __future__ import annotations

import json

import pytest

from tenure.monitor.report import HealthReport
from tenure.records import Estimate
from tests.monitor.builders import make_report


def test_a_quiet_window_passes() -> None:
    report = make_report()
    assert report.passed
    assert [check.name for check in report.checks] == ["drift", "performance", "health"]
    assert "none of 1 columns drifted" in report.to_text()


def test_drift_and_loss_fail_and_are_named() -> None:
    report = make_report(drifted=True, worse=True)
    assert not report.passed
    text = report.to_text()
    assert "FAILED  drift: 1 of 1 columns drifted: charge" in text
    assert "charge: mean 64.8 -> 95.2" in text
    assert "FAILED  performance: worse than at release by more than noise: roc_auc" in text


def test_what_cannot_be_judged_passes_and_says_so() -> None:
    report = make_report(too_few=True)
    assert report.passed
    assert [check.judged for check in report.checks] == [False, False, True]


@pytest.mark.parametrize(
    ("predictions", "refusals", "passed", "judged"),
    [(0, 0, True, False), (1000, 10, True, True), (900, 100, False, True), (3, 1, True, True)],
)
def test_many_refusals_fail_the_health_check(
    predictions: int, refusals: int, passed: bool, judged: bool
) -> None:
    check = make_report(health=HealthReport(predictions, refusals)).checks[2]
    assert (check.passed, check.judged) == (passed, judged)


def test_a_report_is_plain_json() -> None:
    report = make_report(drifted=True, worse=True)
    body = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert body["passed"] is False
    assert body["window"]["since"] == "2026-03-01T00:00:00+00:00"
    assert body["drift"]["columns"][0]["column"] == "charge"
    assert body["health"]["refusals_by_status"] == {"422": 2}
    assert body["performance"]["judged"][0]["released"] == {"value": 0.85, "low": 0.83, "high": 0.87}
    assert Estimate(**body["performance"]["judged"][0]["realised"]).value == 0.78
