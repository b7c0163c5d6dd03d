"""The raw scores of trees of up to 64 leaves, compiled: a node is asked of many rows at once, no branch is guessed.

A walk down a tree waits at each step for a guess to be found wrong. Here a row's leaf is found by striking out: each
node that the row leaves to the right strikes out all leaves on its left. Of the leaves that are left over, from left to
right, the first is the row's. A leaf is a bit, a node one comparison and one `and`, which the processor does for rows
side by side. Source: Lucchese et al. (2015), "QuickScorer: a fast algorithm to rank documents with additive ensembles
of regression trees", SIGIR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from tenure.release.row_blocks import BLOCK
from tenure.release.shap_kernel import compiled, decide

NAN_LEFT, NAN_RIGHT, OTHER_NODE = 0, 1, 2
"""Where a plain comparison sends NaN; any other node is asked by decide."""
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic  # type: ignore[untyped-decorator]
def _lowest_bit(_context: Any, word: Any) -> Any:
    """The place of the lowest bit of a word that is not 0: one instruction."""

    def code(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return word(word), code


@compiled
def add_margins(  # type: ignore[no-untyped-def]
    x, margins, first_node, first_leaf, feature, threshold, kept, kind, missing, missing_left, value, sets, bounds
):  # fmt: skip
    """Add the leaves' values of all trees to margins, tree after tree, as LightGBM does.

    x: shape (n_blocks, d, BLOCK).  margins: shape (n_blocks, n_outputs, BLOCK); tree i answers for output i modulo
    n_outputs.  first_node, first_leaf: where each tree's begin, and the end, shape (n_trees + 1,).
    feature, threshold, kept, kind, missing, missing_left: of each node; kept: the bits of the leaves that are left over
    where a row goes right.  value: of each leaf, from left to right.  sets, bounds: words of all categorical bit sets,
    and where each begins; a categorical threshold is the number of its set, and its missing -1.
    """
    n_outputs = margins.shape[1]
    leaves = np.empty(BLOCK, np.uint64)
    goes_left = np.empty(BLOCK)
    for block in range(x.shape[0]):
        for tree in range(len(first_leaf) - 1):
            for r in range(BLOCK):
                leaves[r] = _ALL
            for node in range(first_node[tree], first_node[tree + 1]):
                values, limit, mask = x[block, feature[node]], threshold[node], kept[node]
                if kind[node] == NAN_LEFT:
                    for r in range(BLOCK):
                        leaves[r] &= mask if values[r] > limit else _ALL
                elif kind[node] == NAN_RIGHT:
                    for r in range(BLOCK):
                        leaves[r] &= _ALL if values[r] <= limit else mask
                else:
                    decide(values, limit, True, missing_left[node], missing[node], sets, bounds, goes_left)
                    for r in range(BLOCK):
                        leaves[r] &= _ALL if goes_left[r] > 0.5 else mask
            out, start = margins[block, tree % n_outputs], np.uint64(first_leaf[tree])
            for r in range(BLOCK):
                out[r] += value[start + _lowest_bit(leaves[r])]
