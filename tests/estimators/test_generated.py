"""Generated features in the estimators: kept where they earn their place, saved, explained, and told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tenure

FAST: dict[str, Any] = {"candidates": ["lightgbm"], "trials": 2, "threads": 1}


def charges(n: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Three charges, and whether their sum is above what half of the customers pay."""
    random = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {f"{when}_charge": random.gamma(4.0, 10.0, n).round(2) for when in ("day", "evening", "night")}
    )
    total = frame.sum_horizontal().to_numpy()
    noise = random.random(n) < 0.03
    return frame, (total > np.median(total)) ^ noise


@pytest.fixture(scope="module")
def fitted() -> tenure.Classifier:
    return tenure.Classifier(**FAST).fit(*charges(900))


def test_a_sum_that_decides_is_found_and_helps(fitted: tenure.Classifier):
    assert [feature["sql"].count("+") for feature in fitted.features_] == [2]
    assert fitted.features_[0]["gain"].low > 0
    X, y = charges(2000, seed=1)
    plain = tenure.Classifier(**FAST, generate_features=False).fit(*charges(900))
    assert plain.features_ == []
    assert fitted.score(X, y) > plain.score(X, y) + 0.01


def test_it_is_explained_beside_the_columns_and_sums_to_the_score(fitted: tenure.Classifier):
    X, _ = charges(5, seed=2)
    for told, probability in zip(fitted.explain(X), fitted.predict_proba(X)[:, 1], strict=True):
        assert fitted.features_[0]["name"] in {effect.column for effect in told.effects}
        total = told.base + sum(effect.effect for effect in told.effects) + told.rest
        assert total == pytest.approx(probability, abs=1e-9)


def test_a_release_holds_it_and_predicts_the_same_bits(fitted: tenure.Classifier, tmp_path: Path):
    X, _ = charges(50, seed=3)
    again = tenure.Classifier.load(fitted.save(tmp_path / "charges"))
    assert again.features_ == fitted.features_
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all()
    assert again.get_params() == fitted.get_params()


def test_noise_keeps_nothing_and_is_equal_to_not_asking():
    random = np.random.default_rng(4)
    X = pl.DataFrame({f"{when}_charge": random.gamma(4.0, 10.0, 600) for when in ("day", "evening", "night")})
    y = random.random(600) < 0.5
    asked = tenure.Classifier(**FAST).fit(X, y)
    assert asked.features_ == []
    plain = tenure.Classifier(**FAST, generate_features=False).fit(X, y)
    assert (asked.predict_proba(X) == plain.predict_proba(X)).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:M301")
def test_several_classes_numbers_and_weights_are_judged_too():
    X, _ = charges(900)
    total = X.sum_horizontal().to_numpy()
    classes = np.digitize(total, np.quantile(total, [0.33, 0.66]))
    assert tenure.Classifier(**FAST).fit(X, classes).features_
    assert tenure.Regressor(**FAST).fit(X, total**2).features_
    random = np.random.default_rng(5)
    weight = np.where(random.random(900) < 0.1, 0.0, 1.0)
    weighed = tenure.Classifier(**FAST).fit(X, total > np.median(total), sample_weight=weight)
    kept = weight > 0
    counted = tenure.Classifier(**FAST).fit(X.filter(kept), (total > np.median(total))[kept])
    assert [f["sql"] for f in weighed.features_] == [f["sql"] for f in counted.features_]


@pytest.mark.filterwarnings("ignore:the budget left no time")
def test_a_budget_that_is_too_short_is_told_of():
    with pytest.warns(UserWarning, match="generated features: nothing was tried"):
        tenure.Classifier(candidates=["lightgbm"], budget=1.0, threads=1).fit(*charges(900))
