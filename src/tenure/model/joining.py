"""Fitted members of a blend as one model: one encoding that all read, and one document, the weighted sum."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tenure.model.document import ModelDocument, blend_documents, linear_document
from tenure.release.encoding import Encoding, Feature
from tenure.release.linear import LinearPredictor


@dataclass(frozen=True, slots=True)
class Part:
    """One member: what it reads, what was fitted, and the weight of its margin."""

    encoding: Encoding
    document: ModelDocument
    weight: float


def join(parts: Sequence[Part]) -> tuple[Encoding, ModelDocument]:
    """All members as one model; a single one of weight 1 is left as it is.

    Trees come first and read the first features. Features that a linear member shares with them, or with another
    linear member, are encoded once. All must emit margins, and all trees read the same encoding.
    """
    if len(parts) == 1 and parts[0].weight == 1.0:
        return parts[0].encoding, parts[0].document
    trees = [part for part in parts if part.document.kind == "trees"]
    lines = [part for part in parts if part.document.kind == "linear"]
    own = trees[0].encoding.features if trees else ()
    features, positions = _united(own, [part.encoding for part in lines])
    encoding = Encoding(tuple(features))
    if not lines:
        return encoding, _trees(trees)
    line, columns = _line(lines, positions)
    if not trees:
        return encoding, linear_document(line)
    below = _trees(trees)
    text = json.dumps({**line.to_json(), "columns": columns})
    return encoding, replace(below, kind="joint", linear=text, n_features=len(features))


def _trees(parts: Sequence[Part]) -> ModelDocument:
    return blend_documents([part.document for part in parts], [part.weight for part in parts])


def _united(own: Sequence[Feature], others: Sequence[Encoding]) -> tuple[list[Feature], list[list[int]]]:
    """The features of all, each once, and for each of the others where its features stand among them."""
    features = list(own)
    places = {_nameless(feature): at for at, feature in enumerate(features)}
    names = {feature.name for feature in features}
    positions = []
    for encoding in others:
        for feature in encoding.features:
            if _nameless(feature) in places:
                continue
            name = feature.name
            while name in names:  # the trees' feature of this name leaves gaps, say
                name += " (linear)"
            names.add(name)
            places[_nameless(feature)] = len(features)
            features.append(replace(feature, name=name))
        positions.append([places[_nameless(feature)] for feature in encoding.features])
    return features, positions


def _nameless(feature: Feature) -> Feature:
    return replace(feature, name="")


def _line(parts: Sequence[Part], positions: Sequence[Sequence[int]]) -> tuple[LinearPredictor, list[int]]:
    """The weighted sum of linear models, and the features that it reads, each once and in order."""
    columns = sorted({at for own in positions for at in own})
    slot = {column: i for i, column in enumerate(columns)}
    models = [LinearPredictor.from_json(json.loads(part.document.text)) for part in parts]
    coefficients = np.zeros((models[0].n_outputs, len(columns)))
    base, means = np.zeros(models[0].n_outputs), np.zeros(len(columns))
    for model, part, own in zip(models, parts, positions, strict=True):
        slots = [slot[column] for column in own]
        coefficients[:, slots] += part.weight * model.coefficients
        base += part.weight * model.base
        # equal features of equal rows have equal means
        means[slots] = model.means
    return LinearPredictor(coefficients, base, means), columns
