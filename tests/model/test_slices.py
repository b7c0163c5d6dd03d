"""The search for weak slices finds a planted one, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import polars as pl

from tenure.model.slices import find_weak, from_json, in_words, mask_of, measure, to_json


def world(seed: int, planted: bool, n: int = 3000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Rows with a calibrated score; in one slice of two columns the outcome has nothing to do with it."""
    rng = np.random.default_rng(seed)
    features = pl.DataFrame(
        {"plan": rng.choice(["a", "b", "c"], n), "months": rng.uniform(0, 40, n), "paid": rng.random(n) < 0.5}
    )
    p = 1 / (1 + np.exp(-rng.normal(0, 2.5, n)))
    y = (rng.random(n) < p).astype(float)
    if planted:
        weak = ((features["plan"] == "b") & features["paid"]).to_numpy()
        y[weak] = (rng.random(weak.sum()) < 0.5).astype(float)
    return features, y, np.column_stack([1 - p, p])


def test_a_planted_slice_is_found_and_confirmed_on_other_rows():
    found = find_weak(world(0, True)[0], "binary", *world(0, True)[1:])
    assert in_words(found[0]) in ("plan = b and paid = True", "paid = True and plan = b")
    condition = from_json(to_json(found[0]))
    features, y, scores = world(1, True)
    one = measure("planted", mask_of(condition, features), "binary", y, scores, "roc_auc")
    assert one.p < 1e-6
    assert one.gap is not None
    assert one.gap.low > 0.1


def test_where_there_is_none_rarely_anything_is_found():
    found = [bool(find_weak(world(seed, False)[0], "binary", *world(seed, False)[1:])) for seed in range(20)]
    assert sum(found) <= 3


def test_rows_that_are_only_hard_to_foretell_are_no_fault():
    rng = np.random.default_rng(0)
    hard = rng.random(4000) < 0.5
    p = np.where(hard, 0.5, 0.02) * np.where(rng.random(4000) < 0.5, 0.6, 1.4)
    y = (rng.random(4000) < p).astype(float)
    assert find_weak(pl.DataFrame({"hard": hard}), "binary", y, np.column_stack([1 - p, p])) == []
