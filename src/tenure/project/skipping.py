"""Work that would come out as it did before is not done again; work that is done again says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure.config import ProjectConfig
from tenure.durable import write_durably
from tenure.prepare.versions import Fingerprint, code_digest, what_changed
from tenure.project.folder import Folder

_KEPT = 20
_PREPARING = ("prepare", "project/reading", "project/panels", "project/preparing")
_TRAINING = (*_PREPARING, "model", "release", "project/training", "project/generating", "project/explaining")
_LIBRARIES = ("polars", "numpy")
_TRAINERS = ("scikit-learn", "scipy", "xgboost-cpu", "lightgbm", "catboost", "optuna", "sqlglot")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of the same work before. result: what it made, or None when it must be done.

    why: what changed since the last time, in words; empty when it was never done.
    """

    result: str | None
    why: tuple[str, ...] = ()


def of_preparing(config: ProjectConfig, inputs: dict[str, str]) -> Fingerprint:
    """What decides how rows are prepared. inputs: table -> SHA-256 of what was read; where it lies does not count."""
    sections = config.model_dump(mode="json")
    settings = {key: value for key, value in sections.items() if key not in _OF_LATER_STAGES}
    data = _without_place(settings["data"])
    tables = {name: _without_place(table) for name, table in data["tables"].items()}
    settings["data"] = {**data, "tables": tables}
    # a list, because their order tells which may read which
    settings["features"] = [list(feature) for feature in config.features.items()]
    return Fingerprint(inputs, settings, code_digest(_PREPARING, _LIBRARIES))


def _without_place(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "source"}


# sections of tenure.yaml that nothing in prepared rows depends on; a new section counts until it is named here
_OF_LATER_STAGES = (
    "name",
    "intended_use",
    "model",
    "explain",
    "fairness",
    "business",
    "serve",
    "monitor",
    "retrain",
    "store",
)


def of_training(config: ProjectConfig, version: str, schema: str) -> Fingerprint:
    """What decides which model comes out of a data version; a budget in seconds is a setting as any other.

    schema: the hash of the schema that the rows were prepared under, which the release carries.
    """
    settings: dict[str, Any] = {
        "model": config.model.model_dump(mode="json"),
        "split": {"seed": config.split.seed},
        **{key: config.model_dump(mode="json")[key] for key in ("explain", "fairness")},
    }
    return Fingerprint(
        {"the prepared rows": version, "schema.json": schema},
        settings,
        code_digest(_TRAINING, (*_LIBRARIES, *_TRAINERS)),
    )


def settings_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of tenure.yaml differs, in words."""
    return what_changed(Fingerprint({}, before, ""), Fingerprint({}, now, ""))


def look_up(
    folder: Folder, stage: str, now: Fingerprint, others: list[tuple[Fingerprint, str]] | None = None
) -> Earlier:
    """Whether a stage was done before from the same inputs, settings and code.

    others: results that are known from elsewhere, the latest first, such as versions that came with a clone.
    """
    known = [*_read(folder, stage), *(others or [])]
    for fingerprint, result in known:
        if not what_changed(fingerprint, now):
            return Earlier(result)
    return Earlier(None, tuple(what_changed(known[0][0], now)) if known else ())


def remember(folder: Folder, stage: str, done: Fingerprint, result: str) -> None:
    """Keep what a stage made from what; the latest twenty are kept."""
    known = [
        (fingerprint, made) for fingerprint, made in _read(folder, stage) if what_changed(fingerprint, done)
    ]
    entries = [(done, result), *known][:_KEPT]
    body = [{**fingerprint.to_dict(), "result": made} for fingerprint, made in entries]
    write_durably(_file(folder, stage), json.dumps(body, indent=1))


def _read(folder: Folder, stage: str) -> list[tuple[Fingerprint, str]]:
    try:
        body = json.loads(_file(folder, stage).read_text(encoding="utf-8"))
        return [
            (Fingerprint(entry["inputs"], entry["settings"], entry["code"]), entry["result"])
            for entry in body
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # nothing is known, and the work is done


def _file(folder: Folder, stage: str) -> Path:
    return folder.own / f"done-{stage}.json"
