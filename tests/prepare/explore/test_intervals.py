"""Intervals cover what they say, and measures agree with second opinions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from tenure.prepare.explore import intervals


def test_known_values() -> None:
    wilson = scipy.stats.binomtest(7, 40).proportion_ci(method="wilson")
    assert (intervals.rate(7, 40).low, intervals.rate(7, 40).high) == pytest.approx((wilson.low, wilson.high))
    values = np.random.default_rng(0).normal(size=500)
    found = intervals.mean(500, float(values.sum()), float(((values - values.mean()) ** 2).sum()))
    half = 1.96 * values.std(ddof=1) / math.sqrt(500)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-4)
    assert math.isinf(intervals.mean(1, 5.0, 0.0).high)


def test_cramers_v_is_bergsmas() -> None:
    table = np.array([[30.0, 10.0, 5.0], [12.0, 25.0, 18.0]])
    n, (rows, columns) = table.sum(), table.shape
    phi2 = scipy.stats.chi2_contingency(table, correction=False).statistic / n
    corrected = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    assert intervals.cramers_v(table).value == pytest.approx(math.sqrt(corrected / most))
    assert intervals.cramers_v(np.diag([40.0, 60.0])).value == pytest.approx(1.0, abs=1e-9)


def test_the_correlation_ratio_of_two_groups_is_twice_the_auc() -> None:
    random = np.random.default_rng(0)
    codes = (random.random(4000) < 0.15).astype(np.int64)
    values = scipy.stats.rankdata(np.round(random.normal(size=4000) + codes))  # many ties
    auc = scipy.stats.mannwhitneyu(values[codes == 1], values[codes == 0]).statistic / (
        (codes == 1).sum() * (codes == 0).sum()
    )
    assert intervals.rank_ratio(values, codes, 2).value == pytest.approx(abs(2 * auc - 1), abs=0.003)
    apart = intervals.rank_ratio(np.arange(1.0, 101.0), np.repeat([0, 1, 2], [10, 30, 60]), 3)
    assert apart.value == pytest.approx(1.0)


def test_degenerate_input_is_unknown_not_an_error() -> None:
    assert intervals.cramers_v(np.array([[5.0, 3.0]])).high == 1.0
    assert intervals.rank_ratio(np.full(9, 5.0), np.zeros(9, dtype=np.int64), 1).high == 1.0
    assert intervals.correlation(math.nan, 50, ranks=True).low == -1.0
    assert intervals.correlation(1.0, 50, ranks=False).low == 1.0


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.6])
def test_intervals_of_cramers_v_cover(strength: float) -> None:
    random = np.random.default_rng(3)
    shares = np.outer([0.5, 0.3, 0.2], [0.5, 0.3, 0.2]) * (1 - strength) + np.diag([0.5, 0.3, 0.2]) * strength
    ratio = shares / np.outer(shares.sum(axis=1), shares.sum(axis=0))
    truth = math.sqrt(((shares * ratio).sum() - 1) / 2)
    found = [
        intervals.cramers_v(random.multinomial(600, shares.ravel()).reshape(3, 3).astype(float))
        for _ in range(400)
    ]
    covered = np.mean([e.low - 1e-12 <= truth <= e.high + 1e-12 for e in found])
    assert 0.91 <= covered <= 1.0  # of 400; benchmarks/association_coverage.py says it exactly


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.5])
def test_intervals_of_the_correlation_ratio_cover(shift: float) -> None:
    random = np.random.default_rng(4)

    def draw(n: int) -> intervals.Estimate:
        codes = (random.random(n) < 0.25).astype(np.int64)
        return intervals.rank_ratio(
            scipy.stats.rankdata(random.exponential(size=n) + shift * codes), codes, 2
        )

    truth = draw(400_000).value if shift else 0.0
    found = [draw(500) for _ in range(300)]
    assert 0.91 <= np.mean([e.low - 1e-12 <= truth <= e.high + 1e-12 for e in found]) <= 1.0
