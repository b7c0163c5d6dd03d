"""The stages train, evaluate and run: prepared rows to a registered release, with a record of how."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from tenure.config import ProjectConfig, TableSchema, describe_idle_keys
from tenure.errors import ProjectError
from tenure.model.evaluate import evaluate as evaluate_model
from tenure.model.explain.importance import global_importance
from tenure.model.fairness.mitigate import train_mitigated
from tenure.model.intervals import intervals_on_test
from tenure.model.prediction_sets import sets_on_test
from tenure.model.registry import default_uri, warm
from tenure.model.settings import Plan, TrainSettings
from tenure.model.train import Trained
from tenure.model.train import train as train_model
from tenure.model.tune import INTERRUPTED
from tenure.monitor.reference import reference_of
from tenure.project.appointing import appoint
from tenure.project.explaining import check_changes, explanations_of, with_explanations
from tenure.project.fairness import decided_by, group_columns, measure_test, mitigation_of
from tenure.project.folder import Folder
from tenure.project.generating import describe_features, find_features, limits_of, with_generated
from tenure.project.judging import check_warnings, judge, judged_of
from tenure.project.prepared import Prepared, load_prepared, settings_of
from tenure.project.preparing import prepare, use_version
from tenure.project.report import RunReport
from tenure.project.runs import find_report, record_run, recorded_plan
from tenure.project.sealing import break_seal, warn_of_reading
from tenure.project.shape import check_unedited, schema_digest, schema_in_force
from tenure.project.skipping import look_up, of_training, remember, settings_changed
from tenure.project.stopwatch import Stopwatch
from tenure.project.tables import Tables, make_tables
from tenure.project.trained import TrainedRun, forget_trained, keep_trained, load_trained, waiting_run
from tenure.release.explanations import FILE as EXPLANATIONS
from tenure.release.folder import ReleaseParts, write_release
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tenure.model.evaluate import Evaluation

log = logging.getLogger(__name__)

_IMPORTANCE_ROWS = 500


def run(
    folder: Folder,
    config: ProjectConfig,
    *,
    budget: float | None,
    seed: int | None,
    data: str | None = None,
    again: bool = False,
) -> RunReport:
    """Prepare, train, evaluate, release, register. Raises TenureError before anything is changed for bad input.

    data: the stored version that is used, in place of the source.  again: even if nothing has changed.
    """
    started = time.perf_counter()
    config = with_overrides(config, budget, seed)
    prepared = use_version(folder, config, data) if data else prepare(folder, config, again=again)
    fingerprint = of_training(config, prepared.id, schema_digest(folder))
    earlier = look_up(folder, "run", fingerprint)
    if earlier.result is not None and not again:
        report = find_report(folder, config, earlier.result, prepared)
        if report is not None:
            return report
    # MLflow takes seconds to import and to lay out a store; the candidates leave it a core between fits
    warming = warm(config.store.registry or default_uri(folder.root))
    seconds = {"prepare": time.perf_counter() - started}
    try:
        trained = _train(folder, config, prepared, None, seconds)
    finally:
        # ended in the middle, this process may run again: whoever has the project then clears away what is half done
        warming.join()
    report = _evaluate(folder, config, prepared, trained, started)
    if trained.trained.plan.stopped != INTERRUPTED:  # run again, it shall search on
        remember(folder, "run", fingerprint, report.run)
    notes = [prepared.note, "training again: " + "; ".join(earlier.why) if earlier.why else None]
    return replace(report, notes=tuple(note for note in notes if note))


def train(
    folder: Folder,
    config: ProjectConfig,
    *,
    budget: float | None,
    seed: int | None,
    plan: str | None,
    again: bool = False,
) -> TrainedRun:
    """Train on the rows that `prepare` kept; what comes out waits for `evaluate`.

    plan: the run whose recorded plan is followed.  again: even if the model that waits is the one that would come
    out. Raises ProjectError when rows or plan are not there.
    """
    written, config = config, with_overrides(config, budget, seed)
    prepared = load_prepared(folder)
    if changed := settings_changed(prepared.settings, settings_of(written)):
        raise ProjectError(
            f"the prepared rows were made by other settings than tenure.yaml has now: {'; '.join(changed)}",
            where=str(folder.config_file),
            todo="run `tenure prepare`",
        )
    check_unedited(folder)
    fingerprint = of_training(config, prepared.id, schema_digest(folder))
    earlier = look_up(folder, "train", fingerprint)
    if earlier.result is not None and earlier.result == waiting_run(folder) and not (again or plan):
        return replace(
            load_trained(folder), note="unchanged: rows, settings and tenure are those of this run"
        )
    trained = _train(folder, config, prepared, recorded_plan(folder, plan) if plan else None, {})
    keep_trained(folder, trained)
    if plan is None and trained.trained.plan.stopped != INTERRUPTED:
        remember(folder, "train", fingerprint, trained.run)
    return replace(trained, note="again: " + "; ".join(earlier.why) if earlier.why else None)


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
        threads=config.model.n_threads,
        threshold=config.model.threshold,
        class_weight=config.model.class_weight,
        limits=limits_of(config),
        coverage=config.model.coverage,
        latency=config.model.latency,
    )
    wanted = mitigation_of(config, prepared)
    if wanted is None:
        return train_model(prepared.recipe, tables.train, tables.validation, settings, plan=plan)
    return train_mitigated(prepared.recipe, tables.train, tables.validation, settings, wanted, plan)


def make_release(
    folder: Folder,
    config: ProjectConfig,
    prepared: Prepared,
    tables: Tables,
    trained: Trained,
    evaluation: Evaluation,
    run_id: str,
    reference: pl.DataFrame | None = None,
    schema: TableSchema | None = None,
    fairness: Mapping[str, Any] | None = None,
) -> Path:
    """Write the release folder of a trained and evaluated model; returns its path.

    reference: clean rows that drift will be measured against; None: the training part.
    schema: what its service asks of rows; None: what the rows were prepared under.
    fairness: what was measured by groups.
    """
    fitted_on = tables.train.joined(tables.validation).features
    draft = Scorer(prepared.recipe, trained.encoding, trained.document.predictor(), trained.calibration)
    # scores of rows that the model was fitted on are too sure of themselves to compare live ones with
    unseen = draft.score_clean(tables.test.features, beside=tables.test.beside)
    importance = global_importance(draft, fitted_on.head(_IMPORTANCE_ROWS))
    explanations = explanations_of(config, prepared, tables, trained, draft)
    judged = judge(
        config,
        prepared,
        tables.test,
        len(fitted_on),
        trained,
        evaluation,
        importance,
        explanations["stability"],
    )
    parts = ReleaseParts(
        name=config.name,
        recipe=prepared.recipe,
        encoding=trained.encoding,
        model=trained.document.text,
        model_kind=trained.document.kind,
        linear=trained.document.linear,
        model_family=trained.winner,
        calibration=trained.calibration,
        reference=reference_of(
            prepared.recipe, tables.train.features if reference is None else reference, unseen
        ),
        metrics={
            "metric": trained.metric,
            "test": evaluation.metrics,
            "baselines": evaluation.baselines,
            "gain": evaluation.gain,
            "validation": trained.validation,
            "cross_validation": trained.cross_validation,
            "rows": prepared.counts(),
            **intervals_on_test(trained.calibration, unseen.values, tables.test.y),
            **sets_on_test(trained.calibration, unseen.probabilities, tables.test.y),
            **judged,
        },
        importance=importance,
        golden_rows=list(prepared.golden),
        data_version=prepared.id,
        seed=config.split.seed,
        run_id=run_id,
        warnings=[*prepared.warnings, *trained.warnings, *check_warnings(judged)],
        schema=schema or schema_in_force(folder, prepared),
        fairness=fairness,
        explanations=explanations,
    )
    return write_release(folder.releases, parts)


def _train(
    folder: Folder, config: ProjectConfig, prepared: Prepared, plan: Plan | None, seconds: dict[str, float]
) -> TrainedRun:
    watch = Stopwatch()
    log.info("training on %s rows", prepared.counts()["train"])
    group_columns(config, prepared)
    check_changes(config, prepared.recipe)
    # these checks cost what loading fairlearn does, and a library is loaded before features are judged
    loading = watch.wall()
    tables = make_tables(prepared, decided_by(config))
    before = watch.wall()
    found = find_features(config, prepared, tables.train, tables.validation, plan)
    loading += watch.wall() - before - found.seconds
    if found.features:
        tables = make_tables(prepared := with_generated(prepared, found.features), decided_by(config))
    left = with_overrides(config, max(config.model.budget - found.seconds, 0.1 * config.model.budget), None)
    trained = found.noted_in(fit(left, prepared, tables, plan))
    seconds = {
        **seconds,
        "generate": found.seconds,
        "train": watch.wall() - found.seconds,
        "loading": loading + trained.seconds["loading"],
        "candidates": trained.seconds["candidates"],
        "processor": watch.processor(),
    }
    stage = time.perf_counter()
    trained = with_explanations(config, prepared, tables, trained)
    seconds["explain"] = time.perf_counter() - stage
    return TrainedRun.of(config, prepared.id, trained, seconds)


def _evaluate(
    folder: Folder, config: ProjectConfig, prepared: Prepared, run: TrainedRun, started: float
) -> RunReport:
    stage = time.perf_counter()
    config = with_overrides(config, None, run.seed)
    reading = break_seal(folder, prepared)
    prepared = with_generated(prepared, run.trained.plan.features)
    tables = make_tables(prepared, decided_by(config))
    evaluation = evaluate_model(
        prepared.recipe,
        run.trained,
        tables.train.joined(tables.validation),
        tables.test,
        config.model.threshold,
    )
    fairness = measure_test(config, prepared, run.trained, tables)
    release = make_release(
        folder, config, prepared, tables, run.trained, evaluation, run.run, fairness=fairness
    )
    seconds = {**run.seconds, "evaluate": time.perf_counter() - stage}
    stage = time.perf_counter()
    version, champion, post = appoint(folder, config, release, run, evaluation, prepared, tables)
    seconds["register"] = time.perf_counter() - stage
    seconds["total"] = time.perf_counter() - started
    judged = judged_of(release)
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
        parts=prepared.balance().to_dict(),
        seconds=seconds,
        release=str(release),
        run=run.run,
        threshold=run.trained.calibration.threshold if prepared.recipe.target.task == "binary" else None,
        importance=json.loads((release / "importance.json").read_text()),
        explanations=_told(release),
        warnings=(
            *prepared.warnings,
            *run.trained.warnings,
            *check_warnings(judged),
            *_late(config, run),
            *warn_of_reading(reading),
            *describe_idle_keys(config),
        ),
        leakage=prepared.leakage,
        features=describe_features(prepared, run.trained.plan.features),
        fairness=fairness or {},
        judged=judged,
    )
    record_run(folder, prepared, run, release, version, report.to_dict(), reading)
    return report


def with_overrides(config: ProjectConfig, budget: float | None, seed: int | None) -> ProjectConfig:
    if budget is not None:
        config = config.model_copy(update={"model": config.model.model_copy(update={"budget": budget})})
    if seed is not None:
        config = config.model_copy(update={"split": config.split.model_copy(update={"seed": seed})})
    return config


def _told(release: Path) -> dict[str, Any]:
    """Of the explanations what a run tells; dependence and what can change are in the release."""
    body = json.loads((release / EXPLANATIONS).read_text())
    return {key: body[key] for key in ("permutation", "stability", "interactions")}


def _late(config: ProjectConfig, run: TrainedRun) -> tuple[str, ...]:
    """What the budget did not keep, and why. Its parts are told apart in `seconds`."""
    took = run.seconds["generate"] + run.seconds["train"] - run.seconds["loading"]
    if config.model.trials or took <= 1.1 * config.model.budget:
        return ()
    return (
        f"tuning and fitting took {took:.1f} s of a budget of {config.model.budget:g} s: the least that makes a model "
        "of these rows takes longer, or other processes had the cores",
    )
