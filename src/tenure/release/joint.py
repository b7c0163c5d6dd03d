"""The model of a release: trees, a linear model, or both in one, the sum of their margins and contributions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError
from tenure.release.files import LINEAR, TREES
from tenure.release.linear import LinearPredictor
from tenure.release.predictor import Predictor
from tenure.release.trees import TreePredictor

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class JointPredictor:
    """margin = trees' margin + linear model's margin.

    An encoded row starts with the features of the trees. columns: the positions of the features that the linear
    model reads, which may be some of theirs. Shapley values of a sum are the sums of the Shapley values.
    Raises ReleaseError where the two do not belong together.
    """

    def __init__(self, trees: TreePredictor, linear: LinearPredictor, columns: Sequence[int]) -> None:
        if trees.n_outputs != linear.n_outputs:
            raise ReleaseError(
                f"the trees have {trees.n_outputs} outputs, the linear model {linear.n_outputs}",
                where="linear.json",
                todo="restore the file, or train again",
            )
        distinct = set(columns)
        if not linear.n_features == len(columns) == len(distinct) or min(columns, default=0) < 0:
            raise ReleaseError(
                f"the linear model has {linear.n_features} coefficients for {len(distinct)} columns",
                where="linear.json",
                todo="restore the file, or train again",
            )
        self.trees = trees
        self.linear = linear
        self.columns = np.asarray(columns, dtype=np.intp)
        self.n_outputs: int = trees.n_outputs
        self.n_features: int = max(trees.n_features, *(column + 1 for column in columns))

    def margin_row(self, x: Float32) -> tuple[float, ...]:
        """Margins of one encoded row, shape (d,) -> n_outputs numbers."""
        by_trees = self.trees.margin_row(x[: self.trees.n_features])
        by_line = self.linear.margin_row(x[self.columns])
        return tuple([a + b for a, b in zip(by_trees, by_line, strict=True)])

    def margins(self, X: Float32) -> Float64:
        """Margins of encoded rows, shape (n_rows, d) -> (n_rows, n_outputs)."""
        result: Float64 = self.trees.margins(X[:, : self.trees.n_features])
        result += self.linear.margins(X[:, self.columns])
        return result

    def contributions_row(self, x: Float32) -> Float64:
        """Shapley values of one encoded row, shape (n_outputs, d + 1); the last column is the base."""
        by_trees = self.trees.contributions_row(x[: self.trees.n_features])
        summed = self._summed(by_trees[None], self.linear.contributions(x[None, self.columns]))
        return np.asarray(summed[0])

    def contributions(self, X: Float32) -> Float64:
        """Shapley values on the margins, shape (n_rows, n_outputs, d + 1); the last column is the base."""
        by_trees = self.trees.contributions(X[:, : self.trees.n_features])
        return self._summed(by_trees, self.linear.contributions(X[:, self.columns]))

    def warm_up(self) -> None:
        """See Predictor."""
        self.trees.warm_up()

    def _summed(self, by_trees: Float64, by_line: Float64) -> Float64:
        result = np.zeros((len(by_trees), self.n_outputs, self.n_features + 1))
        result[:, :, : self.trees.n_features] = by_trees[:, :, :-1]
        result[:, :, self.columns] += by_line[:, :, :-1]
        result[:, :, -1] = by_trees[:, :, -1] + by_line[:, :, -1]
        return result


def load_predictor(files: Mapping[str, bytes]) -> Predictor:
    """Load the model out of model.txt, linear.json, or both: the sum of the two."""
    if LINEAR not in files:
        return TreePredictor(files[TREES])
    line = json.loads(files[LINEAR])
    linear = LinearPredictor.from_json(line)
    if TREES not in files:
        return linear
    return JointPredictor(TreePredictor(files[TREES]), linear, line["columns"])
