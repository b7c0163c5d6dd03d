"""Run records: the way back from a release to its data, config and plan."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tenure.config import ProjectConfig
from tenure.durable import write_durably
from tenure.errors import ProjectError
from tenure.model.settings import Plan
from tenure.project.folder import Folder
from tenure.project.prepared import Prepared
from tenure.project.promoting import note, open_registry
from tenure.project.report import RunReport
from tenure.project.trained import TrainedRun
from tenure.release.files import is_intact, open_release
from tenure.release.folder import runtime_versions
from tenure.release.schema import KEYWORD

FORMAT = "tenure-run/2"


def record_run(
    folder: Folder,
    prepared: Prepared,
    run: TrainedRun,
    release: Path,
    version: str,
    result: dict[str, Any],
    test_reads: int,
    reference: Literal["train", "test"] = "train",
) -> None:
    """Write a run's record, with all that is needed to train again, and its line in the journal.

    result: what was measured, as JSON data.  test_reads: how often the test rows have been read, this run included.
    reference: the part of the rows that the release's drift is measured against.
    The line in the journal holds the record's SHA-256.
    """
    manifest = open_release(release)
    body = {
        "format": FORMAT,
        "run": run.run,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": release.name,
        "files": dict(manifest.files),
        "version": version,
        "data": {"version": prepared.id, "content": prepared.content, "rows": prepared.counts()},
        "warnings": {"data": list(prepared.warnings), "training": list(run.trained.warnings)},
        "leakage": dict(prepared.leakage),
        "schema": json.loads((release / "schema.json").read_text())[KEYWORD],
        "config": dict(run.config),
        "config_sha256": run.config_sha256,
        "seed": run.seed,
        "threads": run.threads,
        "runtime": runtime_versions(),
        "reference": reference,
        "seconds": dict(run.seconds),
        "test_reads": test_reads,
        "plan": run.trained.plan.to_json(),
        "result": result,
    }
    place = folder.runs / run.run
    place.mkdir(exist_ok=True)
    text = json.dumps(body, indent=1)
    write_durably(place / "record.json", text)
    kept = ("run", "release", "version", "data", "config_sha256", "seed")
    line = {key: body[key] for key in kept} | {"record_sha256": hashlib.sha256(text.encode()).hexdigest()}
    note(folder, "run", line)


def find_record(folder: Folder, release: str) -> dict[str, Any] | None:
    """The latest record of a run that made this release, or None.

    By the release, not by the run that its manifest names: a run that was killed before it wrote its record
    leaves a release that the next run finds finished.
    """
    for path in sorted(folder.runs.glob("*/record.json"), reverse=True):
        body = json.loads(path.read_text())
        if body["release"] == release:
            return dict(body)
    return None


def find_report(folder: Folder, config: ProjectConfig, run: str, prepared: Prepared) -> RunReport | None:
    """What an earlier run told, with who holds the post today; None when its release or its version is gone."""
    try:
        body = json.loads((folder.runs / run / "record.json").read_text())
        release = folder.releases / body["release"]
        versions = [v for v in open_registry(folder, config).versions() if v.release == release.name]
        if not versions or not is_intact(release):
            return None
        champion = "champion" in versions[0].aliases
        post = "the champion" if champion else "another version holds the post"
        report = RunReport.from_dict(
            {**body["result"], "release": str(release)},
            version=versions[0].version,
            champion=champion,
            post=post,
        )
    except (OSError, KeyError, ValueError):
        return None
    note = f"unchanged: rows, settings and tenure are those of run {run}; nothing was trained (--again does it again)"
    return replace(report, notes=tuple(line for line in (prepared.note, note) if line))


def recorded_plan(folder: Folder, run: str) -> Plan:
    """The plan that a run carried out. Raises ProjectError when there is no such record."""
    return Plan.from_json(read_record(folder, run)["plan"])


def read_record(folder: Folder, run: str) -> dict[str, Any]:
    """The record of a run. Raises ProjectError when there is none, or when it is damaged."""
    path = folder.runs / run / "record.json"
    try:
        body = json.loads(path.read_text())
        if body["format"] != FORMAT:
            raise ValueError(f"its format is {body['format']!r}, this version reads {FORMAT!r}")
        return dict(body)
    except FileNotFoundError:
        known = sorted(place.parent.name for place in folder.runs.glob("*/record.json"))
        raise ProjectError(
            f"there is no run {run!r}; recorded are: {', '.join(known) or 'none'}",
            where=str(folder.runs),
            todo="name a recorded run",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"the record of the run cannot be read: {error}", where=str(path), todo="name another run"
        ) from error
