"""What a fit leaves: plain data, and the release's own scorer made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tenure.model.document import ModelDocument
from tenure.model.explain.importance import global_importance
from tenure.model.settings import GeneratedFeature
from tenure.model.train import Trained
from tenure.monitor.reference import reference_of
from tenure.prepare.golden import golden_rows
from tenure.prepare.recipe import Recipe
from tenure.prepare.versions.content import ContentHash
from tenure.records import Estimate
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

_GOLDEN_ROWS = 20
_MIXED_ROWS = 1000
_IMPORTANCE_ROWS = 500


@dataclass(frozen=True)
class FittedModel:
    """Everything that a release of the model holds; it pickles as data, without any library's object.

    cross_validation: metrics on held-out rows of the folds that chose the model, so they flatter.
    leaderboard: one entry a trial, the best score first.
    data_version: the content hash of the clean training rows.
    features: generated ones that were kept.
    """

    recipe: Recipe
    encoding: Encoding
    document: ModelDocument
    calibration: Calibration
    winner: str
    metric: str
    cross_validation: Mapping[str, Estimate]
    leaderboard: tuple[Mapping[str, Any], ...]
    importance: Mapping[str, float]
    reference: Mapping[str, Any]
    golden: tuple[Mapping[str, Any], ...]
    data_version: str
    seed: int
    warnings: tuple[str, ...] = field(default=())
    features: tuple[GeneratedFeature, ...] = field(default=())

    def scorer(self) -> Scorer:
        """The runtime that every release uses."""
        return Scorer(self.recipe, self.encoding, self.document.predictor(), self.calibration)


def fitted_model(
    recipe: Recipe, raw: pl.DataFrame, clean: pl.DataFrame, trained: Trained, leaderboard: Any, seed: int
) -> FittedModel:
    """Put together what training made and what a release tells of its rows. raw, clean: the training rows."""
    scorer = Scorer(recipe, trained.encoding, trained.document.predictor(), trained.calibration)
    content = ContentHash()
    content.update(clean)
    return FittedModel(
        recipe=recipe,
        encoding=trained.encoding,
        document=trained.document,
        calibration=trained.calibration,
        winner=trained.winner,
        metric=trained.metric,
        cross_validation=trained.cross_validation,
        leaderboard=tuple(leaderboard),
        importance=global_importance(scorer, clean.head(_IMPORTANCE_ROWS)),
        # Every row was fitted on, so no scores are unseen: the reference has rows only.
        reference=reference_of(recipe, clean, None),
        golden=golden_rows(recipe, raw.head(_MIXED_ROWS), _GOLDEN_ROWS),
        data_version=content.hexdigest(),
        seed=seed,
        warnings=trained.warnings,
        features=trained.plan.features,
    )
