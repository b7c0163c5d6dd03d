"""A fitted estimator as a release folder, and back."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.durable import TEMPORARY, flush_folder
from tenure.errors import ReleaseError
from tenure.estimators.fitted import FittedModel
from tenure.model.document import ModelDocument
from tenure.model.settings import GeneratedFeature
from tenure.records import Estimate
from tenure.release.files import ESTIMATOR, MANIFEST, MODEL_FILES, read_release
from tenure.release.folder import ReleaseParts, plain, write_release
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from tenure.estimators.base import TableEstimator

FORMAT = "tenure-estimator/1"
KINDS = {"binary": "Classifier", "multiclass": "Classifier", "regression": "Regressor"}


def save_estimator(estimator: TableEstimator, path: Path) -> Path:
    """Write the release folder `path`, whole or not at all; an earlier release there is replaced."""
    if path.exists() and not (path / MANIFEST).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise ReleaseError(
            "something that is no release is there", where=str(path), todo="name a folder of its own"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=path.parent) as draft:
        made = write_release(Path(draft), _parts(estimator, path.name))
        if path.exists():
            os.rename(path, Path(draft) / "before")
        os.rename(made, path)
    flush_folder(path.parent)
    return path


def load_estimator(kind: type[TableEstimator], path: Path) -> TableEstimator:
    """The estimator of a release folder. Raises ReleaseError where it is damaged, or of the other task."""
    scorer = Scorer.load(path)
    _, files = read_release(path)
    fits = KINDS[scorer.task]
    if kind.__name__ != fits:
        raise ReleaseError(
            f"the release predicts a {scorer.task} target, which is no {kind.__name__}'s",
            where=str(path),
            todo=f"tenure.{fits}.load reads it",
        )
    notes = json.loads(files[ESTIMATOR]) if ESTIMATOR in files else _notes_of_project(scorer)
    if notes.get("format") != FORMAT:
        raise ReleaseError(
            f"{ESTIMATOR} has the format {notes.get('format')!r}; this version reads {FORMAT!r}",
            where=str(path / ESTIMATOR),
        )
    estimator = kind(**notes["params"])
    estimator.__dict__.update(
        model_=_model(scorer, files, notes),
        _scorer=scorer,
        _columns=tuple(notes["columns"]),
        n_features_in_=len(notes["columns"]),
    )
    if notes["named"]:
        estimator.__dict__["feature_names_in_"] = np.array(notes["columns"], dtype=object)
    if notes["classes"] is not None:
        estimator.__dict__["classes_"] = np.array(notes["classes"], dtype=notes["classes_type"])
    return estimator


def _parts(estimator: TableEstimator, name: str) -> ReleaseParts:
    model = estimator.model_
    return ReleaseParts(
        name=name,
        recipe=model.recipe,
        encoding=model.encoding,
        model=model.document.text,
        model_kind=model.document.kind,
        linear=model.document.linear,
        model_family=model.winner,
        calibration=model.calibration,
        reference=model.reference,
        metrics={"metric": model.metric, "cross_validation": model.cross_validation},
        importance=model.importance,
        golden_rows=model.golden,
        data_version=model.data_version,
        seed=model.seed,
        warnings=model.warnings,
        estimator=_notes(estimator),
    )


def _notes(estimator: TableEstimator) -> dict[str, Any]:
    """What a scikit-learn estimator knows beyond a release. Seconds are left out: equal fits give equal bytes."""
    model, params = estimator.model_, estimator.get_params(deep=False)
    if not isinstance(params["random_state"], (int, type(None))):
        params["random_state"] = model.seed
    if params["candidates"] is not None:
        params["candidates"] = list(params["candidates"])
    classes = getattr(estimator, "classes_", None)
    return {
        "format": FORMAT,
        "params": params,
        "columns": list(estimator._columns),
        "named": hasattr(estimator, "feature_names_in_"),
        "classes": None if classes is None else classes.tolist(),
        "classes_type": None if classes is None else str(classes.dtype),
        "winner": model.winner,
        "leaderboard": [plain({**entry, "seconds": None}) for entry in model.leaderboard],
        "features": [asdict(feature) for feature in model.features],
    }


def _notes_of_project(scorer: Scorer) -> dict[str, Any]:
    """The same of a release that a project made: its raw columns, its labels as they are written."""
    return {
        "format": FORMAT,
        "params": {},
        "columns": [column.name for column in scorer.recipe.inputs],
        "named": True,
        "classes": list(scorer.classes) or None,
        "classes_type": "object",
        "winner": "",
        "leaderboard": [],
        "features": [],
    }


def _model(scorer: Scorer, files: dict[str, bytes], notes: dict[str, Any]) -> FittedModel:
    metrics = json.loads(files["metrics.json"])
    predictor = scorer.predictor
    document = ModelDocument.of_files(
        {name: files[name].decode() for name in MODEL_FILES & files.keys()},
        predictor.n_outputs,
        predictor.n_features,
        scorer.calibration.output,
    )
    found = metrics.get("cross_validation", {})
    return FittedModel(
        recipe=scorer.recipe,
        encoding=scorer.encoding,
        document=document,
        calibration=scorer.calibration,
        winner=notes["winner"],
        metric=metrics.get("metric", ""),
        cross_validation={name: Estimate(**value) for name, value in found.items()},
        leaderboard=tuple(notes["leaderboard"]),
        importance=json.loads(files["importance.json"]),
        reference=json.loads(files["reference.json"]),
        golden=tuple(entry["row"] for entry in json.loads(files["golden.json"])["rows"]),
        data_version=scorer.manifest.data_version,
        seed=scorer.manifest.seed,
        features=tuple(
            GeneratedFeature(f["name"], f["sql"], Estimate(**f["gain"])) for f in notes.get("features", ())
        ),
    )
