"""What the rows, their order and their times give away, and what serving does not have: L501 to L802."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tenure.records import Task
from tests.prepare.leakage.builders import days, gate, honest, is_yes, only


def test_an_identifier_that_was_numbered_by_outcome_is_named():
    raw = honest()
    numbers = (
        np.argsort(np.argsort(is_yes(raw) + np.random.default_rng(0).uniform(0, 0.01, raw.height))) + 5000
    )
    finding = only(gate(raw.with_columns(record_id=pl.Series(numbers))))
    assert (finding.code, finding.severity, finding.column) == ("L501", "warning", "record_id")


def test_an_identifier_whose_first_letter_tells_is_named():
    raw = honest()
    keys = [f"{'CL'[int(left)]}{place:06d}" for place, left in enumerate(is_yes(raw))]
    assert only(gate(raw.with_columns(key=pl.Series(keys)), id="key")).column == "key"


def test_an_identifier_that_tells_nothing_passes():
    raw = honest()
    keys = np.random.default_rng(1).permutation(raw.height)
    assert gate(raw.with_columns(key=pl.Series(keys)), id="key").found == ()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_table_that_is_sorted_by_the_target_is_told_of(task: Task):
    finding = only(gate(honest(task=task).sort("outcome")))
    assert (finding.code, finding.severity, finding.column) == ("L502", "warning", None)


def test_order_is_time_when_there_is_a_time_column():
    raw = honest().sort("outcome").with_columns(day=pl.Series(days(np.arange(2000) // 3)))
    mixed = raw.with_columns(outcome=pl.Series(np.where(np.arange(2000) % 7 == 0, "yes", raw["outcome"])))
    assert gate(mixed, time="day").found == ()


def twice(raw: pl.DataFrame, share: float, seed: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    again = raw[rng.choice(raw.height, int(share * raw.height), replace=False)]
    both = pl.concat([raw, again])[rng.permutation(raw.height + again.height)]
    return both.with_columns(row=pl.Series([f"R{k}" for k in range(both.height)]))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_rows_that_stand_in_two_parts_stop(task: Task):
    finding = only(gate(twice(honest(task=task), 0.2), id="row"))
    assert (finding.code, finding.severity) == ("L601", "critical")
    assert set(finding.examples[0]) == {"training row", "test row"}


def test_rows_of_a_small_world_are_equal_by_chance():
    rng = np.random.default_rng(3)
    raw = pl.DataFrame({name: rng.choice(["a", "b", "c"], 3000) for name in ("x", "y", "z", "u")})
    raw = raw.with_columns(outcome=pl.Series(np.where(rng.random(3000) < 0.3, "yes", "no")))
    assert gate(raw).found == ()


def visits(n: int = 900, per: int = 3, *, same: bool = True) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    raw = honest(n)[np.repeat(np.arange(n), per)]
    raw = raw.with_columns(
        spend=pl.Series(rng.gamma(2, 30, raw.height).round(2)),
        customer_no=pl.Series([f"P{k:05d}" for k in np.repeat(rng.permutation(n), per)]),
    )
    if not same:
        raw = raw.with_columns(outcome=honest(n * per, seed=5)["outcome"])
    return raw[rng.permutation(raw.height)]


def test_a_customer_with_one_outcome_in_two_parts_stops():
    findings = gate(visits())
    finding = only(findings)
    assert (finding.code, finding.severity, finding.column) == ("L602", "critical", "customer_no")
    assert "data.group: customer_no" in finding.todo


def test_a_customer_with_one_outcome_passes_once_it_is_the_group():
    assert gate(visits(), group="customer_no").found == ()


def test_a_key_whose_rows_do_not_agree_is_no_entity():
    assert gate(visits(same=False)).found == ()


def test_in_a_sorted_table_rows_of_a_key_do_not_look_alike():
    raw = honest(4000).with_columns(zip_code=pl.Series(np.random.default_rng(6).integers(100, 900, 4000)))
    assert {f.code for f in gate(raw.sort("outcome")).found} == {"L502"}


def dated(lateness: np.ndarray) -> pl.DataFrame:
    when = np.sort(np.random.default_rng(7).integers(0, 600, len(lateness)))
    return honest(len(lateness)).with_columns(
        asof=pl.Series(days(when)), seen=pl.Series(days(when + lateness))
    )


def test_a_date_after_the_rows_own_time_is_asked_about():
    rng = np.random.default_rng(8)
    lateness = np.where(rng.random(2000) < 0.1, rng.integers(2, 30, 2000), -rng.integers(0, 300, 2000))
    finding = only(gate(dated(lateness), time="asof"))
    assert (finding.code, finding.severity, finding.column) == ("L701", "warning", "seen")


def test_a_date_whose_lateness_tells_the_target_stops():
    lateness = np.where(is_yes(honest(2000)), 20, -20)
    finding = gate(dated(lateness), time="asof").stopping[0]
    assert (finding.code, finding.column) == ("L701", "seen")


def test_dates_before_the_rows_time_pass():
    findings = gate(dated(-np.random.default_rng(9).integers(0, 300, 2000)), time="asof")
    assert findings.found == ()
    assert "L701" not in findings.not_run


def test_without_a_time_column_late_dates_are_not_looked_for_and_it_says_so():
    assert "data.time" in gate(honest()).not_run["L701"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_target_of_the_next_row_stops(task: Task):
    raw = honest(task=task)
    finding = only(gate(raw.with_columns(x=raw["outcome"].shift(-1).fill_null(raw["outcome"][0]))))
    assert (finding.code, finding.severity, finding.column) == ("L702", "critical", "x")


def test_the_target_of_the_row_before_is_known_in_time():
    raw = honest()
    assert gate(raw.with_columns(x=raw["outcome"].shift(1).fill_null("no"))).found == ()


def live(raw: pl.DataFrame, n: int = 400) -> pl.DataFrame:
    return raw.drop("outcome")[np.random.default_rng(10).choice(raw.height, n, replace=False)]


def test_rows_from_serving_that_look_like_training_pass():
    findings = gate(honest(), serving=live(honest(seed=11)))
    assert findings.found == ()
    assert "L801" not in findings.not_run


@pytest.mark.parametrize(("is_whole", "severity"), [(True, "critical"), (False, "warning")])
def test_a_column_that_serving_does_not_have_is_found(is_whole: bool, severity: str):
    finding = only(gate(honest(), serving=live(honest()).drop("calls"), is_whole=is_whole))
    assert (finding.code, finding.severity, finding.column) == ("L801", severity, "calls")


def test_a_column_that_is_always_empty_at_serving_stops():
    empty = live(honest()).with_columns(calls=pl.lit(None, dtype=pl.Int64))
    finding = only(gate(honest(), serving=empty))
    assert (finding.code, finding.severity, finding.column) == ("L801", "critical", "calls")


@pytest.mark.parametrize("column", ["age", "plan"])
def test_a_column_that_is_different_at_serving_is_asked_about(column: str):
    other = {"age": pl.lit(20.0), "plan": pl.lit("pro")}[column]
    finding = only(gate(honest(), serving=live(honest()).with_columns(other.alias(column))))
    assert (finding.code, finding.severity, finding.column) == ("L802", "warning", column)


@pytest.mark.parametrize(("rows", "why"), [(None, "no rows from serving yet"), (12, "too few")])
def test_without_rows_from_serving_it_is_not_run_and_says_so(rows: int | None, why: str):
    findings = gate(honest(), serving=None if rows is None else live(honest(), rows))
    assert why in findings.not_run["L801"]
