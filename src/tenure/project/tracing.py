"""One prediction: where it came from, and the same bits again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tenure.errors import JournalError, ReleaseError
from tenure.journal.entries import Prediction
from tenure.journal.queries import events, find_outcome, find_prediction, find_shadows, predictions_of_row
from tenure.journal.tables import open_journal
from tenure.project.folder import Folder
from tenure.release.folder import open_release
from tenure.release.scorer import Scorer


def trace(folder: Folder, identifier: str) -> dict[str, Any]:
    """Follow a prediction's links: answer, row, release, run, data, code, promotion, outcome.

    identifier: a prediction's id, or a row id (then the latest prediction of that row).
    Raises JournalError when the journal holds no such prediction.
    """
    prediction = find_prediction_of(folder, identifier)
    with _closing(folder) as db:
        outcome = find_outcome(db, prediction.id)
        shadows = find_shadows(db, prediction.id)
        promotions = [
            event for event in events(db, "promotion") if event.body.get("version") == prediction.version
        ]
        runs = [event for event in events(db, "run") if event.body.get("release") == prediction.release]
    manifest = open_release(folder.releases / prediction.release)
    return {
        "id": prediction.id,
        "row_id": prediction.row_id,
        "at": prediction.at.isoformat(),
        "prediction": prediction.prediction,
        "probability": prediction.probability,
        "row": prediction.row,
        "outcome": None if outcome is None else outcome.outcome,
        "shadows": [
            {"version": s.version, "prediction": s.prediction, "probability": s.probability} for s in shadows
        ],
        "model": prediction.model,
        "version": prediction.version,
        "promoted": [event.at.isoformat() for event in promotions],
        "release": prediction.release,
        "run": manifest.run_id,
        "data": runs[-1].body.get("data") if runs else {"version": manifest.data_version},
        "config": runs[-1].body.get("config_sha256") if runs else None,
        "seed": manifest.seed,
        "code": manifest.runtime,
    }


def release_of(folder: Folder, prediction: Prediction) -> Path:
    """The folder of the release that made a prediction. Raises ReleaseError when it is not there."""
    place = folder.releases / prediction.release
    if not place.is_dir():
        raise ReleaseError(
            f"the release {prediction.release} of this prediction is not there",
            where=str(place),
            todo="bring the folder back from a copy",
        )
    return place


def replay(folder: Folder, identifier: str) -> dict[str, Any]:
    """Compute a recorded prediction again from its release and compare every bit.

    Raises JournalError for an unknown id, ReleaseError when the release is gone or damaged.
    """
    prediction = find_prediction_of(folder, identifier)
    place = release_of(folder, prediction)
    scorer = Scorer.load(place)
    # a batch scores cells that break the recipe as missing; the service refuses such rows
    score, bad = scorer.score_anyway(prediction.row)
    recorded = {
        "prediction": prediction.prediction,
        "probability": prediction.probability,
        "margins": list(prediction.margins),
    }
    replayed = {
        "prediction": score.prediction,
        "probability": score.probability,
        "margins": list(score.margins),
    }
    return {
        "id": prediction.id,
        "version": prediction.version,
        "release": prediction.release,
        "scored_as_missing": sorted(bad),
        "recorded": recorded,
        "replayed": replayed,
        "same": recorded == replayed,
    }


def find_prediction_of(folder: Folder, identifier: str) -> Prediction:
    """By its id, or the latest of a row id. Raises JournalError where there is none."""
    with _closing(folder) as db:
        found = find_prediction(db, identifier)
        if found is None:
            of_row = predictions_of_row(db, identifier)
            found = of_row[0] if of_row else None
    if found is None:
        raise JournalError(
            f"no prediction has the id or row id {identifier!r}",
            where=str(folder.journal),
            todo="take the id from an answer of /predict; days older than serve.keep_for are deleted",
        )
    return found


def _closing(folder: Folder) -> Any:
    from contextlib import closing

    return closing(open_journal(folder.journal, create=False))
