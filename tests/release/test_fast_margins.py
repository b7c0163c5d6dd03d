"""The compiled scores of tables: LightGBM's to the last bit, whatever the trees and the rows."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.model.tree_format import Tree, model_text
from tenure.release import trees
from tenure.release.fast_margins import FastMargins, can_score
from tenure.release.trees import TreePredictor

pytest.importorskip("numba", reason="extra explain")

SPECIAL = [
    0.0,
    -0.0,
    1e-45,
    -1e-40,
    1e-36,
    1e-34,
    1e38,
    3.4e38,
    -3.4e38,
    np.inf,
    -np.inf,
    np.nan,
    31.5,
    32,
    -1,
    -0.5,
]


def make_table(n_rows: int = 1500, d: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, d)).astype(np.float32)
    X[:, 3] = rng.integers(0, 40, size=n_rows)
    signal = X[:, 0] * X[:, 1] + np.sin(X[:, 3]) + rng.normal(size=n_rows)
    return X, signal


def strange_rows(X: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(2)
    strange = rng.choice(np.array(SPECIAL, dtype=np.float32), size=(1000, X.shape[1]))
    mixed = np.where(rng.random(X.shape) < 0.2, rng.choice(strange.ravel(), X.shape), X)
    with np.errstate(over="ignore"):
        return np.vstack([X, strange, mixed, X * np.float32(1e38)]).astype(np.float32)


def assert_same_bits(text: str | bytes, rows: np.ndarray) -> None:
    predictor = TreePredictor(text)
    assert can_score(predictor.model_text())
    fast = FastMargins(predictor.model_text(), predictor.n_outputs, predictor.n_features)
    found = fast(rows)
    assert found.tobytes() == predictor.margins(rows).tobytes()
    for length in (0, 1, 63, 64, 65):
        assert fast(rows[:length]).tobytes() == found[:length].tobytes()


@pytest.mark.parametrize("leaves", [2, 31, 64])
@pytest.mark.parametrize("missing", ["nan", "zero", "none"])
@pytest.mark.parametrize("objective", ["binary", "multiclass"])
def test_equals_lightgbm_with_categories_and_missing_values(
    missing: str, objective: str, leaves: int
) -> None:
    import lightgbm

    X, signal = make_table()
    X[np.random.default_rng(1).random(X.shape) < 0.1] = {"nan": np.nan, "zero": 0.0, "none": 1e-38}[missing]
    y = np.digitize(signal, [-1, 1]) if objective == "multiclass" else signal > 0
    params = {"objective": objective, "verbose": -1, "num_threads": 1, "zero_as_missing": missing == "zero"}
    params |= {"num_class": 3} if objective == "multiclass" else {}
    params |= {"num_leaves": leaves, "min_data_in_leaf": 1}
    data = lightgbm.Dataset(X, y, categorical_feature=[3], params={"verbose": -1})
    text = lightgbm.train(params, data, num_boost_round=20).model_to_string()
    assert_same_bits(text, strange_rows(X))


@pytest.mark.parametrize("family", ["xgboost", "catboost", "forest"])
def test_equals_lightgbm_on_models_of_other_families(family: str) -> None:
    from tenure.model.convert import convert

    X, signal = make_table(800)
    if family == "xgboost":
        import xgboost

        model = xgboost.train(
            {"max_depth": 6, "verbosity": 0}, xgboost.DMatrix(X, signal), num_boost_round=20
        )
    elif family == "catboost":
        from catboost import CatBoostRegressor

        model = CatBoostRegressor(iterations=20, depth=6, verbose=0, allow_writing_files=False).fit(X, signal)
    else:
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(20, max_leaf_nodes=60, random_state=0).fit(X, signal)
    assert_same_bits(convert(model, X).text, strange_rows(X))


def test_trees_without_a_split() -> None:
    rows = np.zeros((3, 2), dtype=np.float32)
    assert_same_bits(model_text([Tree.leaf(1.5), Tree.leaf(-0.5), Tree.leaf(0.1)], 1, 2), rows)


def test_what_it_cannot_score_is_left_to_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    import lightgbm

    X, signal = make_table()
    data = lightgbm.Dataset(X, signal)
    params = {"verbose": -1, "num_threads": 1, "num_leaves": 65, "min_data_in_leaf": 1}
    many_leaves = lightgbm.train(params, data, num_boost_round=3).model_to_string()
    params |= {"num_leaves": 7, "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    averaged = lightgbm.train(params, lightgbm.Dataset(X, signal), num_boost_round=3).model_to_string()
    monkeypatch.setattr(trees, "_MARGIN_WORK", 0)
    for text in (many_leaves, averaged):
        assert not can_score(text.encode())
        predictor = TreePredictor(text)
        rows = np.vstack([X, X])
        assert predictor.margins(rows)[:5].tobytes() == predictor.margins(rows[:5]).tobytes()
        assert predictor._fast_margins is None


def test_it_is_loaded_when_lightgbm_has_worked_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    import lightgbm

    X, signal = make_table(4000)
    params = {"verbose": -1, "num_threads": 1}
    predictor = TreePredictor(
        lightgbm.train(params, lightgbm.Dataset(X, signal), num_boost_round=10).model_to_string()
    )
    assert predictor.n_edges == 600
    monkeypatch.setattr(trees, "_MARGIN_WORK", 2 * 4000 * 600)
    slow = [predictor.margins(X) for _ in range(2)][1]
    assert predictor._fast_margins is None
    quick = predictor.margins(X)
    assert predictor._fast_margins is not None
    assert quick.tobytes() == slow.tobytes()
    monkeypatch.setattr(trees, "is_installed", lambda: False)
    without = TreePredictor(predictor.model_text())
    without.warm_up()
    assert without._fast_margins is None
    assert without.margins(X).tobytes() == slow.tobytes()
