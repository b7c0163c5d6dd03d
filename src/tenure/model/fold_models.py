"""The winner's models of the folds, as plain data: same settings, never fitted on the validation rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Part
from tenure.model.choose import Choice
from tenure.model.document import ModelDocument, blend_documents
from tenure.model.workbench import Workbench
from tenure.release.encoding import Encoding

CONVERTED_ON = 1_000
"""Rows that a fold's model is proven equal on: conversion walks them down every tree a few times."""


@dataclass(frozen=True)
class FoldModels:
    """What the search left of the winner. Nothing is converted before it is asked for."""

    bench: Workbench
    choice: Choice

    def __len__(self) -> int:
        return len(self.bench.folds)

    def __iter__(self) -> Iterator[tuple[Encoding, ModelDocument]]:
        """For each fold the encoding and the model, a blend if the winner is one. Raises TenureError if one differs."""
        styles = [candidate_named(r.trial.family).style(r.trial.params) for r in self.choice.members]
        for k in range(len(self)):
            documents = [
                result.fitted[k].document(_head(self.bench.parts(style, k)[0]), result.trial.rounds)
                for result, style in zip(self.choice.members, styles, strict=True)
            ]
            yield self.bench.parts(styles[0], k)[2], blend_documents(documents, self.choice.weights)


def _head(part: Part) -> Part:
    weight = None if part.weight is None else part.weight[:CONVERTED_ON]
    return replace(part, X=part.X[:CONVERTED_ON], y=part.y[:CONVERTED_ON], weight=weight, _native={})
