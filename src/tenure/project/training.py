"""The stages train, evaluate and run: prepared rows to a registered release, with a record of how."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure.config import ProjectConfig, describe_idle_keys
from tenure.errors import ProjectError
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.model.evaluate import evaluate as evaluate_model
from tenure.model.explain import global_importance
from tenure.model.registry import warm
from tenure.model.settings import Plan, TrainSettings
from tenure.model.train import Trained, TrainingTable
from tenure.model.train import train as train_model
from tenure.monitor.samples import SCORE
from tenure.prepare.columns import clean, find_problems, target_values, time_values
from tenure.prepare.summary import summarise
from tenure.project.folder import Folder
from tenure.project.preparing import TEST, TRAIN, VALIDATION, Prepared, load_prepared, prepare, settings_of
from tenure.project.promoting import note, open_to_change
from tenure.project.report import RunReport
from tenure.project.runs import config_hash, find_record, new_run_id, record_run, recorded_plan
from tenure.project.trained import TrainedRun, forget_trained, keep_trained, load_trained
from tenure.release.folder import ReleaseParts, write_release
from tenure.release.metrics import compare
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from tenure.model.evaluate import Evaluation
    from tenure.model.registry import ModelVersion
    from tenure.records import Estimate

log = logging.getLogger(__name__)

_GOLDEN_ROWS = 3
_IMPORTANCE_ROWS = 500


@dataclass(frozen=True)
class Tables:
    """The parts of prepared rows as training reads them."""

    train: TrainingTable
    validation: TrainingTable
    test: TrainingTable


def run(folder: Folder, config: ProjectConfig, *, budget: float | None, seed: int | None) -> RunReport:
    """Prepare, train, evaluate, release, register. Raises TenureError before anything is changed for bad input."""
    started = time.perf_counter()
    config = with_overrides(config, budget, seed)
    prepared = prepare(folder, config)
    # MLflow takes seconds to import and to lay out a store; the candidates leave it a core between fits
    warming = warm(open_registry_uri(folder, config))
    seconds = {"prepare": time.perf_counter() - started}
    trained = _train(folder, config, prepared, None, seconds)
    warming.join()
    return _evaluate(folder, config, prepared, trained, started)


def train(
    folder: Folder, config: ProjectConfig, *, budget: float | None, seed: int | None, plan: str | None
) -> TrainedRun:
    """Train on the rows that `prepare` kept; what comes out waits for `evaluate`.

    plan: the run whose recorded plan is followed. Raises ProjectError when rows or plan are not there.
    """
    written, config = config, with_overrides(config, budget, seed)
    prepared = load_prepared(folder)
    if prepared.settings != settings_of(written):
        raise ProjectError(
            "the prepared rows were made by other settings than tenure.yaml has now",
            where=str(folder.config_file),
            todo="run `tenure prepare`",
        )
    trained = _train(folder, config, prepared, recorded_plan(folder, plan) if plan else None, {})
    keep_trained(folder, trained)
    return trained


def evaluate(folder: Folder, config: ProjectConfig) -> RunReport:
    """Read the test rows once with the model that waits; release and register it."""
    started = time.perf_counter()
    trained = load_trained(folder)
    report = _evaluate(folder, config, load_prepared(folder, trained.prepared), trained, started)
    forget_trained(folder)
    return report


def fit(config: ProjectConfig, prepared: Prepared, tables: Tables, plan: Plan | None = None) -> Trained:
    """Search, calibrate and fit on the training and validation parts, by the config's settings."""
    settings = TrainSettings(
        candidates=tuple(config.model.candidates),
        metric=config.model.metric,
        budget_seconds=None if config.model.trials else config.model.budget,
        max_trials=config.model.trials,
        seed=config.split.seed,
        threads=config.model.threads or os.cpu_count() or 1,
        threshold=config.model.threshold,
    )
    return train_model(prepared.recipe, tables.train, tables.validation, settings, plan=plan)


def make_tables(prepared: Prepared) -> Tables:
    """Clean the prepared rows and cut them into their parts."""
    recipe = prepared.recipe
    features = clean(recipe, prepared.rows.lazy()).collect()
    y = target_values(recipe.target, prepared.rows[recipe.target.name])
    when = time_values(prepared.rows[recipe.time]) if recipe.time else None
    group = prepared.rows[recipe.group].to_numpy() if recipe.group else None

    def part(number: int) -> TrainingTable:
        chosen = prepared.parts == number
        return TrainingTable(
            features.filter(chosen),
            y[chosen],
            None if when is None else when[chosen],
            None if group is None else group[chosen],
        )

    return Tables(part(TRAIN), part(VALIDATION), part(TEST))


def make_release(
    folder: Folder,
    config: ProjectConfig,
    prepared: Prepared,
    tables: Tables,
    trained: Trained,
    evaluation: Evaluation,
    run_id: str,
    reference: pl.DataFrame | None = None,
) -> Path:
    """Write the release folder of a trained and evaluated model; returns its path.

    reference: clean rows that drift will be measured against; None: the training part.
    """
    fitted_on = tables.train.joined(tables.validation).features
    draft = Scorer(prepared.recipe, trained.encoding, trained.document.predictor(), trained.calibration)
    # scores of rows that the model was fitted on are too sure of themselves to compare live ones with
    unseen = draft.score_clean(tables.test.features)
    parts = ReleaseParts(
        name=config.name,
        recipe=prepared.recipe,
        encoding=trained.encoding,
        model=trained.document.text,
        model_kind=trained.document.kind,
        model_family=trained.winner,
        calibration=trained.calibration,
        reference=reference_of(tables.train.features if reference is None else reference, unseen),
        metrics={
            "metric": trained.metric,
            "test": evaluation.metrics,
            "baselines": evaluation.baselines,
            "gain": evaluation.gain,
            "validation": trained.validation,
            "cross_validation": trained.cross_validation,
            "rows": prepared.counts(),
        },
        importance=global_importance(draft, fitted_on.head(_IMPORTANCE_ROWS)),
        golden_rows=_golden_rows(prepared),
        data_version=prepared.data_version,
        seed=config.split.seed,
        run_id=run_id,
        warnings=[*prepared.warnings, *trained.warnings],
    )
    return write_release(folder.releases, parts)


def _train(
    folder: Folder, config: ProjectConfig, prepared: Prepared, plan: Plan | None, seconds: dict[str, float]
) -> TrainedRun:
    started = time.perf_counter()
    log.info("training on %s rows", prepared.counts()["train"])
    trained = fit(config, prepared, make_tables(prepared), plan)
    seconds = {
        **seconds,
        "train": time.perf_counter() - started,
        "candidates": trained.seconds["candidates"],
    }
    return TrainedRun(new_run_id(), prepared.id, config.split.seed, trained, seconds, config_hash(config))


def _evaluate(
    folder: Folder, config: ProjectConfig, prepared: Prepared, run: TrainedRun, started: float
) -> RunReport:
    stage = time.perf_counter()
    config = with_overrides(config, None, run.seed)
    tables = make_tables(prepared)
    evaluation = evaluate_model(
        prepared.recipe,
        run.trained,
        tables.train.joined(tables.validation),
        tables.test,
        config.model.threshold,
    )
    release = make_release(folder, config, prepared, tables, run.trained, evaluation, run.run)
    seconds = {**run.seconds, "evaluate": time.perf_counter() - stage}
    stage = time.perf_counter()
    version, champion, post = _appoint(folder, config, release, run, evaluation, prepared, tables)
    seconds["register"] = time.perf_counter() - stage
    seconds["total"] = time.perf_counter() - started
    report = RunReport(
        name=config.name,
        version=version,
        champion=champion,
        post=post,
        task=prepared.recipe.target.task,
        metric=run.trained.metric,
        winner=run.trained.winner,
        validation=run.trained.validation,
        test=evaluation.metrics,
        baselines=evaluation.baselines,
        gain=evaluation.gain,
        rows=prepared.counts(),
        seconds=seconds,
        release=str(release),
        run=run.run,
        threshold=run.trained.calibration.threshold if prepared.recipe.target.task == "binary" else None,
        importance=json.loads((release / "importance.json").read_text()),
        warnings=(
            *prepared.warnings,
            *run.trained.warnings,
            *_late(config, run),
            *describe_idle_keys(config),
        ),
        leakage=prepared.leakage,
    )
    record_run(folder, config, prepared, run, release, version, report.to_dict())
    return report


def _appoint(
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
    version = registry.register(release, manifest, params, evaluation.metrics)
    before = registry.champion()
    if before is not None and before.version == version:
        return version, True, "the champion"
    if before is not None and release.name in known:
        return version, False, f"the same as before; version {before.version} keeps the post"
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
    if record is None or record["data"]["prepared"] != prepared.id:
        return None
    scorer = Scorer.load(folder.root / champion.path)
    scored = scorer.score_table(prepared.rows.filter(prepared.parts == TEST))
    old = scored.margins if scored.probabilities is None else scored.probabilities
    new = run.trained.scores(tables.test)
    thresholds = (run.trained.calibration.threshold, scorer.threshold)
    return compare(scorer.task, tables.test.y, new, old, run.trained.metric, thresholds=thresholds)


def reference_of(features: pl.DataFrame, scored: Any) -> dict[str, Any]:
    """What drift is measured against: summaries of clean rows, and of the scores of rows unseen in training."""
    import polars as pl

    scores = scored.values if scored.probabilities is None else scored.probabilities[:, -1]
    return {
        "rows": summarise([features]).to_dict(),
        "scores": summarise([pl.DataFrame({SCORE: scores})]).to_dict(),
    }


def open_registry_uri(folder: Folder, config: ProjectConfig) -> str:
    """The address of the registry."""
    from tenure.model.registry import default_uri

    return config.store.registry or default_uri(folder.root)


def with_overrides(config: ProjectConfig, budget: float | None, seed: int | None) -> ProjectConfig:
    if budget is not None:
        config = config.model_copy(update={"model": config.model.model_copy(update={"budget": budget})})
    if seed is not None:
        config = config.model_copy(update={"split": config.split.model_copy(update={"seed": seed})})
    return config


def _late(config: ProjectConfig, run: TrainedRun) -> tuple[str, ...]:
    took = run.seconds["train"]
    if took <= 1.1 * config.model.budget:
        return ()
    return (f"tuning and fitting took {took:.1f} s of a budget of {config.model.budget:g} s",)


def _golden_rows(prepared: Prepared) -> list[dict[str, Any]]:
    """The first training rows, as JSON can hold them; cells that break the recipe are left empty."""
    names = [column.name for column in prepared.recipe.features]
    raw = prepared.rows.filter(prepared.parts == TRAIN).head(_GOLDEN_ROWS).select(names)
    rows = raw.to_dicts()
    for problem in find_problems(prepared.recipe, raw):
        rows[problem.row][problem.column] = None
    return [{name: _json_cell(value) for name, value in row.items()} for row in rows]


def _json_cell(value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
