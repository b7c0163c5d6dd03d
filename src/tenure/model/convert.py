"""Turn fitted XGBoost, CatBoost, scikit-learn and LightGBM ensembles into one open, code-free format.

All of them compare float32 features with thresholds. Where a library asks x < t, the float32 just
below t makes it x <= t'; averages become sums of leaf / n_trees. The result is checked against the
library's own answers on rows: see check_parity.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.errors import TenureError
from tenure.model.tree_format import (
    Tree,
    count_inner,
    from_nodes,
    join_model,
    model_text,
    with_training_counts,
)
from tenure.release.calibration import Output
from tenure.release.trees import TreePredictor

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_NEEDED_KEYS = frozenset(
    (
        "num_leaves",
        "num_cat",
        "split_feature",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "leaf_count",
        "internal_count",
        "cat_boundaries",
        "cat_threshold",
        "is_linear",
        "shrinkage",
    )
)


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """An ensemble as LightGBM text.

    output: what its raw score is: a margin, or a probability (forests: of class 1 for two classes).
    n_outputs: one a class for three classes and more, else one.
    """

    text: str
    n_outputs: int
    n_features: int
    n_trees: int
    output: Output = "margin"

    def predictor(self) -> TreePredictor:
        """Load the model."""
        return TreePredictor(self.text)


def convert(model: Any, X_train: Float32, n_iterations: int | None = None) -> ConvertedModel:
    """Convert a fitted ensemble over float32 features.

    model: xgboost.Booster or XGBModel, catboost.CatBoost, a scikit-learn forest, lightgbm.Booster or
    LGBMModel.  X_train: shape (n_rows, d), the encoded training rows; they give the rows through each
    node, the weights of Shapley values.  n_iterations: keep the first rounds only (early stopping).
    Raises TenureError for a model with splits that the format cannot hold.
    """
    family = _family(model)
    if family == "lightgbm":
        return _convert_lightgbm(model, n_iterations)
    reader = {"xgboost": _read_xgboost, "catboost": _read_catboost, "sklearn": _read_forest}[family]
    trees, n_outputs, output = reader(model, n_iterations)
    trees = with_training_counts(trees, n_outputs, X_train)
    n_features = X_train.shape[1]
    return ConvertedModel(model_text(trees, n_outputs, n_features), n_outputs, n_features, len(trees), output)


def native_scores(model: Any, X: Float32, n_iterations: int | None = None) -> Float64:
    """What the library itself answers, in the converted model's units, shape (n_rows, n_outputs)."""
    family = _family(model)
    if family == "xgboost":
        import xgboost

        last = n_iterations or 0
        booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
        scores = booster.predict(xgboost.DMatrix(X), output_margin=True, iteration_range=(0, last))
    elif family == "catboost":
        scores = model.predict(X, prediction_type="RawFormulaVal", ntree_end=n_iterations or 0)
    elif family == "lightgbm":
        booster = getattr(model, "booster_", model)
        scores = booster.predict(X, raw_score=True, num_iteration=n_iterations or -1)
    elif hasattr(model, "predict_proba"):
        scores = model.predict_proba(X)
        scores = scores[:, 1] if scores.shape[1] == 2 else scores
    else:
        scores = model.predict(X)
    return np.asarray(scores, dtype=np.float64).reshape(len(X), -1)


def parity(model: Any, converted: ConvertedModel, X: Float32, n_iterations: int | None = None) -> float:
    """Largest absolute difference between the library's scores and the converted model's over rows."""
    difference = native_scores(model, X, n_iterations) - converted.predictor().margins(X)
    return float(np.max(np.abs(difference), initial=0.0))


def check_parity(
    model: Any,
    converted: ConvertedModel,
    X: Float32,
    n_iterations: int | None = None,
    tolerance: float = 1e-5,
) -> float:
    """Return parity, or raise TenureError where it is above tolerance times the largest score (at least 1).

    XGBoost sums in float32, so that its own answer carries an error of some 1e-7 times the score and
    the number of trees; a wrongly converted branch is off by far more.
    """
    native = native_scores(model, X, n_iterations)
    difference = float(np.max(np.abs(native - converted.predictor().margins(X)), initial=0.0))
    scale = max(1.0, float(np.max(np.abs(native), initial=0.0)))
    if not difference <= tolerance * scale:
        raise TenureError(
            f"the converted model differs from the {_family(model)} model by up to {difference:.3g}",
            todo="leave this candidate out (model.candidates), and report the model",
        )
    return difference


def _family(model: Any) -> str:
    for ancestor in type(model).__mro__:
        root = ancestor.__module__.split(".")[0]
        if root in ("xgboost", "catboost", "sklearn", "lightgbm"):
            wrapped = root == "sklearn" and not hasattr(model, "estimators_")
            if not wrapped:
                return root
    raise TenureError(f"{type(model).__name__} is no tree ensemble that can be released")


def _read_xgboost(model: Any, n_iterations: int | None) -> tuple[list[Tree], int, Output]:
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    learner = json.loads(booster.save_raw("json"))["learner"]
    gradient_booster = learner["gradient_booster"]
    if gradient_booster["name"] != "gbtree":
        raise TenureError(f"XGBoost's booster {gradient_booster['name']!r} is not supported; use gbtree")
    parameters = learner["learner_model_param"]
    n_outputs = max(1, int(parameters["num_class"]))
    model_body = gradient_booster["model"]
    entries, outputs = model_body["trees"], model_body["tree_info"]
    trees = [_read_xgboost_tree(entry) for entry in entries]
    by_output = [
        [tree for tree, k in zip(trees, outputs, strict=True) if k == output] for output in range(n_outputs)
    ]
    parallel = max(1, int(model_body["gbtree_model_param"].get("num_parallel_tree", "1")))
    if n_iterations is not None:
        by_output = [kept[: n_iterations * parallel] for kept in by_output]
    bases = _xgboost_base(parameters["base_score"], learner["objective"]["name"], n_outputs)
    rounds = [tree for group in zip(*by_output, strict=True) for tree in group]
    return [*(Tree.leaf(base) for base in bases), *rounds], n_outputs, "margin"


def _xgboost_base(text: str, objective: str, n_outputs: int) -> list[float]:
    """Margins that XGBoost starts from: base_score is on the scale of the prediction, in float32."""
    scores = json.loads(text) if text.startswith("[") else [float(text)]
    scores = scores * n_outputs if len(scores) == 1 else scores
    if objective in ("binary:logistic", "reg:logistic"):
        scores = [math.log(score / (1.0 - score)) for score in scores]
    elif objective in ("count:poisson", "reg:gamma", "reg:tweedie"):
        scores = [math.log(score) for score in scores]
    return [float(np.float32(score)) for score in scores]


def _read_xgboost_tree(entry: dict[str, Any]) -> Tree:
    if any(entry.get("split_type", ())):
        raise TenureError("XGBoost's categorical splits are not supported; encode categories as numbers")
    condition = np.array(entry["split_conditions"], dtype=np.float32)
    return from_nodes(
        left=entry["left_children"],
        right=entry["right_children"],
        feature=entry["split_indices"],
        # x < t for float32 x is x <= the largest float32 below t.
        threshold=np.nextafter(condition, np.float32(-np.inf)),
        missing_left=entry["default_left"],
        values=condition,
    )


def _read_catboost(model: Any, n_iterations: int | None) -> tuple[list[Tree], int, Output]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        body = json.loads(path.read_bytes())
    if "oblivious_trees" not in body or body["features_info"].get("categorical_features"):
        raise TenureError("only CatBoost's symmetric trees over numbers are supported")
    float_features = body["features_info"].get("float_features", [])
    flat_index = {feature["feature_index"]: feature["flat_feature_index"] for feature in float_features}
    nan_is_high = {
        feature["feature_index"]: feature.get("nan_value_treatment") == "AsTrue" for feature in float_features
    }
    scale, biases = body["scale_and_bias"]
    n_outputs = len(biases)
    trees = [Tree.leaf(float(bias)) for bias in biases]
    for entry in body["oblivious_trees"][:n_iterations]:
        splits = []
        for split in entry.get("splits") or ():
            if split["split_type"] != "FloatFeature":
                raise TenureError(f"CatBoost's split of type {split['split_type']!r} is not supported")
            index = split["float_feature_index"]
            splits.append((flat_index[index], float(np.float32(split["border"])), nan_is_high[index]))
        values = np.array(entry["leaf_values"], dtype=np.float64).reshape(-1, n_outputs) * scale
        trees.extend(_unfold_symmetric(splits, values))
    return trees, n_outputs, "margin"


def _unfold_symmetric(splits: list[tuple[int, float, bool]], values: Float64) -> list[Tree]:
    """Write a symmetric tree as one plain tree an output.

    splits: feature, border, whether NaN counts as above it; the i-th sets bit i of the leaf's index
    where x > border.  values: shape (2 ** depth, n_outputs).  Branches that no row can reach are left
    out: they would get weight in Shapley values.
    """
    left: list[int] = []
    right: list[int] = []
    which: list[int] = []

    def grow(depth: int, leaf: int, ranges: dict[int, tuple[float, float]]) -> int:
        while depth >= 0:
            feature, border, _ = splits[depth]
            above, up_to = ranges.get(feature, (-math.inf, math.inf))
            if up_to <= border:
                depth -= 1
            elif above >= border:
                leaf |= 1 << depth
                depth -= 1
            else:
                break
        node = len(left)
        left.append(-1)
        right.append(-1)
        which.append(leaf if depth < 0 else depth)
        if depth >= 0:
            left[node] = grow(depth - 1, leaf, {**ranges, feature: (above, border)})
            right[node] = grow(depth - 1, leaf | 1 << depth, {**ranges, feature: (border, up_to)})
        return node

    grow(len(splits) - 1, 0, {})
    is_leaf = np.array(left) < 0
    chosen = np.array(which)
    if not splits:
        return [Tree.leaf(float(value)) for value in values[0]]
    split_of = np.where(is_leaf, 0, chosen)
    features, borders, nan_high = (np.array(column)[split_of] for column in zip(*splits, strict=True))
    leaf_of = np.where(is_leaf, chosen, 0)
    return [
        from_nodes(
            left,
            right,
            feature=features,
            threshold=borders,
            missing_left=~nan_high,
            values=values[leaf_of, k],
        )
        for k in range(values.shape[1])
    ]


def _read_forest(model: Any, n_iterations: int | None) -> tuple[list[Tree], int, Output]:
    estimators = model.estimators_[:n_iterations]
    is_classifier = hasattr(model, "predict_proba")
    n_classes = int(model.n_classes_) if is_classifier else 1
    columns = [0] if n_classes == 1 else [1] if n_classes == 2 else list(range(n_classes))
    trees = []
    for estimator in estimators:
        tree = estimator.tree_
        values = tree.value[:, 0, :]
        if is_classifier:
            values = values / values.sum(axis=1, keepdims=True)
        for column in columns:
            trees.append(
                from_nodes(
                    left=tree.children_left,
                    right=tree.children_right,
                    feature=tree.feature,
                    threshold=tree.threshold,
                    missing_left=tree.missing_go_to_left,
                    values=values[:, column] / len(estimators),
                )
            )
    return trees, len(columns), "probability" if is_classifier else "margin"


def _convert_lightgbm(model: Any, n_iterations: int | None) -> ConvertedModel:
    """Keep the trees, with the training counts they hold; drop objective and parameters."""
    booster = getattr(model, "booster_", model)
    text = booster.model_to_string(num_iteration=n_iterations or -1)
    header, *parts = text.split("\nend of trees")[0].split("\nTree=")
    settings = dict(line.split("=", 1) for line in header.splitlines() if "=" in line)
    if "average_output" in header:
        raise TenureError("LightGBM's boosting=rf is not supported; use gbdt")
    bodies = [_lightgbm_body(part) for part in parts]
    n_outputs = int(settings["num_class"])
    n_features = int(settings["max_feature_idx"]) + 1
    return ConvertedModel(join_model(bodies, n_outputs, n_features), n_outputs, n_features, len(bodies))


def _lightgbm_body(part: str) -> str:
    """The lines of one tree that scoring needs."""
    lines = [line for line in part.splitlines()[1:] if line.split("=", 1)[0] in _NEEDED_KEYS]
    if "is_linear=1" in lines:
        raise TenureError("LightGBM's linear_tree is not supported")
    return "\n".join([*map(_with_true_counts(lines), lines), ""])


def _with_true_counts(lines: list[str]) -> Callable[[str], str]:
    """Make counts at least 1, and those of inner nodes the sums over their leaves.

    LightGBM's own may be rounded estimates; Shapley values then would not add up to the margin.
    """
    fields = {key: values.split() for key, _, values in (line.partition("=") for line in lines)}
    leaves = np.maximum(np.array(fields["leaf_count"], dtype=np.int64), 1)
    rewritten = {"leaf_count": leaves}
    if len(leaves) > 1:
        left, right = (np.array(fields[key], dtype=np.int64) for key in ("left_child", "right_child"))
        rewritten["internal_count"] = count_inner(left, right, leaves)

    def rewrite(line: str) -> str:
        key = line.partition("=")[0]
        return f"{key}={' '.join(map(str, rewritten[key].tolist()))}" if key in rewritten else line

    return rewrite
