"""When explanations are called stable."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.model.explain.stability import compare_fits, doubts_of, unmeasured

NAMES = ("a", "b", "c", "d")
SIZES = np.array([1.0, 0.5, 0.25, 0.1])


def effects(seed=0, sizes=SIZES):
    return np.random.default_rng(seed).normal(size=(400, 4)) * sizes


def test_the_same_effects_are_stable():
    found = compare_fits(NAMES, effects(), [effects(), effects()])
    assert found["moved"] == {"median": 0.0, "most": 0.0}
    assert found["ranks"]["least"] == pytest.approx(1.0)
    assert [c["column"] for c in found["columns"]] == list(NAMES)
    assert all(c["same_sign"] == 1.0 for c in found["columns"])
    assert doubts_of(found) == []


def test_importance_that_moves_to_other_columns_is_told():
    found = compare_fits(NAMES, effects(), [effects()[:, ::-1]] * 3)
    assert found["moved"]["median"] > 0.2
    assert found["ranks"]["median"] < 0.0
    assert "lies on other columns" in doubts_of(found)[0]


def test_columns_that_are_as_strong_may_swap_places():
    alike = effects(sizes=np.array([1.0, 0.98, 0.99, 0.97]))
    found = compare_fits(
        NAMES, alike, [alike[:, [1, 0, 3, 2]] * np.sign(alike) * np.sign(alike[:, [1, 0, 3, 2]])] * 2
    )
    assert doubts_of(found) == []


def test_a_strong_column_whose_effect_turns_round_is_told_and_a_weak_one_is_not():
    strong, weak = effects(), effects()
    strong[:, 0] *= -1
    weak[:, 3] *= -1
    assert "'a' keeps its sign" in doubts_of(compare_fits(NAMES, effects(), [strong, strong]))[0]
    assert doubts_of(compare_fits(NAMES, effects(), [weak, weak])) == []


def test_a_model_without_effects_and_one_with_one_column_are_no_doubt():
    nothing = compare_fits(NAMES, np.zeros((9, 4)), [np.zeros((9, 4))] * 2)
    assert nothing == {"measured": False, "why": "no column has an effect"}
    assert doubts_of(nothing) == []
    alone = compare_fits(["a"], effects()[:, :1], [effects(1)[:, :1]] * 2)
    assert alone["moved"]["most"] == 0.0
    assert doubts_of(unmeasured("no time")) == []
