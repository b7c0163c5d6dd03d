"""Friedman's H on models whose interactions are known."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.model.explain.interactions import interactions, two_values
from tests.model.explain.worlds import NAMES, linear_scorer, number_rows


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_an_additive_model_has_none(task):
    assert interactions(linear_scorer([1.0, -1.0, 0.5], task=task), number_rows(30), NAMES, {}) == []


def test_a_product_is_all_interaction_and_equals_the_formula():
    rows = number_rows(40)
    found = interactions(linear_scorer([0.0, 0.0, 1.0, 2.0], product="a * b"), rows, NAMES, {})
    assert found[0]["columns"] == ["a", "b"]
    # by hand: the partial dependences of 2ab are 2 a b, 2 a mean(b) and 2 mean(a) b
    a, b = (rows[name].to_numpy() for name in ("a", "b"))
    joint, first, second = (v - v.mean() for v in (2 * a * b, 2 * a * b.mean(), 2 * a.mean() * b))
    expected = np.sum((joint - first - second) ** 2) / np.sum(joint**2)
    assert found[0]["h2"] == pytest.approx(expected, rel=1e-4)
    assert found[0]["strength"] == pytest.approx(np.sqrt(np.mean((joint - first - second) ** 2)), rel=1e-4)
    assert len(found) == 1  # c goes with nothing


def test_the_corners_tell_what_it_means():
    rows = number_rows(40)
    scorer = linear_scorer([0.0, 0.0, 0.0, 1.0], product="a * b")
    (found,) = interactions(scorer, rows, ["a", "b"], {"a": (-1.0, 1.0), "b": (0.0, 2.0)})
    assert [c["values"] for c in found["corners"]] == [["-1", "0"], ["-1", "2"], ["1", "0"], ["1", "2"]]
    assert [c["score"] for c in found["corners"]] == pytest.approx([0.0, -2.0, 0.0, 2.0])


def test_two_values_are_usual_ones():
    scorer, rows = linear_scorer([1.0, 0.0, 0.0]), number_rows(101)
    low, high = two_values(scorer.recipe.inputs[0], rows["a"])
    assert np.quantile(rows["a"], 0.2) < low < 0 < high < np.quantile(rows["a"], 0.8)
    assert two_values(scorer.recipe.inputs[0], rows["a"] * 0) is None
