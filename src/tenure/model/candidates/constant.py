"""What a library that refuses features without any variation would have fitted: the shares, or the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tenure.model.candidates.base import Facts, Float64, Part
from tenure.model.document import ModelDocument, document_of_trees
from tenure.model.tree_format import Tree

_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class FittedConstant:
    """One margin an output, for every row; as a document, trees of one leaf."""

    values: Float64
    rounds: int = 1
    output: Literal["margin", "probability"] = "margin"

    def margins(self, part: Part, rounds: int | None = None) -> Float64:
        """The same margins in each row, shape (n, n_outputs)."""
        return np.tile(self.values, (len(part.X), 1))

    def document(self, train: Part, rounds: int | None = None) -> ModelDocument:
        """A leaf an output."""
        leaves = [Tree.leaf(float(value)) for value in self.values]
        return document_of_trees(leaves, len(self.values), train.X, self.margins(train))


def is_constant(part: Part) -> bool:
    """Whether every row has the same features."""
    return bool(np.array_equal(part.X, np.broadcast_to(part.X[0], part.X.shape), equal_nan=True))


def fit_constant(part: Part, facts: Facts, rounds: int) -> FittedConstant:
    """The mean of a number; the log-odds, or logarithms, of the classes' shares."""
    if facts.task == "regression":
        return FittedConstant(np.array([part.y.mean()]), rounds)
    counts = np.bincount(part.y.astype(np.int64), minlength=facts.n_classes)
    shares = np.clip(counts / len(part.y), _SMALLEST_SHARE, 1.0)
    logs = np.log(shares)
    return FittedConstant(logs[1:] - logs[0] if facts.task == "binary" else logs, rounds)
