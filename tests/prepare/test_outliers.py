"""Amounts far from the rest are counted; codes for "missing" are told from them."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from tenure.prepare.date_text import micros_of
from tenure.prepare.outliers import find_outliers, find_sentinels

RANDOM = np.random.default_rng(0)


def test_amounts_beyond_the_fences_are_counted_with_their_rows() -> None:
    values = RANDOM.normal(50.0, 5.0, 1000)
    values[[10, 20, 30]] = 500.0, -600.0, np.nan
    found = find_outliers("x", values)
    assert found is not None
    assert (found.n_low, found.n_high, found.n) == (1, 1, 2)
    assert found.examples == ((20, -600.0), (10, 500.0))
    first, third = np.nanquantile(values, (0.25, 0.75))
    assert found.low == pytest.approx(first - 3 * (third - first))
    assert found.high == pytest.approx(third + 3 * (third - first))


def test_a_skewed_column_is_fenced_on_its_logarithm() -> None:
    values = np.exp(RANDOM.normal(3.0, 1.0, 5000))
    plain = (values > np.quantile(values, 0.75) + 3 * np.subtract(*np.quantile(values, (0.75, 0.25)))).sum()
    found = find_outliers("x", np.append(values, 1e9))
    assert plain > 50
    assert found is not None
    assert found.rule.endswith("of the logarithm")
    assert (found.n, found.examples) == (1, ((5000, 1e9),))


@pytest.mark.parametrize("values", [np.zeros(500), np.arange(10.0), np.append(np.zeros(90), np.arange(10.0))])
def test_columns_without_fences(values: np.ndarray) -> None:
    assert find_outliers("x", values) is None


@pytest.mark.parametrize(
    ("code", "others"),
    [
        (-999.0, (0, 100)),
        (9999.0, (0, 500)),
        (99999.0, (0, 41310)),
        (999.0, (-5, 5)),
        (-1.0, (0, 72)),
        (-9.0, (1, 5)),
    ],
)
def test_codes_for_missing(code: float, others: tuple[int, int]) -> None:
    cells = [*RANDOM.integers(*others, 980).astype(float).tolist(), *([code] * 20)]
    (found,) = find_sentinels("x", pl.Series("x", cells))
    assert (found.value, found.n) == (f"{code:.0f}", 20)
    assert f"{{x: [{code:.0f}]}}" in found.warning


@pytest.mark.parametrize(
    "cells",
    [
        [*range(100), 99, 99, 99, 99, 99],
        [*RANDOM.integers(0, 100, 990).tolist(), 9999],
        [*RANDOM.integers(-3, 100, 990).tolist(), *[-1] * 20],
        [*RANDOM.normal(0, 1, 990).tolist(), *[-1.0] * 20],
        [*RANDOM.integers(0, 100, 990).tolist(), *[1234] * 20],
        [1.0, 1.0, 2.0],
    ],
)
def test_amounts_are_no_codes(cells: list[float]) -> None:
    assert find_sentinels("x", pl.Series("x", cells, dtype=pl.Float64)) == []


def test_dates_that_stand_for_missing() -> None:
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i % 300) for i in range(500)]
    codes = [datetime.date(1900, 1, 1)] * 10 + [datetime.date(9999, 12, 31)] * 7
    cells = pl.Series("since", [micros_of(day) for day in [*days, *codes]])
    found = find_sentinels("since", cells, is_date=True)
    assert [(sentinel.value, sentinel.n) for sentinel in found] == [("1900-01-01", 10), ("9999-12-31", 7)]
    assert find_sentinels("since", cells[:500], is_date=True) == []
