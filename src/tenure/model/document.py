"""A fitted model as plain data, in the forms that a release may hold, and blends of tree models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tenure.errors import TenureError
from tenure.model.convert import check_parity, convert
from tenure.model.tree_format import Tree, join_model, model_text, with_training_counts
from tenure.release.files import LINEAR, TREES
from tenure.release.joint import load_predictor
from tenure.release.linear import LinearPredictor
from tenure.release.predictor import Predictor

PARITY_ROWS = 20_000
PARITY = 1e-5
"""Share of the largest score by which trees may differ from their library: the float32 sums of some."""
SCALED_KEYS = ("leaf_value", "internal_value")


@dataclass(frozen=True, slots=True)
class ModelDocument:
    """A model without code.

    kind: "trees", text in LightGBM's format, "linear", JSON text, or "joint", both: trees in text, and in linear the
    JSON text of what is added to them.  output: what its raw scores are.
    """

    kind: Literal["trees", "linear", "joint"]
    text: str
    n_outputs: int
    n_features: int
    n_trees: int = 0
    output: Literal["margin", "probability"] = "margin"
    linear: str = ""

    @classmethod
    def of_files(
        cls,
        files: Mapping[str, str],
        n_outputs: int,
        n_features: int,
        output: Literal["margin", "probability"],
    ) -> ModelDocument:
        """The document out of a release's model files."""
        trees, linear = files.get(TREES), files.get(LINEAR)
        if trees is None:
            return cls("linear", linear or "", n_outputs, n_features, 0, output)
        kind: Literal["trees", "joint"] = "trees" if linear is None else "joint"
        return cls(kind, trees, n_outputs, n_features, trees.count("\nTree="), output, linear or "")

    def files(self) -> dict[str, str]:
        """The document as a release's model files."""
        if self.kind == "linear":
            return {LINEAR: self.text}
        return {TREES: self.text} | ({LINEAR: self.linear} if self.kind == "joint" else {})

    def predictor(self) -> Predictor:
        """Load the model into the runtime that every release uses."""
        return load_predictor({name: text.encode() for name, text in self.files().items()})


def tree_document(model: Any, X_train: npt.NDArray[np.float32], rounds: int | None) -> ModelDocument:
    """Convert a fitted ensemble, and prove on training rows that it answers as its library does."""
    converted = convert(model, X_train, rounds)
    check_parity(model, converted, X_train[:PARITY_ROWS], rounds)
    return ModelDocument(
        "trees",
        converted.text,
        converted.n_outputs,
        converted.n_features,
        converted.n_trees,
        converted.output,
    )


def document_of_trees(
    trees: Sequence[Tree],
    n_outputs: int,
    X_train: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float64],
    *,
    output: Literal["margin", "probability"] = "margin",
) -> ModelDocument:
    """Write trees that one has read from a library oneself, and prove on the training rows that they answer alike.

    trees: round by round, one tree an output in each round.  scores: the library's own for X_train, shape
    (n, n_outputs).  Raises TenureError where they differ by more than 1e-5 of the largest.
    """
    counted = with_training_counts(trees, n_outputs, X_train)
    n_features = X_train.shape[1]
    text = model_text(counted, n_outputs, n_features)
    document = ModelDocument("trees", text, n_outputs, n_features, len(trees), output)
    rows = X_train[:PARITY_ROWS]
    difference = float(np.max(np.abs(scores[: len(rows)] - document.predictor().margins(rows)), initial=0.0))
    if not difference <= PARITY * max(1.0, float(np.max(np.abs(scores), initial=0.0))):
        raise TenureError(
            f"the trees differ from their library's model by up to {difference:.3g}",
            todo="mend the reading of the trees: thresholds, missing values, what the margin starts from",
        )
    return document


def linear_document(predictor: LinearPredictor) -> ModelDocument:
    """Write a linear model as JSON text."""
    text = json.dumps(predictor.to_json())
    return ModelDocument("linear", text, predictor.n_outputs, predictor.n_features)


def blend_documents(documents: Sequence[ModelDocument], weights: Sequence[float]) -> ModelDocument:
    """Join tree models over the same features into one, whose margin is the weighted sum of theirs.

    All must emit margins. The order of the documents is the order of the trees.
    """
    first = documents[0]
    if len(documents) == 1 and weights[0] == 1.0:
        return first
    bodies = [_scaled(body, w) for d, w in zip(documents, weights, strict=True) for body in _bodies(d.text)]
    text = join_model(bodies, first.n_outputs, first.n_features)
    return ModelDocument("trees", text, first.n_outputs, first.n_features, len(bodies))


def _bodies(text: str) -> list[str]:
    """The lines of each tree, without its number."""
    parts = text.split("\nend of trees", maxsplit=1)[0].split("\nTree=")[1:]
    return ["\n".join([*(line for line in part.splitlines()[1:] if line), ""]) for part in parts]


def _scaled(body: str, weight: float) -> str:
    """One tree with its leaves multiplied by weight."""
    return "\n".join([*(_scaled_line(line, weight) for line in body.splitlines()), ""])


def _scaled_line(line: str, weight: float) -> str:
    key, _, values = line.partition("=")
    if key not in SCALED_KEYS:
        return line
    return f"{key}={' '.join(repr(float(value) * weight) for value in values.split())}"
