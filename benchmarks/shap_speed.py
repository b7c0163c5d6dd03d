"""Exact path-dependent Shapley values: the compiled kernel beside LightGBM's pred_contrib and shap.TreeExplainer.

    python benchmarks/shap_speed.py [--rows 100000] [--peer-rows 2000] [--forest-rows 30]

The same models and rows in the same run: 300 boosted trees of depth 6, and a fully grown forest of 100 trees, 20
features. shap.TreeExplainer hands a LightGBM model to LightGBM's own code, so it is also timed on the forest, where
it walks the trees itself. The peers take a part of the rows, since they cost the same for each. Goal: 2x
shap.TreeExplainer. Printed: rows a second by wall clock, the ratio, and the largest difference. Before that
one row at a time, different rows, as the service explains them: CPU microseconds, beside LightGBM's pred_contrib on the
equal model. Goal: never slower.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import lightgbm
import numpy as np
import shap
from sklearn.ensemble import RandomForestClassifier

from tenure.model.convert import convert
from tenure.release.fast_shap import FastContributions
from tenure.release.trees import TreePredictor

SINGLE_ROWS, ROUNDS = 200, 5


def make_rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 20)).astype(np.float32)
    return X, X[:, 0] * X[:, 1] + np.sin(X[:, 3]) + rng.normal(size=n) > 0


def timed(name: str, step: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    found = step(X)
    rate = len(X) / (time.perf_counter() - started)
    print(f"  {name:28} {len(X):7,} rows  {rate:10,.0f} rows/s")
    return found, rate


def compare(title: str, predictor: TreePredictor, peers: dict[str, tuple], X: np.ndarray) -> None:
    print(title)
    fast = FastContributions(predictor.model_text(), predictor.n_outputs, predictor.n_features)
    fast(X[:1])  # the compiled code is loaded
    found, rate = timed("tenure", fast, X)
    for name, (step, n_rows) in peers.items():
        theirs, their_rate = timed(name, step, X[:n_rows])
        gap = np.abs(found[:n_rows, 0, :-1] - theirs).max()
        print(f"    tenure is {rate / their_rate:.1f} x as fast; largest difference {gap:.1e}")


def one_by_one(name: str, step: Callable[[np.ndarray], object], X: np.ndarray) -> float:
    """CPU microseconds a row, the best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for x in X:
            step(x)
        best = min(best, time.process_time() - started)
    found = best / len(X) * 1e6
    print(f"  {name:28} {found:7,.0f} µs a row")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peer-rows", type=int, default=2000)
    parser.add_argument("--forest-rows", type=int, default=30)
    options = parser.parse_args()
    X, y = make_rows(max(options.rows, 10_000))

    params = {"objective": "binary", "verbose": -1, "max_depth": 6, "num_leaves": 63}
    booster = lightgbm.train(params, lightgbm.Dataset(X[:20_000], y[:20_000]), num_boost_round=300)
    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    peers = {
        "LightGBM pred_contrib": (
            lambda rows: booster.predict(rows, pred_contrib=True)[:, :-1],
            options.peer_rows,
        ),
        "shap.TreeExplainer": (lambda rows: np.asarray(explainer.shap_values(rows)), options.peer_rows),
    }
    predictor = TreePredictor(booster.model_to_string())
    print(f"one row at a time, {SINGLE_ROWS} different rows")
    ours = one_by_one("tenure", predictor.contributions_row, X[:SINGLE_ROWS])
    theirs = one_by_one(
        "LightGBM pred_contrib",
        lambda x: booster.predict(x[None], pred_contrib=True, num_threads=1),
        X[:SINGLE_ROWS],
    )
    print(f"    tenure takes {ours / theirs:.2f} of the time")
    compare("300 boosted trees of depth 6", predictor, peers, X[: options.rows])

    forest = RandomForestClassifier(100, bootstrap=False, random_state=0, n_jobs=2).fit(
        X[:10_000], y[:10_000]
    )
    walker = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    peers = {
        "shap.TreeExplainer": (lambda rows: walker.shap_values(rows)[..., 1], options.forest_rows),
    }
    grown = convert(forest, X[:10_000]).predictor()
    compare("100 fully grown trees", grown, peers, X[: options.forest_rows * 20])


if __name__ == "__main__":
    main()
