"""Drift alarms: silent without a shift, named with one."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.monitor.drift import decile_edges, measure_drift
from tenure.monitor.samples import LevelSample, NumberSample
from tenure.prepare.recipe import OTHER


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def numbers(values: object) -> NumberSample:
    return NumberSample.of(values)


def test_the_shifted_column_is_named_first_with_its_size(rng: np.random.Generator) -> None:
    reference = {"charge": numbers(rng.normal(64.8, 30, 5000)), "age": numbers(rng.normal(45, 10, 5000))}
    live = {"charge": numbers(rng.normal(95.2, 30, 800)), "age": numbers(rng.normal(45, 10, 800))}
    report = measure_drift(reference, live, {"age": "number", "charge": "number"})
    assert [column.column for column in report.alarms] == ["charge"]
    charge = report.columns[0]
    assert charge.text.startswith("charge: mean 64.")
    assert charge.text.endswith(f"PSI {charge.psi:.2f}")
    assert charge.psi == pytest.approx(1.0, abs=0.3)
    assert charge.distance == pytest.approx(0.39, abs=0.05)
    assert charge.p_value < 1e-6
    assert (charge.n_reference, charge.n_live, report.n_live) == (5000, 800, 800)


def test_a_significant_shift_that_is_small_is_no_alarm(rng: np.random.Generator) -> None:
    reference, live = numbers(rng.normal(0, 1, 100_000)), numbers(rng.normal(0.05, 1, 100_000))
    (column,) = measure_drift({"x": reference}, {"x": live}, {"x": "number"}).columns
    assert column.p_value < 1e-6
    assert not column.alarm


def test_a_large_shift_of_few_rows_is_no_alarm(rng: np.random.Generator) -> None:
    report = measure_drift(
        {"x": numbers(rng.normal(0, 1, 5000))}, {"x": numbers(rng.normal(5, 1, 20))}, {"x": "number"}
    )
    assert report.alarms == ()
    assert report.problem == "20 live rows, 30 are needed to judge drift"


@pytest.mark.parametrize(
    ("live", "text"),
    [
        (LevelSample(300, 0, {"a": 60, "b": 240}), "plan: 'b' 40.0% -> 80.0%, PSI"),
        (LevelSample(300, 0, {"a": 120, "b": 80, OTHER: 100}), "unknown or rare levels 0.0% -> 33.3%"),
        (LevelSample(200, 100, {"a": 120, "b": 80}), "missing 0.0% -> 33.3%"),
    ],
    ids=["shares", "unseen level", "missing"],
)
def test_levels_drift_in_three_ways(live: LevelSample, text: str) -> None:
    reference = LevelSample(1000, 0, {"a": 600, "b": 400})
    (column,) = measure_drift({"plan": reference}, {"plan": live}, {"plan": "category"}).alarms
    assert text in column.text


def test_missing_numbers_alone_are_an_alarm(rng: np.random.Generator) -> None:
    values = rng.normal(size=1000)
    gone = np.where(rng.random(1000) < 0.2, np.nan, values)
    (column,) = measure_drift({"x": numbers(values)}, {"x": numbers(gone)}, {"x": "number"}).alarms
    assert column.null_share == (0.0, pytest.approx(0.2, abs=0.05))


def test_dates_move_without_alarm_but_not_when_they_go_missing() -> None:
    reference = numbers(np.arange(1000.0))
    moved, missing = numbers(np.arange(1000.0) + 900), numbers(np.where(np.arange(1000) % 2, np.nan, 1.0))
    assert not measure_drift({"t": reference}, {"t": moved}, {"t": "date"}).alarms
    assert measure_drift({"t": reference}, {"t": missing}, {"t": "date"}).alarms


def test_columns_without_values_or_without_distribution_are_compared_by_missing_values_alone() -> None:
    empty = np.empty(0)
    before, now = NumberSample(100, 0, 12.0, empty, empty), numbers(np.full(100, 30.0))
    (column,) = measure_drift({"note": before}, {"note": now}, {"note": "text"}).columns
    assert (column.alarm, column.text) == (False, "note: mean length 12 -> 30")
    gone = numbers(np.full(100, np.nan))
    (column,) = measure_drift({"x": numbers(np.arange(100.0))}, {"x": gone}, {"x": "number"}).columns
    assert (column.alarm, column.null_share) == (True, (0.0, 1.0))


def test_only_named_columns_on_both_sides_are_compared() -> None:
    sample = numbers(np.arange(100.0))
    report = measure_drift(
        {"a": sample, "b": sample}, {"a": sample, "c": sample}, {"a": "number", "b": "number"}
    )
    assert [column.column for column in report.columns] == ["a"]
    assert measure_drift({}, {}, {}).columns == ()


def test_discrete_numbers_have_as_many_bins_as_values() -> None:
    assert decile_edges(numbers([0] * 90 + [1] * 10)).tolist() == [0]
    assert decile_edges(numbers([3.0] * 5)).tolist() == []
    assert len(decile_edges(numbers(np.arange(1000.0)))) == 9


def test_thinning_keeps_the_distribution_exact_at_what_is_kept(rng: np.random.Generator) -> None:
    whole = numbers(rng.lognormal(size=10_000))
    thin = whole.thinned()
    assert 190 <= len(thin.points) <= 201
    assert thin.share_up_to(thin.points) == pytest.approx(whole.share_up_to(thin.points))
    assert thin.shares[-1] == 1.0
    few = numbers([1.0, 2.0, np.nan])
    assert few.thinned() is few
    assert (few.n, few.nulls, few.mean) == (2, 1, 1.5)


def test_unchanged_tables_rarely_alarm(rng: np.random.Generator) -> None:
    significant = 0
    for _ in range(150):
        reference = {str(k): numbers(rng.normal(size=1000)) for k in range(5)}
        live = {str(k): numbers(rng.normal(size=200)) for k in range(5)}
        report = measure_drift(reference, live, dict.fromkeys(reference, "number"))
        significant += any(column.p_value < 0.05 for column in report.columns)
    assert significant / 150 < 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5
