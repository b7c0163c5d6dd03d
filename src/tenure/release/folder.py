"""Make a release out of what training produced, and open one again."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tenure.config import TableSchema
from tenure.errors import ReleaseError, RowsRefused
from tenure.prepare.recipe import Recipe
from tenure.prepare.schema.infer import schema_of_recipe
from tenure.release.calibration import Calibration
from tenure.release.card import model_card
from tenure.release.encoding import Encoding
from tenure.release.explanations import FILE as EXPLANATIONS
from tenure.release.files import (
    ESTIMATOR,
    LINEAR,
    TREES,
    Manifest,
    hash_files,
    open_release,
    read_release,
    release_id,
    to_text,
    write_files,
)
from tenure.release.joint import load_predictor
from tenure.release.schema import release_schema
from tenure.release.scorer import Scorer, golden_entry

__all__ = ["Manifest", "ReleaseParts", "open_release", "read_release", "write_release"]

GOLDEN_ROWS = 3
LIBRARIES = ("tenure", "numpy", "polars", "lightgbm", "scikit-learn", "xgboost-cpu", "catboost")


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    """Everything that goes into a release.

    model: LightGBM text for trees, or the JSON text of a linear model, as model_kind says.  linear: the JSON text of
    the linear model beside the trees, where model_kind is "joint".
    reference: JSON data of the clean training rows' Summary and of their scores.
    metrics: JSON data, {"test": {metric: Estimate}, "baselines": {"majority": {...}, "logistic": {...}}};
    an Estimate or {"value", "low", "high"}, nested at will; other parts may stand beside.
    importance: raw column -> mean absolute effect on the score.
    golden_rows: raw rows, as JSON can hold them; the first three that schema lets pass are scored at every load.
    model_family: what was trained ("catboost", "logistic", a blend's description).
    warnings: what a reader of the model card must know.
    schema: what the service will ask of rows; None: what the recipe knows.
    fairness: JSON data by groups of the test rows, see release.fairness; None: not measured.
    explanations: JSON data, see release.explanations; None: none were made.
    estimator: what estimator.json holds, of a model that was fitted by tenure.Classifier or tenure.Regressor.
    """

    name: str
    recipe: Recipe
    encoding: Encoding
    model: str
    calibration: Calibration
    reference: Mapping[str, Any]
    metrics: Mapping[str, Any]
    importance: Mapping[str, float]
    golden_rows: Sequence[Mapping[str, object]]
    data_version: str
    seed: int
    model_kind: str = "trees"
    linear: str = ""
    model_family: str = ""
    run_id: str | None = None
    created_at: datetime | None = None
    warnings: Sequence[str] = field(default=())
    schema: TableSchema | None = None
    fairness: Mapping[str, Any] | None = None
    explanations: Mapping[str, Any] | None = None
    estimator: Mapping[str, Any] | None = None


def write_release(parent: Path, parts: ReleaseParts) -> Path:
    """Write parent/<release id>, whole or not at all, and return that path.

    Equal parts give an equal id (run_id and created_at do not count); a release that is there already
    is left as it is. Raises ReleaseError when parts do not fit together or the folder cannot be written.
    """
    files = _build_files(parts)
    hashes = hash_files(files)
    manifest = Manifest(
        name=parts.name,
        task=parts.recipe.target.task,
        release=release_id(hashes),
        files=hashes,
        data_version=parts.data_version,
        seed=parts.seed,
        run_id=parts.run_id,
        created_at=(parts.created_at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        runtime=runtime_versions(),
        metrics=plain(parts.metrics).get("test", {}),
    )
    return write_files(parent, files, manifest)


def _build_files(parts: ReleaseParts) -> dict[str, bytes]:
    if not parts.golden_rows:
        raise ReleaseError("a release needs at least one golden row", todo="pass a raw training row")
    model_files = _model_files(parts)
    schema = parts.schema or schema_of_recipe(parts.recipe)
    predictor = load_predictor(model_files)
    scorer = Scorer(parts.recipe, parts.encoding, predictor, parts.calibration, schema=schema)
    golden = _golden_entries(scorer, parts.golden_rows)
    metrics = plain(parts.metrics)
    importance = dict(sorted(parts.importance.items(), key=lambda item: (-item[1], item[0])))
    card = model_card(
        name=parts.name,
        recipe=parts.recipe,
        family=parts.model_family or parts.model_kind,
        data_version=parts.data_version,
        metrics=metrics,
        importance=importance,
        threshold=parts.calibration.threshold if parts.calibration.task == "binary" else None,
        warnings=[*parts.recipe.warnings, *parts.warnings],
        fairness=parts.fairness,
        explanations=parts.explanations,
    )
    data = {
        "encoding.json": parts.encoding.to_json(),
        "calibration.json": parts.calibration.to_json(),
        "schema.json": release_schema(parts.recipe, schema, scorer.beside),
        "reference.json": plain(parts.reference),
        "metrics.json": metrics,
        "importance.json": importance,
        "golden.json": {"rows": golden},
    }
    if parts.fairness is not None:
        data["fairness.json"] = plain(parts.fairness)
    if parts.explanations is not None:
        data[EXPLANATIONS] = plain(parts.explanations)
    if parts.estimator is not None:
        data[ESTIMATOR] = dict(parts.estimator)
    return {
        "recipe.json": parts.recipe.to_json().encode(),
        **model_files,
        **{name: to_text(body, name) for name, body in data.items()},
        "card.md": card.encode(),
    }


def _model_files(parts: ReleaseParts) -> dict[str, bytes]:
    if parts.model_kind == "joint":
        return {TREES: parts.model.encode(), LINEAR: parts.linear.encode()}
    name = {"trees": TREES, "linear": LINEAR}.get(parts.model_kind)
    if name is None:
        raise ReleaseError(
            f"the kind of model must be 'trees', 'linear' or 'joint', got {parts.model_kind!r}"
        )
    return {name: parts.model.encode()}


def _golden_entries(scorer: Scorer, rows: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    """The first rows that the release's own schema lets pass, with their scores."""
    found: list[dict[str, Any]] = []
    refused: RowsRefused | None = None
    for row in rows:
        try:
            found.append(golden_entry(row, scorer.score_row(row)))
        except RowsRefused as error:
            refused = refused or error
        if len(found) == GOLDEN_ROWS:
            break
    if not found and refused is not None:
        raise ReleaseError(
            f"the schema refuses every one of {len(rows)} training rows: {refused.what}",
            where="schema.json",
            todo="make the rule a warning, or widen it",
        )
    return found


def plain(value: Any) -> Any:
    """JSON data from mappings, sequences and data classes (an Estimate becomes {value, low, high})."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def runtime_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that have a part in the scores, where installed."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
