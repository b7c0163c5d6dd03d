"""The statistics, each beside scipy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tenure.monitor.shift import (
    chi_square_p_value,
    chi_square_tail,
    holm,
    index_by_chance,
    kolmogorov_p_value,
    pool_rare,
    population_stability_index,
)

counts = st.lists(st.integers(1, 500), min_size=2, max_size=8)


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 57, 200])
@pytest.mark.parametrize("statistic", [0.0, 0.01, 1.0, 30.0, 900.0, 5000.0])
def test_chi_square_tail_agrees_with_scipy(statistic: float, freedom: int) -> None:
    expected = stats.chi2.sf(statistic, freedom)
    assert chi_square_tail(statistic, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("distance", [0.02, 0.05, 0.08, 0.15])
def test_kolmogorov_agrees_with_the_exact_distribution(distance: float) -> None:
    exact = stats.ks_2samp(np.arange(1000) / 1000, np.arange(1000) / 1000 + distance, method="exact").pvalue
    assert kolmogorov_p_value(distance, 1000, 1000) == pytest.approx(exact, rel=0.1, abs=2e-3)


def test_chi_square_agrees_with_scipy() -> None:
    reference, live = [400, 300, 300], [90, 60, 50]
    expected = stats.chi2_contingency([reference, live], correction=False).pvalue
    assert chi_square_p_value(reference, live) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reference", "live"), [([0, 0], [3, 4]), ([5], [5]), ([], []), ([900, 0], [90, 0]), ([10, 3], [0, 0])]
)
def test_nothing_to_compare_is_no_evidence(reference: list[int], live: list[int]) -> None:
    assert chi_square_p_value(reference, live) == 1.0


def test_rare_levels_are_pooled_until_the_pool_is_large_enough() -> None:
    table = pool_rare(np.array([[1000.0, 30, 20, 10, 5], [100, 3, 2, 1, 0]]))
    assert table.tolist() == [[65, 1000], [6, 100]]


def test_a_level_that_the_reference_never_had_is_evidence() -> None:
    assert chi_square_p_value([1000, 0], [90, 10]) < 1e-10


@pytest.mark.parametrize("table", [[[1000, 3], [50, 2]], [[20, 1], [30, 0]], [[5, 5], [1, 4]]])
def test_small_tables_agree_with_fisher(table: list[list[int]]) -> None:
    expected = stats.fisher_exact(table).pvalue
    assert chi_square_p_value(*table) == pytest.approx(expected)


def test_holm_agrees_with_the_definition() -> None:
    assert holm([]) == []
    assert holm([0.5, 0.001, 0.02]) == pytest.approx([0.5, 0.003, 0.04])
    assert holm([0.9, 0.9]) == [1.0, 1.0]


@given(counts, st.integers(2, 50))
def test_psi_is_never_negative_symmetric_and_zero_without_shift(reference: list[int], factor: int) -> None:
    live = reference[::-1]
    there, back = population_stability_index(reference, live), population_stability_index(live, reference)
    assert there >= -1e-12
    assert there == pytest.approx(back)
    assert population_stability_index(reference, reference) == pytest.approx(0.0, abs=1e-12)


def test_psi_by_chance_is_what_chance_brings() -> None:
    rng = np.random.default_rng(0)
    drawn = [
        population_stability_index(rng.multinomial(2000, [0.1] * 10), rng.multinomial(300, [0.1] * 10))
        for _ in range(400)
    ]
    assert np.mean(drawn) == pytest.approx(index_by_chance(10, 2000, 300), rel=0.1)
