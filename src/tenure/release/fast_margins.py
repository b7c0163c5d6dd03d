"""Raw scores of many rows at once, by the compiled kernel: LightGBM's to the last bit."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure.release.row_blocks import BLOCK, in_blocks, out_of_blocks
from tenure.release.tree_check import Fields, read_trees

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

MOST_LEAVES = 64
"""Of a tree: one bit each of a word."""
_ROWS_A_PIECE = 4096
_EVERY_LEAF = (1 << MOST_LEAVES) - 1
# Bits of LightGBM's decision_type: 1 categorical, 2 missing goes left, then what counts as missing.
_CATEGORICAL, _MISSING_LEFT, _MISSING_SHIFT, _MISSING_BITS, _MISSING_ZERO, _MISSING_NAN = 1, 2, 2, 3, 1, 2
# Of a node's entries, in the order of add_margins from feature to missing_left.
_KINDS = (np.int64, np.float64, np.uint64, np.int64, np.int64, np.bool_)


def can_score(model_text: bytes) -> bool:
    """Whether every tree of a checked model text is small enough, and the score is their sum."""
    most = max(map(int, re.findall(rb"\nnum_leaves=(\d+)", model_text)), default=1)
    return most <= MOST_LEAVES and b"\naverage_output" not in model_text


class FastMargins:
    """The raw scores of a model that can_score; make it once, it may be shared by threads.

    Making it imports the kernel, which takes a third of a second; the first time on a machine it is compiled.
    """

    def __init__(self, model_text: bytes, n_outputs: int, n_features: int) -> None:
        from tenure.release.margin_kernel import add_margins

        self._add = add_margins
        self._n_outputs = n_outputs
        nodes = _Nodes()
        for fields in read_trees(model_text):
            nodes.add(fields)
        self._arrays = nodes.arrays()
        self(np.zeros((1, n_features), dtype=np.float32))  # compiled now, or read from where that was kept

    def __call__(self, X: Float32) -> Float64:
        """Raw scores, shape (n_rows, n_outputs), of rows of the shape (n_rows, n_features)."""
        result = np.empty((len(X), self._n_outputs))
        if len(X) <= _ROWS_A_PIECE:
            self._fill(X, result, 0)
            return result
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda start: self._fill(X, result, start), range(0, len(X), _ROWS_A_PIECE)))
        return result

    def _fill(self, X: Float32, result: Float64, start: int) -> None:
        rows = X[start : start + _ROWS_A_PIECE]
        blocks = in_blocks(rows)
        margins = np.zeros((len(blocks), self._n_outputs, BLOCK))
        self._add(blocks, margins, *self._arrays)
        result[start : start + len(rows)] = out_of_blocks(margins, len(rows))


class _Nodes:
    """The nodes and leaves of the trees that were read: what add_margins asks for, as lists that grow."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []
        self._values: list[float] = []
        self._first_node, self._first_leaf = [0], [0]
        self._words: list[int] = []
        self._bounds = [0]

    def add(self, fields: Fields) -> None:
        """Take in one tree."""
        values = [float(text) for text in fields[b"leaf_value"].split()]
        if len(values) > 1:
            values = self._add_nodes(fields, values)
            if int(fields[b"num_cat"]):
                self._bounds += [len(self._words) + end for end in _ints(fields, b"cat_boundaries")[1:]]
                self._words += _ints(fields, b"cat_threshold")
        self._values += values
        self._first_node.append(len(self._rows))
        self._first_leaf.append(len(self._values))

    def _add_nodes(self, fields: Fields, values: Sequence[float]) -> list[float]:
        """Take in the nodes of a tree, and return the values of its leaves from left to right."""
        left, right = _ints(fields, b"left_child"), _ints(fields, b"right_child")
        below = _leaves_below(left, right)
        bits = {leaf: 1 << place for place, leaf in enumerate(below[0])}
        features, decisions = _ints(fields, b"split_feature"), _ints(fields, b"decision_type")
        thresholds = [float(text) for text in fields[b"threshold"].split()]
        for node, feature in enumerate(features):
            kept = _EVERY_LEAF - sum(bits[leaf] for leaf in below[left[node]])
            limit, *question = self._question(thresholds[node], decisions[node])
            self._rows.append((feature, limit, kept, *question))
        return [values[leaf] for leaf in below[0]]

    def _question(self, threshold: float, decision: int) -> tuple[float, int, int, bool]:
        """Threshold, kind, missing and missing_left of a node."""
        from tenure.release.margin_kernel import NAN_LEFT, NAN_RIGHT, OTHER_NODE

        missing_left = bool(decision & _MISSING_LEFT)
        missing = (decision >> _MISSING_SHIFT) & _MISSING_BITS
        if decision & _CATEGORICAL:
            return threshold + len(self._bounds) - 1, OTHER_NODE, -1, missing_left
        if missing == _MISSING_ZERO:
            return threshold, OTHER_NODE, missing, missing_left
        # without a way of its own NaN goes where 0 goes
        nan_left = missing_left if missing == _MISSING_NAN else threshold >= 0.0
        return threshold, NAN_LEFT if nan_left else NAN_RIGHT, missing, missing_left

    def arrays(self) -> list[npt.NDArray[Any]]:
        """What add_margins takes after margins, in its order."""
        columns: Sequence[Any] = list(zip(*self._rows, strict=True)) or [()] * len(_KINDS)
        return [
            np.array(self._first_node, dtype=np.int64),
            np.array(self._first_leaf, dtype=np.int64),
            *(np.array(column, dtype=kind) for column, kind in zip(columns, _KINDS, strict=True)),
            np.array(self._values),
            np.array(self._words, dtype=np.uint32),
            np.array(self._bounds, dtype=np.int64),
        ]


def _leaves_below(left: Sequence[int], right: Sequence[int]) -> dict[int, list[int]]:
    """The leaves below each node, from left to right, by the node's number; leaf i, below itself, is -1 - i."""
    below = {-1 - leaf: [leaf] for leaf in range(len(left) + 1)}
    for node in reversed(range(len(left))):  # children stand after their parents
        below[node] = below[left[node]] + below[right[node]]
    return below


def _ints(fields: Fields, name: bytes) -> list[int]:
    return [int(text) for text in fields[name].split()]
