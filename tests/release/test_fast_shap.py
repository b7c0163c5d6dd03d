"""The compiled Shapley values: those of the shap library and of LightGBM, additive, the same bits in any company."""

from __future__ import annotations

import numpy as np
import pytest

from tenure.release import trees
from tenure.release.effects import Cell, explain
from tenure.release.fast_shap import FastContributions
from tenure.release.trees import TreePredictor

pytest.importorskip("numba", reason="extra explain")


def make_table(n_rows: int = 1500, d: int = 9):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, d)).astype(np.float32)
    X[:, 3] = rng.integers(0, 40, size=n_rows)
    signal = X[:, 0] * X[:, 1] + np.sin(X[:, 3]) + rng.normal(size=n_rows)
    return X, signal


def fast(predictor: TreePredictor) -> FastContributions:
    return FastContributions(predictor.model_text(), predictor.n_outputs, predictor.n_features)


@pytest.mark.parametrize("missing", ["nan", "zero", "none"])
@pytest.mark.parametrize("objective", ["binary", "multiclass"])
def test_equals_lightgbm_with_categories_and_missing_values(missing, objective):
    import lightgbm

    X, signal = make_table()
    X[np.random.default_rng(1).random(X.shape) < 0.1] = {"nan": np.nan, "zero": 0.0, "none": 1e-38}[missing]
    y = np.digitize(signal, [-1, 1]) if objective == "multiclass" else signal > 0
    params = {"objective": objective, "verbose": -1, "num_threads": 1, "zero_as_missing": missing == "zero"}
    params |= {"num_class": 3} if objective == "multiclass" else {}
    data = lightgbm.Dataset(X, y, categorical_feature=[3], params={"verbose": -1})
    predictor = TreePredictor(lightgbm.train(params, data, num_boost_round=20).model_to_string())
    rows = np.vstack([X[:300], np.full((1, 9), np.nan, np.float32), -X[:50], X[:50] * np.float32(1e30)])
    found = fast(predictor)(rows)
    np.testing.assert_allclose(found, predictor.contributions(rows), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=2), predictor.margins(rows), rtol=0, atol=1e-9)


@pytest.mark.parametrize("classifier", [True, False])
def test_equals_the_shap_library_on_a_fully_grown_forest(classifier):
    shap = pytest.importorskip("shap", reason="peer")
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    from tenure.model.convert import convert

    X, signal = make_table(800)
    kind = RandomForestClassifier if classifier else RandomForestRegressor
    # without bootstrap the counts in the forest's nodes are those of the rows
    forest = kind(6, bootstrap=False, max_features=3, random_state=0).fit(
        X, signal > 0 if classifier else signal
    )
    found = fast(convert(forest, X).predictor())(X[:20])[:, 0, :-1]
    expected = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent").shap_values(X[:20])
    np.testing.assert_allclose(found, expected[..., 1] if classifier else expected, rtol=0, atol=1e-6)


def test_long_tables_go_the_fast_way_and_any_company_gives_the_same_bits(monkeypatch):
    import lightgbm

    X, signal = make_table()
    params = {"objective": "binary", "verbose": -1, "num_threads": 1}
    text = lightgbm.train(params, lightgbm.Dataset(X, signal > 0), num_boost_round=10).model_to_string()
    predictor = TreePredictor(text)
    slow = predictor.contributions(X)
    monkeypatch.setattr(trees, "_FAST_WORK", 1)
    quick = predictor.contributions(X)
    assert quick.tobytes() != slow.tobytes()
    np.testing.assert_allclose(quick, slow, rtol=0, atol=1e-9)
    assert predictor.contributions(X).tobytes() == quick.tobytes()
    assert fast(predictor)(X[1100:1163]).tobytes() == quick[1100:1163].tobytes()
    monkeypatch.setattr(trees, "is_installed", lambda: False)
    assert predictor.contributions(X).tobytes() == slow.tobytes()


def test_trees_without_a_split_and_no_rows():
    from tenure.model.tree_format import Tree, model_text

    predictor = TreePredictor(model_text([Tree.leaf(1.5), Tree.leaf(-0.5)], 1, 2))
    assert fast(predictor)(np.zeros((1, 2), dtype=np.float32)).tolist() == [[[0.0, 0.0, 1.0]]]
    assert fast(predictor)(np.zeros((0, 2), dtype=np.float32)).shape == (0, 1, 3)


def test_rounding_changes_neither_order_nor_words():
    cells = [Cell("a", 1, False), Cell("b", 2, False), Cell("c", 3, False)]
    one = explain(0.5, 0.9, [0.125, 0.125, 1e-17], cells.__getitem__, n=3, outcome="Yes")
    other = explain(0.5, 0.9, [0.125 - 1e-14, 0.125 + 1e-14, 0.0], cells.__getitem__, n=3, outcome="Yes")
    assert [e.text for e in one.effects] == [e.text for e in other.effects]
    assert [e.column for e in other.effects] == ["a", "b"]
