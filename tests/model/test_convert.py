"""Converted ensembles answer as the libraries that trained them, on every kind of row."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tenure.errors import TenureError
from tenure.model.convert import ConvertedModel, check_parity, convert, parity
from tenure.model.tree_format import Tree, from_nodes, model_text, with_training_counts
from tenure.release.trees import TreePredictor

N_CLASSES = {"binary": 2, "multiclass": 3, "regression": 0}


def make_rows(task: str, n_rows: int = 600, missing: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Rows with missing values, few distinct values (so that thresholds equal data) and large ones."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_rows, 6)).astype(np.float32)
    X[:, 1] = rng.integers(0, 4, n_rows)
    X[:, 2] = rng.integers(0, 2, n_rows)
    X[:, 3] *= np.float32(1e6)
    signal = X[:, 0] + X[:, 1] * X[:, 2] + X[:, 3] / 1e6 + rng.normal(size=n_rows)
    if missing:
        X[rng.random((n_rows, 6)) < 0.1] = np.nan
    if task == "regression":
        return X, signal * 10 + 50
    return X, np.digitize(signal, [1.0] if task == "binary" else [0.0, 2.0])


def fit_xgboost(task, X, y):
    import xgboost

    objective = {
        "binary": "binary:logistic",
        "multiclass": "multi:softprob",
        "regression": "reg:squarederror",
    }
    params = {"objective": objective[task], "max_depth": 5, "nthread": 1}
    if task == "multiclass":
        params["num_class"] = 3
    return xgboost.train(params, xgboost.DMatrix(X, y), num_boost_round=25)


def fit_catboost(task, X, y):
    import catboost

    loss = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}[task]
    nan_mode = "Max" if task == "binary" else "Min"
    model = catboost.CatBoost(
        {
            "loss_function": loss,
            "iterations": 25,
            "depth": 5,
            "nan_mode": nan_mode,
            "thread_count": 1,
            "allow_writing_files": False,
            "verbose": False,
        }
    )
    return model.fit(X, y)


def fit_forest(task, X, y):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return kind(n_estimators=20, max_depth=8, random_state=0).fit(X, y)


def fit_lightgbm(task, X, y):
    import lightgbm

    params = {"objective": task, "verbose": -1, "num_threads": 1}
    if task == "multiclass":
        params["num_class"] = 3
    return lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=20)


FAMILIES = {"xgboost": fit_xgboost, "catboost": fit_catboost, "forest": fit_forest, "lightgbm": fit_lightgbm}


def with_edges(X: np.ndarray, converted: ConvertedModel) -> np.ndarray:
    """Rows at, just below and just above thresholds of the model, added to X."""
    lines = [
        line for line in converted.text.splitlines() if line.startswith(("split_feature=", "threshold="))
    ]
    features = [int(v) for line in lines[0::2] for v in line.split("=")[1].split()]
    thresholds = [float(v) for line in lines[1::2] for v in line.split("=")[1].split()]
    rows = []
    for feature, threshold in list(zip(features, thresholds, strict=True))[:300]:
        at = np.float32(np.clip(threshold, -3e38, 3e38))
        for value in (at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))):
            row = X[len(rows) % len(X)].copy()
            row[feature] = value
            rows.append(row)
    return np.vstack([X, *rows, np.full(6, np.nan), np.zeros(6), np.full(6, 3e38), np.full(6, -3e38)]).astype(
        np.float32
    )


@pytest.mark.parametrize("task", N_CLASSES)
@pytest.mark.parametrize("family", FAMILIES)
def test_converted_model_answers_as_the_library(family, task):
    X, y = make_rows(task)
    model = FAMILIES[family](task, X, y)
    converted = convert(model, X)
    rows = with_edges(X, converted)
    difference = check_parity(model, converted, rows)
    limit = 1e-9 if family in ("forest", "lightgbm", "catboost") else 2e-5
    assert difference <= limit * (50 if task == "regression" else 1)
    assert converted.n_outputs == (3 if task == "multiclass" else 1)
    assert converted.output == ("probability" if family == "forest" and task != "regression" else "margin")


@pytest.mark.parametrize("family", FAMILIES)
def test_shapley_values_sum_to_the_margin_and_row_equals_table(family):
    X, y = make_rows("multiclass")
    predictor = convert(FAMILIES[family]("multiclass", X, y), X).predictor()
    contributions, margins = predictor.contributions(X[:100]), predictor.margins(X)
    np.testing.assert_allclose(contributions.sum(axis=2), margins[:100], rtol=0, atol=1e-9)
    assert [predictor.margin_row(x) for x in X] == [tuple(row) for row in margins.tolist()]
    assert predictor.contributions_row(X[3]).tolist() == contributions[3].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_first_rounds_only(family):
    X, y = make_rows("binary")
    model = FAMILIES[family]("binary", X, y)
    if family == "forest":
        converted = convert(model, X, 5)
        expected = np.mean([tree.predict_proba(X)[:, 1] for tree in model.estimators_[:5]], axis=0)
        np.testing.assert_allclose(converted.predictor().margins(X)[:, 0], expected, atol=1e-12)
    else:
        assert parity(model, convert(model, X, 5), X, 5) < 2e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_models_of_single_leaves(family):
    X, y = np.zeros((40, 6), dtype=np.float32), np.array([0, 1, 1, 1] * 10)
    if family == "catboost":
        X[0, 0] = 1.0  # it refuses to fit constant columns only
    model = FAMILIES[family]("binary", X, y)
    converted = convert(model, X)
    assert parity(model, converted, X) < 1e-6
    phi = converted.predictor().contributions(X[:2])
    assert np.abs(phi[:, :, 1:-1]).max() == 0.0
    np.testing.assert_allclose(phi[:, 0].sum(axis=1), converted.predictor().margins(X[:2])[:, 0], atol=1e-12)


def test_lightgbm_with_categorical_splits_and_estimated_counts():
    import lightgbm

    X, y = make_rows("binary")
    X[:, 1] = np.where(np.isnan(X[:, 1]), np.nan, np.random.default_rng(0).integers(0, 40, len(X)))
    y = np.where(np.isin(X[:, 1], range(0, 40, 3)), y, 1 - y)
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "use_quantized_grad": True}
    model = lightgbm.train(params, lightgbm.Dataset(X, y, categorical_feature=[1]), num_boost_round=20)
    converted = convert(model, X)
    assert "cat_threshold=" in converted.text
    assert parity(model, converted, X) == 0.0
    predictor = converted.predictor()
    phi, margins = predictor.contributions(X), predictor.margins(X)
    np.testing.assert_allclose(phi.sum(axis=2), margins, rtol=0, atol=1e-9)
    assert [predictor.margin_row(x) for x in X] == [tuple(row) for row in margins.tolist()]


def test_forest_without_missing_values_in_training():
    X, y = make_rows("binary", missing=False)
    model = fit_forest("binary", X, y)
    assert parity(model, convert(model, X), X) < 1e-12


def test_catboost_with_a_scale_and_no_missing_values():
    X, y = make_rows("regression", missing=False)
    model = fit_catboost("regression", X, y)
    model.set_scale_and_bias(2.0, 7.0)
    assert parity(model, convert(model, X), X) < 1e-9


def test_leaf_and_inner_counts_are_those_of_the_training_rows():
    tree = from_nodes(
        [1, -1, 3, -1, -1],
        [2, -1, 4, -1, -1],
        feature=[0, -1, 1, -1, -1],
        threshold=[0.0] * 5,
        missing_left=[1] * 5,
        values=range(5),
    )
    X = np.array([[-1, 0], [1, -1], [1, -1], [1, 1], [np.nan, 0]], dtype=np.float32)
    counted = with_training_counts([tree], 1, X)[0]
    assert counted.values.tolist() == [1.0, 3.0, 4.0]
    assert counted.leaf_counts.tolist() == [2, 2, 1]
    assert counted.inner_counts().tolist() == [5, 3]


def test_parity_check_refuses_another_model():
    X, y = make_rows("binary")
    first, second = fit_xgboost("binary", X, y), fit_xgboost("binary", X, 1 - y)
    with pytest.raises(TenureError, match="differs from the xgboost model"):
        check_parity(first, convert(second, X), X)


@pytest.mark.parametrize("model", [object(), "text"])
def test_other_objects_are_refused(model):
    with pytest.raises(TenureError, match="no tree ensemble"):
        convert(model, np.zeros((2, 2), dtype=np.float32))


def conditional_expectation(tree: Tree, x: np.ndarray, known: set[int], node: int = 0) -> float:
    """The tree's value where only some features are known: unknown splits are averaged by counts."""
    if not len(tree.feature):
        return float(tree.values[0])
    if node < 0:
        return float(tree.values[-1 - node])
    left, right = int(tree.left[node]), int(tree.right[node])
    feature = int(tree.feature[node])
    if feature in known:
        goes_left = tree.missing_left[node] if np.isnan(x[feature]) else x[feature] <= tree.threshold[node]
        return conditional_expectation(tree, x, known, left if goes_left else right)
    inner = tree.inner_counts()
    weights = [float(tree.leaf_counts[-1 - c] if c < 0 else inner[c]) for c in (left, right)]
    values = [conditional_expectation(tree, x, known, c) for c in (left, right)]
    return (weights[0] * values[0] + weights[1] * values[1]) / sum(weights)


def brute_force_shapley(trees: list[Tree], x: np.ndarray) -> np.ndarray:
    n = len(x)
    phi = np.zeros(n + 1)
    for tree in trees:
        phi[n] += conditional_expectation(tree, x, set())
        for feature in range(n):
            others = [f for f in range(n) if f != feature]
            for size in range(n):
                weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
                for known in itertools.combinations(others, size):
                    gain = conditional_expectation(tree, x, {*known, feature})
                    phi[feature] += weight * (gain - conditional_expectation(tree, x, set(known)))
    return phi


def test_shapley_values_equal_brute_force():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    X[rng.random(X.shape) < 0.15] = np.nan
    trees = [random_tree(rng, X) for _ in range(5)]
    predictor = TreePredictor(model_text(trees, 1, 4))
    for x, phi in zip(X[:10], predictor.contributions(X[:10])[:, 0], strict=True):
        np.testing.assert_allclose(phi, brute_force_shapley(trees, x), atol=1e-9)


def random_tree(rng: np.random.Generator, X: np.ndarray) -> Tree:
    """A tree of 4 random splits, grown at random leaves, with training counts."""
    left, right, feature, threshold = [-1], [-1], [0], [0.0]
    for _ in range(4):
        leaf = int(rng.choice([node for node, child in enumerate(left) if child < 0]))
        left[leaf], right[leaf] = len(left), len(left) + 1
        feature[leaf], threshold[leaf] = int(rng.integers(4)), float(rng.normal() / 2)
        for column in (left, right):
            column.extend([-1, -1])
        feature.extend([0, 0])
        threshold.extend([0.0, 0.0])
    tree = from_nodes(
        left,
        right,
        feature=feature,
        threshold=threshold,
        missing_left=rng.random(9) < 0.5,
        values=rng.normal(size=9),
    )
    return with_training_counts([tree], 1, X)[0]
