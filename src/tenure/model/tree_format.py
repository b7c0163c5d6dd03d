"""Write any ensemble of numeric trees in LightGBM's text model format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tenure.release.trees import TreePredictor

Int = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Bits of decision_type: 2 is "missing goes left", 8 is "missing means NaN".
_MISSING_IS_NAN = 8
_MISSING_LEFT = 2
# The format knows no infinity; no float32 is beyond this.
_LARGEST_THRESHOLD = 1e300
_LEAF_CELLS = 4_000_000
_MOST_ROWS_COUNTED = 200_000


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree; n inner nodes and n + 1 leaves, the root first and parents before their children.

    feature, threshold, missing_left, left, right: shape (n,). A row goes left where
    x[feature] <= threshold. A child of -1 - i is leaf i, else it is an inner node.
    values: shape (n + 1,).  leaf_counts: training rows in each leaf, shape (n + 1,), at least 1.
    """

    feature: Int
    threshold: Float64
    missing_left: npt.NDArray[np.bool_]
    left: Int
    right: Int
    values: Float64
    leaf_counts: Int

    @classmethod
    def leaf(cls, value: float) -> Tree:
        """A tree that answers value to every row."""
        none = np.zeros(0, dtype=np.int64)
        no_flags = np.zeros(0, dtype=np.bool_)
        return cls(none, np.zeros(0), no_flags, none, none, np.array([value]), np.ones(1, dtype=np.int64))

    def inner_counts(self) -> Int:
        """Training rows through each inner node, shape (n,): the sum over the leaves below it."""
        return count_inner(self.left, self.right, self.leaf_counts)


def count_inner(left: Int, right: Int, leaf_counts: Int) -> Int:
    """Sum the leaf counts below each inner node, shape (n,); parents stand before their children."""
    children, leaves = list(zip(left.tolist(), right.tolist(), strict=True)), leaf_counts.tolist()
    counts = [0] * len(children)
    for node in range(len(children) - 1, -1, -1):
        counts[node] = sum(leaves[-1 - c] if c < 0 else counts[c] for c in children[node])
    return np.array(counts, dtype=np.int64)


def from_nodes(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    feature: npt.ArrayLike,
    threshold: npt.ArrayLike,
    missing_left: npt.ArrayLike,
    values: npt.ArrayLike,
) -> Tree:
    """Build a Tree from one array entry a node, leaves having a negative left child; the root is node 0."""
    left_nodes, right_nodes = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    is_leaf = left_nodes < 0
    node_values = np.asarray(values, dtype=np.float64)
    if len(left_nodes) == 1:
        return Tree.leaf(float(node_values[0]))
    order = _parents_first(left_nodes, right_nodes)
    is_leaf_ordered = is_leaf[order]
    code = np.empty(len(left_nodes), dtype=np.int64)
    inner, leaves = order[~is_leaf_ordered], order[is_leaf_ordered]
    code[inner] = np.arange(len(inner))
    code[leaves] = -1 - np.arange(len(leaves))
    return Tree(
        feature=np.asarray(feature, dtype=np.int64)[inner],
        threshold=np.asarray(threshold, dtype=np.float64)[inner],
        missing_left=np.asarray(missing_left).astype(np.bool_)[inner],
        left=code[left_nodes[inner]],
        right=code[right_nodes[inner]],
        values=node_values[leaves],
        leaf_counts=np.ones(len(leaves), dtype=np.int64),
    )


def _parents_first(left: Int, right: Int) -> Int:
    """Nodes that can be reached from node 0, level by level."""
    levels = [np.zeros(1, dtype=np.int64)]
    while True:
        inner = levels[-1][left[levels[-1]] >= 0]
        if not len(inner):
            return np.concatenate(levels)
        levels.append(np.stack([left[inner], right[inner]], axis=1).ravel())


def with_training_counts(trees: Sequence[Tree], n_outputs: int, X_train: Float32) -> list[Tree]:
    """Set the leaf counts to the number of training rows in each leaf, at least 1.

    Shapley values weigh the branches of a split by these counts. More than 200,000 rows are thinned
    evenly: the weights then hold to a fraction of a percent.
    """
    rows = X_train[:: 1 + (len(X_train) - 1) // _MOST_ROWS_COUNTED] if len(X_train) else X_train
    predictor = TreePredictor(model_text(trees, n_outputs, X_train.shape[1]))
    counts = [np.zeros(len(tree.values), dtype=np.int64) for tree in trees]
    step = max(1, _LEAF_CELLS // len(trees))
    for start in range(0, len(rows), step):
        leaves = np.ascontiguousarray(predictor.leaves(rows[start : start + step]).T)
        for index, column in enumerate(leaves):
            counts[index] += np.bincount(column, minlength=len(counts[index]))
    return [
        replace(tree, leaf_counts=np.maximum(count, 1)) for tree, count in zip(trees, counts, strict=True)
    ]


def model_text(trees: Sequence[Tree], n_outputs: int, n_features: int) -> str:
    """Write trees, ordered round by round with one tree an output in each round."""
    return join_model([_tree_lines(tree) for tree in trees], n_outputs, n_features)


def join_model(bodies: Sequence[str], n_outputs: int, n_features: int) -> str:
    """Put a header before the bodies of trees: each the lines from num_leaves on."""
    texts = [f"Tree={index}\n{body}\n\n" for index, body in enumerate(bodies)]
    header = [
        "tree",
        "version=v4",
        f"num_class={n_outputs}",
        f"num_tree_per_iteration={n_outputs}",
        "label_index=0",
        f"max_feature_idx={n_features - 1}",
        "feature_names=" + " ".join(f"f{index}" for index in range(n_features)),
        "feature_infos=" + " ".join(["[-inf:inf]"] * n_features),
        # The library jumps from tree to tree by these sizes in bytes, and parses them side by side.
        "tree_sizes=" + " ".join(str(len(text)) for text in texts),
    ]
    return "\n".join(header) + "\n\n" + "".join(texts) + "end of trees\n"


def _tree_lines(tree: Tree) -> str:
    lines = [f"num_leaves={len(tree.values)}", "num_cat=0"]
    if len(tree.feature):
        flags = _MISSING_IS_NAN + _MISSING_LEFT * tree.missing_left.astype(np.int64)
        threshold = np.clip(tree.threshold, -_LARGEST_THRESHOLD, _LARGEST_THRESHOLD)
        lines += [
            "split_feature=" + _numbers(tree.feature),
            "threshold=" + _numbers(threshold),
            "decision_type=" + _numbers(flags),
            "left_child=" + _numbers(tree.left),
            "right_child=" + _numbers(tree.right),
        ]
    lines.append("leaf_value=" + _numbers(tree.values))
    lines.append("leaf_count=" + _numbers(tree.leaf_counts))
    if len(tree.feature):
        lines.append("internal_count=" + _numbers(tree.inner_counts()))
    return "\n".join([*lines, "is_linear=0", "shrinkage=1", ""])


def _numbers(values: Int | Float64) -> str:
    """Numbers in the shortest text that reads back to the same bits."""
    return " ".join(map(repr, values.tolist()))
