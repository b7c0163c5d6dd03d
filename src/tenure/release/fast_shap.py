"""Shapley values of many rows at once, by the compiled kernel where numba is installed and the work is worth it."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from tenure.release.row_blocks import BLOCK, in_blocks, out_of_blocks
from tenure.release.tree_arrays import read_edges

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_ROWS_A_PIECE = 1024


def is_installed() -> bool:
    """Whether the kernel's compiler, numba, is there; it is not imported for that."""
    return importlib.util.find_spec("numba") is not None


class FastContributions:
    """Exact Shapley values of a tree model's text for tables. Importing and first use take a second or two."""

    def __init__(self, model_text: bytes, n_outputs: int, n_features: int) -> None:
        self._edges = read_edges(model_text)
        self._n_outputs, self._n_features = n_outputs, n_features
        self._base = self._edges.base.reshape(-1, n_outputs).sum(axis=0)
        most = int(self._edges.nodes.max(initial=1))
        self._t, self._w = np.zeros((most + 1, most)), np.zeros((most + 1, most))
        for q in sorted(set(self._edges.nodes.tolist())):
            nodes, weights = np.polynomial.legendre.leggauss(q)
            self._t[q, :q], self._w[q, :q] = (nodes + 1.0) / 2.0, weights / 2.0

    def __call__(self, X: Float32) -> Float64:
        """Shapley values, shape (n_rows, n_outputs, d + 1), the last column the base; equal rows get equal bits."""
        result = np.empty((len(X), self._n_outputs, self._n_features + 1))
        result[:, :, -1] = self._base
        starts = range(0, len(X), _ROWS_A_PIECE)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda start: self._fill(X, result, start), starts))
        return result

    def _fill(self, X: Float32, result: Float64, start: int) -> None:
        from tenure.release.shap_kernel import add_contributions

        rows = X[start : start + _ROWS_A_PIECE]
        blocks = in_blocks(rows)
        phi = np.zeros((len(blocks), self._n_outputs, self._n_features, BLOCK))
        e = self._edges
        if e.deepest:
            add_contributions(
                blocks, phi, e.first, e.nodes, self._t, self._w, e.feature, e.threshold, e.goes_left,
                e.missing_left, e.missing, e.depth, e.above, e.share, e.share_above, e.value, e.is_leaf,
                e.sets, e.bounds, e.deepest,
            )  # fmt: skip
        result[start : start + len(rows), :, :-1] = out_of_blocks(phi, len(rows))
