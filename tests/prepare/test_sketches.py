"""Sketches keep the errors they state, and merge."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.prepare.hashes import hash_numbers
from tenure.prepare.sketches import DistinctCount, FrequentValues, Moments, QuantileSketch

RANDOM = np.random.default_rng(0)
SHAPES = {
    "normal": RANDOM.normal(size=60_000),
    "sorted": np.sort(RANDOM.lognormal(size=60_000)),
    "falling": -np.arange(50_000.0),
    "few values": RANDOM.integers(0, 5, 40_000).astype(float),
    "alternating": np.tile([1.0, -1.0], 20_000),
}


def largest_rank_error(sketch: QuantileSketch, values: np.ndarray) -> float:
    ordered = np.sort(values)
    at = np.unique(np.concatenate((ordered[:: max(1, len(ordered) // 500)], ordered[-1:])))
    exact = np.searchsorted(ordered, at, side="right") / len(ordered)
    return float(np.abs(sketch.cdf(at) - exact).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_ranks_stay_within_the_stated_error(shape: str) -> None:
    values = SHAPES[shape]
    whole, left, right = QuantileSketch(), QuantileSketch(), QuantileSketch()
    whole.update(values)
    left.update(values[:7777])
    right.update(values[7777:])
    left.merge(right)
    for sketch in (whole, left):
        assert sketch.n == len(values)
        assert sketch.points()[1].sum() == sketch.n
        assert 0.0 < sketch.rank_error < 0.005
        assert largest_rank_error(sketch, values) <= sketch.rank_error + 1e-12
        q = np.linspace(0.01, 0.99, 99)
        found, ordered = sketch.quantile(q), np.sort(values)
        low = np.searchsorted(ordered, found, side="left") / len(values)
        high = np.searchsorted(ordered, found, side="right") / len(values)
        assert np.all(low <= q + sketch.rank_error)
        assert np.all(high >= q - sketch.rank_error)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1e9, 1e9), max_size=200), st.integers(2, 20), st.integers(0, 200))
def test_small_sketches_keep_their_bound(values: list[float], half: int, cut: int) -> None:
    class Small(QuantileSketch):
        CAPACITY = 2 * half

    data = np.array(values)
    first, second = Small(), Small()
    first.update(data[:cut])
    second.update(data[cut:])
    first.merge(second)
    if len(data):
        assert largest_rank_error(first, data) <= first.rank_error + 1e-12


def test_quantiles_are_exact_while_all_values_are_kept() -> None:
    sketch = QuantileSketch()
    sketch.update(RANDOM.permutation(1001).astype(float))
    assert sketch.rank_error == 0.0
    assert sketch.quantile(0.5) == 500.0
    assert math.isnan(QuantileSketch().quantile(0.5))


def test_batches_change_nothing() -> None:
    values = RANDOM.normal(size=20_000)
    at_once, in_parts = QuantileSketch(), QuantileSketch()
    at_once.update(values)
    for part in np.array_split(values, 37):
        in_parts.update(part)
    assert at_once.to_dict() == in_parts.to_dict()


def test_moments_equal_those_of_the_whole() -> None:
    values = 1e6 + RANDOM.normal(size=10_000)
    moments = Moments()
    for part in np.array_split(values, 9):
        moments.update(part)
    assert moments.n == 10_000
    assert moments.mean == pytest.approx(values.mean(), rel=1e-14)
    assert moments.std == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert (moments.low, moments.high) == (values.min(), values.max())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from("abcdefghij"), max_size=100), st.integers(1, 12), st.integers(0, 100))
def test_frequent_values_keep_their_bound(letters: list[str], capacity: int, cut: int) -> None:
    left, right = FrequentValues(capacity), FrequentValues(capacity)
    for sketch, part in ((left, letters[:cut]), (right, letters[cut:])):
        for letter in part:
            sketch.update([letter], [1])
    left.merge(right)
    assert len(left.counts) <= capacity
    for letter in set(letters):
        true = letters.count(letter)
        assert true - left.error <= left.counts.get(letter, 0) <= true
    if len(set(letters)) <= capacity:
        assert left.error == 0


def test_distinct_counts_are_exact_then_close() -> None:
    few, many = DistinctCount(), DistinctCount()
    few.update(hash_numbers(RANDOM.integers(0, 1000, 50_000).astype(float)))
    assert (few.count, few.is_exact, few.relative_error) == (1000, True, 0.0)
    for part in np.array_split(np.arange(200_000.0), 7):
        other = DistinctCount()
        other.update(hash_numbers(part))
        many.merge(other)
    assert abs(many.count / 200_000 - 1.0) < 3.0 * many.relative_error


def test_all_come_back_from_json() -> None:
    values = RANDOM.normal(size=5000)
    for sketch in (Moments(), QuantileSketch()):
        sketch.update(values)
        assert type(sketch).from_dict(json.loads(json.dumps(sketch.to_dict()))).to_dict() == sketch.to_dict()
    distinct = DistinctCount()
    distinct.update(hash_numbers(values))
    np.testing.assert_array_equal(DistinctCount.from_dict(distinct.to_dict()).hashes, distinct.hashes)
    assert Moments.from_dict(json.loads(json.dumps(Moments().to_dict(), allow_nan=False))) == Moments()
