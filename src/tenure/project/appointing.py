"""Who gets the post when a release is made: the gates it has to pass, and the champion it has to match."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl

from tenure.config import ProjectConfig
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.prepare.columns import settle
from tenure.prepare.split import PART, TEST
from tenure.project.folder import Folder
from tenure.project.gates import failed_gates
from tenure.project.promoting import note, note_stop, open_to_change
from tenure.project.runs import find_record
from tenure.project.versions import follow
from tenure.release.grouped import compared
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.model.evaluate import Evaluation
    from tenure.model.registry import ModelVersion
    from tenure.project.prepared import Prepared
    from tenure.project.tables import Tables
    from tenure.project.trained import TrainedRun
    from tenure.records import Estimate


def appoint(  # noqa: PLR0911 -- one return a reason
    folder: Folder,
    config: ProjectConfig,
    release: Path,
    run: TrainedRun,
    evaluation: Evaluation,
    prepared: Prepared,
    tables: Tables,
) -> tuple[str, bool, str]:
    """Register a release; give it the post, or the challenger's place.

    Returns its version, whether it is champion, and why in words.
    """
    registry = open_to_change(folder, config)
    manifest = json.loads((release / "manifest.json").read_text())
    params = {f"{m.family}.{key}": value for m in run.trained.plan.members for key, value in m.params.items()}
    known = {version.release for version in registry.versions()}
    version = registry.register(release, manifest, params, evaluation.metrics, run.trained.plan.trials)
    before = registry.champion()
    if before is not None and before.version == version:
        return version, True, "the champion"
    if before is not None and release.name in known:
        return version, False, f"the same as before; version {before.version} keeps the post"
    if reasons := failed_gates(config, release):
        registry.challenge(version)
        note_stop(folder, version, reasons, by="run")
        return version, False, f"not promoted: {'; '.join(reasons)}"
    if before is not None and _is_retrained(folder, before.version):
        registry.challenge(version)
        why = f"version {before.version}, trained on later rows by a review, keeps the post; `tenure promote` decides"
        return version, False, why
    lead = None if before is None else _lead_of(folder, before, run, prepared, tables)
    if before is not None and config.retrain.promote == "manual":
        registry.challenge(version)
        return version, False, "waiting: `tenure promote` gives it the post (retrain.promote is manual)"
    if before is not None and lead is not None and lead.low > 0:
        registry.challenge(version)
        why = f"version {before.version} keeps the post, better on the same test rows by {lead} {run.trained.metric}"
        return version, False, why
    registry.promote(version)
    note(folder, "promotion", {"version": version, "before": before and before.version, "by": "run"})
    return (
        version,
        True,
        "the champion" if before is None else f"the champion, in place of version {before.version}",
    )


def _is_retrained(folder: Folder, version: str) -> bool:
    with closing(open_journal(folder.journal)) as db:
        return any(event.body["version"] == version for event in events(db, "retrain"))


def _lead_of(
    folder: Folder, champion: ModelVersion, run: TrainedRun, prepared: Prepared, tables: Tables
) -> Estimate | None:
    """How much better the champion is on the same test rows; None where it may have been trained on them."""
    record = find_record(folder, champion.release)
    if record is None or follow(folder, record["data"]["version"]) != prepared.id:
        return None
    scorer = Scorer.load(folder.root / champion.path)
    rows = prepared.rows.filter(pl.col(PART) == TEST)
    clean = settle(scorer.recipe, rows).collect()
    scored = scorer.score_clean(clean)
    old = scored.margins if scored.probabilities is None else scored.probabilities
    new = run.trained.scores(tables.test)
    own = scorer.calibration.thresholds(
        clean, rows.select(scorer.beside).collect() if scorer.beside else None
    )
    thresholds = (run.trained.thresholds(tables.test), own)
    return compared(
        scorer.task,
        tables.test.y,
        new,
        old,
        run.trained.metric,
        thresholds=thresholds,
        group=tables.test.group,
        weight=tables.test.weight,
    )
