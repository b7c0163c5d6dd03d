"""The trees of a model text as one list of edges, in the order in which Shapley values walk them.

An edge leads from an inner node to one of its children, with the share of the training rows that took it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.release.tree_check import Fields, read_trees

Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]

# Bits of LightGBM's decision_type: 1 categorical, 2 missing goes left, then what counts as missing.
_CATEGORICAL, _MISSING_LEFT, _MISSING_SHIFT, _MISSING_BITS = 1, 2, 2, 3

# Of an edge's entries, in the order of Edges from feature to is_leaf.
_KINDS = (
    *(np.int32, np.float64, np.bool_, np.bool_, np.int32, np.int32, np.int32),
    *(np.float64, np.float64, np.float64, np.bool_),
)


@dataclass(frozen=True, slots=True)
class Edges:
    """Every edge of every tree, a tree's edges together and each before those below it; n edges in all.

    first: where each tree's edges begin, and the end, shape (n_trees + 1,).  nodes: Gauss-Legendre nodes that each
    tree needs, shape (n_trees,): half of the most different features on one of its paths.
    feature, threshold: of the node that the edge leaves.  goes_left, missing_left: flags.  missing: what counts as
    missing: 0 nothing, 1 zero, 2 NaN, or -1 for a categorical split, whose threshold is the number of its set.
    depth: of the edge's end, 1 for the root's.  above: depth of the nearest edge above on the same feature, or 0.
    share: of the training rows that stay on the path by this feature's splits alone, in (0, 1].
    share_above: the same of the edge above, or 1.  value: of the leaf it ends in.  is_leaf: whether it ends in one.
    sets, bounds: words of all categorical bit sets, and where each begins.
    base: mean score of the training rows, by tree, shape (n_trees,).
    """

    first: npt.NDArray[np.int64]
    nodes: Int32
    feature: Int32
    threshold: Float64
    goes_left: npt.NDArray[np.bool_]
    missing_left: npt.NDArray[np.bool_]
    missing: Int32
    depth: Int32
    above: Int32
    share: Float64
    share_above: Float64
    value: Float64
    is_leaf: npt.NDArray[np.bool_]
    sets: npt.NDArray[np.uint32]
    bounds: npt.NDArray[np.int64]
    base: Float64

    @property
    def deepest(self) -> int:
        """Edges on the longest path of any tree; 0 where no tree splits."""
        return int(self.depth.max(initial=0))


def read_edges(model_text: bytes) -> Edges:
    """Read the trees of a checked model text."""
    walks: list[_Walk] = []
    bounds, words = [0], list[int]()
    for fields in read_trees(model_text):
        walk = _Walk(fields, len(bounds) - 1)
        for low, high in walk.sets:
            words += walk.words[low:high]
            bounds.append(len(words))
        walks.append(walk)
    rows = [row for walk in walks for row in walk.rows]
    columns: Sequence[Any] = list(zip(*rows, strict=True)) or [()] * len(_KINDS)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, _KINDS, strict=True)]
    arrays += [
        np.array(words, dtype=np.uint32),
        np.array(bounds, dtype=np.int64),
        np.array([walk.base for walk in walks]),
    ]
    first = np.cumsum([0, *(len(walk.rows) for walk in walks)])
    return Edges(first, np.array([walk.nodes for walk in walks], dtype=np.int32), *arrays)


class _Walk:
    """One tree from the root down, the left child first."""

    def __init__(self, fields: Fields, first_set: int) -> None:
        self.rows: list[tuple[object, ...]] = []
        self.nodes = 1
        self.sets: list[tuple[int, int]] = []
        self.words: list[int] = []
        values = [float(text) for text in fields[b"leaf_value"].split()]
        if len(values) == 1:
            self.base = values[0]
            return
        leaf_counts = _ints(fields, b"leaf_count")
        self.base = float(np.dot(leaf_counts, values) / _ints(fields, b"internal_count")[0])
        if int(fields[b"num_cat"]):
            ends = _ints(fields, b"cat_boundaries")
            self.sets = list(pairwise(ends))
            self.words = _ints(fields, b"cat_threshold")
        self._descend(fields, values, leaf_counts, first_set)

    def _descend(
        self, fields: Fields, values: Sequence[float], leaf_counts: Sequence[int], first_set: int
    ) -> None:
        children = (_ints(fields, b"left_child"), _ints(fields, b"right_child"))
        counts, features = _ints(fields, b"internal_count"), _ints(fields, b"split_feature")
        thresholds = [float(text) for text in fields[b"threshold"].split()]
        kinds = _ints(fields, b"decision_type")
        # what the path above holds of each feature: its depth there and its share of the rows
        Path = Mapping[int, tuple[int, float]]
        waiting: list[tuple[int, bool, int, Path]] = [(0, False, 1, {}), (0, True, 1, {})]
        while waiting:
            node, left, depth, path = waiting.pop()
            child = children[0 if left else 1][node]
            count = leaf_counts[-1 - child] if child < 0 else counts[child]
            above, share_above = path.get(features[node], (0, 1.0))
            share = share_above * count / counts[node]
            categorical = kinds[node] & _CATEGORICAL
            self.rows.append(
                (
                    features[node],
                    thresholds[node] + first_set if categorical else thresholds[node],
                    left,
                    bool(kinds[node] & _MISSING_LEFT),
                    -1 if categorical else (kinds[node] >> _MISSING_SHIFT) & _MISSING_BITS,
                    depth,
                    above,
                    share,
                    share_above,
                    values[-1 - child] if child < 0 else 0.0,
                    child < 0,
                )
            )
            below = {**path, features[node]: (depth, share)}
            if child < 0:
                self.nodes = max(self.nodes, (len(below) + 1) // 2)
            else:
                waiting += [(child, False, depth + 1, below), (child, True, depth + 1, below)]


def _ints(fields: Fields, name: bytes) -> list[int]:
    return [int(text) for text in fields[name].split()]
