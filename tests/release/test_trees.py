"""The tree runtime: row equals table bit for bit, raw scores, and errors instead of crashes."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from tenure.errors import ReleaseError
from tenure.release import trees
from tenure.release.trees import TreePredictor, library_path

STUMP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
feature_names=f0 f1
feature_infos=none none
tree_sizes=179

Tree=0
num_leaves=2
num_cat=0
split_feature=0
threshold=0.5
decision_type=8
left_child=-1
right_child=-2
leaf_value=-1 2
leaf_count=3 1
internal_count=4
is_linear=0
shrinkage=1


end of trees
"""


@pytest.fixture(scope="module")
def fitted():
    import lightgbm

    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 8)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0] * X[:, 1]) + rng.normal(size=3000) > 0).astype(int)
    params = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=60)
    return booster, TreePredictor(booster.model_to_string()), X


def test_row_equals_table_bit_for_bit(fitted):
    _, predictor, X = fitted
    rng = np.random.default_rng(1)
    special = np.array([0, -0.0, 1e-45, -1e-40, 1e-38, 3.4e38, -3.4e38, np.nan], dtype=np.float32)
    rows = np.vstack([X, rng.choice(special, size=(2000, 8)), X[:1000] * np.float32(1e30)])
    table = predictor.margins(rows)
    assert table.shape == (6000, 1)
    assert [predictor.margin_row(row) for row in rows] == [tuple(row) for row in table.tolist()]


def test_raw_scores_are_those_of_the_library(fitted):
    booster, predictor, X = fitted
    np.testing.assert_array_equal(predictor.margins(X)[:, 0], booster.predict(X, raw_score=True))
    np.testing.assert_allclose(
        predictor.contributions(X[:50])[:, 0], booster.predict(X[:50], pred_contrib=True)
    )


def test_contributions_in_pieces_are_the_same(fitted, monkeypatch):
    _, predictor, X = fitted
    whole = predictor.contributions(X[:40])
    monkeypatch.setattr(trees, "_CONTRIBUTION_CELLS", 9 * 7)
    np.testing.assert_array_equal(predictor.contributions(X[:40]), whole)
    np.testing.assert_allclose(whole.sum(axis=2), predictor.margins(X[:40]), atol=1e-9, rtol=0)


def test_threads_do_not_mix_up_rows(fitted):
    _, predictor, X = fitted
    expected = [tuple(row) for row in predictor.margins(X).tolist()]
    wrong = []

    def work(offset):
        order = [(i + offset) % len(X) for i in range(len(X))]
        wrong.extend(i for i in order if predictor.margin_row(X[i]) != expected[i])

    threads = [threading.Thread(target=work, args=(700 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_rows(fitted):
    _, predictor, _ = fitted
    assert predictor.margins(np.empty((0, 8), dtype=np.float32)).shape == (0, 1)
    assert predictor.contributions(np.empty((0, 8), dtype=np.float32)).shape == (0, 1, 9)


def test_stump_by_hand():
    predictor = TreePredictor(STUMP)
    assert (predictor.n_outputs, predictor.n_features, predictor.n_trees) == (1, 2, 1)
    assert predictor.margin_row(np.array([0.5, 9], dtype=np.float32)) == (-1.0,)
    assert predictor.margin_row(np.array([0.6, 9], dtype=np.float32)) == (2.0,)
    assert predictor.margin_row(np.array([np.nan, 9], dtype=np.float32)) == (2.0,)  # missing goes right
    base = (3 * -1 + 1 * 2) / 4
    assert predictor.contributions_row(np.array([0.6, 9], dtype=np.float32)).tolist() == [
        [2 - base, 0.0, base]
    ]
    assert predictor.leaves(np.array([[0.5, 0], [0.6, 0]], dtype=np.float32)).tolist() == [[0], [1]]


@pytest.mark.parametrize(
    "text", ["", "no model", STUMP.split("end of trees", maxsplit=1)[0], STUMP.replace("tree\n", "x\n", 1)]
)
def test_what_is_no_model_is_refused(text):
    with pytest.raises(ReleaseError, match="text format"):
        TreePredictor(text)


def test_wrong_width_is_refused():
    with pytest.raises(ReleaseError, match="2 features"):
        TreePredictor(STUMP).margins(np.zeros((3, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="broadcast"):
        TreePredictor(STUMP).margin_row(np.zeros(5, dtype=np.float32))


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(trees.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReleaseError, match="not installed"):
        library_path()


def test_library_that_does_not_load_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "lib_lightgbm.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(trees, "library_path", lambda: broken)
    trees._libraries.cache_clear()
    try:
        with pytest.raises(ReleaseError, match="libgomp1"):
            TreePredictor(STUMP)
    finally:
        trees._libraries.cache_clear()


def test_scoring_imports_no_training_library():
    code = (
        "import sys, numpy as np\n"
        "import tenure.release.scorer\n"
        "from tenure.release.trees import TreePredictor\n"
        f"TreePredictor({STUMP!r}).margin_row(np.zeros(2, dtype=np.float32))\n"
        "heavy = {'polars', 'pandas', 'scipy', 'sklearn', 'lightgbm', 'xgboost', 'catboost', 'optuna'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
