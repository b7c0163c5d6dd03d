"""Train a challenger on old and new labelled rows, and compare it with the champion on later ones."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from tenure.config import ProjectConfig
from tenure.errors import ProjectError
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.model.evaluate import evaluate
from tenure.model.generated import Generated
from tenure.model.settings import Plan
from tenure.monitor.review import Decision, compare_challenger, split_by_time
from tenure.monitor.windows import LabelledRows, raw_table
from tenure.monitor.worth import Worth, worth_of_switch
from tenure.prepare.columns import read_target, settle, target_values
from tenure.prepare.expressions import read_cell
from tenure.prepare.recipe import Recipe
from tenure.prepare.schema.infer import widen
from tenure.prepare.split import PART, TEST, TRAIN, VALIDATION, assign_parts
from tenure.prepare.survey import learn_anew
from tenure.project.explaining import with_explanations
from tenure.project.fairness import decided_by, measure_test
from tenure.project.folder import Folder
from tenure.project.gates import failed_gates
from tenure.project.generating import with_generated
from tenure.project.leakage import pass_gate
from tenure.project.prepared import Prepared, keep_rows, load_prepared
from tenure.project.promoting import note, open_registry
from tenure.project.runs import find_record, record_run
from tenure.project.sealing import break_seal
from tenure.project.shape import schema_in_force
from tenure.project.stopwatch import Stopwatch
from tenure.project.tables import make_tables
from tenure.project.trained import TrainedRun
from tenure.project.training import fit, make_release, with_overrides
from tenure.release.decide import Thresholds
from tenure.release.scorer import Scorer


@dataclass(frozen=True)
class NewRows:
    """Labelled live rows, in time order.

    unseen: those that the champion was not trained on.  fresh: of these, those that no earlier comparison
    has used; comparing on the same rows again and again would promote by chance in the end.
    """

    unseen: LabelledRows
    fresh: LabelledRows


@dataclass(frozen=True)
class Retrained:
    """A challenger, and how it fared against the champion on the same later rows.

    n_old, n_new: rows it was trained on, from before and from the journal.
    stopped: the limits it exceeds, which keep it from the post however good it is.
    doubts: limits that its rows cannot settle.
    """

    version: str
    winner: str
    n_old: int
    n_new: int
    comparison: Decision
    stopped: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def retrain(
    folder: Folder,
    config: ProjectConfig,
    scorer: Scorer,
    new: NewRows,
    budget: float | None,
) -> Retrained:
    """Train a challenger and register it; who gets the post is for the caller to carry out.

    The later of the fresh rows are kept for the comparison, as neither model has seen them; the others
    join the rows that the champion was trained on.
    Raises GateFailed, with nothing registered, when these rows leak.
    """
    config = with_overrides(config, budget, None)
    task = scorer.task
    split = split_by_time(new.fresh.at, new.fresh.y, task, n_classes=max(len(scorer.classes), 1))
    later = new.fresh.take(split.compare)
    earlier = new.unseen.take(new.unseen.at < later.at.min())
    record = _record_of(folder, scorer)
    old = load_prepared(folder, str(record["data"]["version"]))
    # the champion's generated features, if the config still wants any: which are worth it is not asked anew
    kept = Plan.from_json(record["plan"]).features if config.model.generate_features else ()
    prepared = with_generated(_extend(folder, old, config, earlier, later), kept)
    tables = make_tables(prepared, decided_by(config))
    watch = Stopwatch()
    trained = Generated(kept).noted_in(fit(config, prepared, tables))
    trained = with_explanations(config, prepared, tables, trained)
    reading = break_seal(folder, prepared)
    evaluation = evaluate(
        prepared.recipe, trained, tables.train.joined(tables.validation), tables.test, config.model.threshold
    )
    fairness = measure_test(config, prepared, trained, tables)
    run = TrainedRun.of(config, prepared.id, trained, {"train": watch.wall(), "processor": watch.processor()})
    # the world is what the latest rows show: against the old ones a lasting shift would alarm for ever
    release = make_release(
        folder,
        config,
        prepared,
        tables,
        trained,
        evaluation,
        run.run,
        reference=tables.test.features,
        schema=widen(schema_in_force(folder, prepared), prepared.recipe),
        fairness=fairness,
    )
    registry = open_registry(folder, config)
    manifest = json.loads((release / "manifest.json").read_text())
    params, trials = {"winner": trained.winner}, trained.plan.trials
    version = registry.register(release, manifest, params, evaluation.metrics, trials)
    registry.challenge(version)
    note(
        folder,
        "retrain",
        {
            "version": version,
            "run": run.run,
            "release": release.name,
            "trained_until": int(earlier.at.max()),
            "compared_until": int(later.at.max()),
        },
    )
    result = {
        "test": {name: asdict(estimate) for name, estimate in evaluation.metrics.items()},
        "fairness": fairness or {},
    }
    record_run(folder, prepared, run, release, version, result, reading, reference="test")
    rows = prepared.rows.filter(pl.col(PART) == TEST).collect()
    comparison = _compare(config, prepared, scorer, Scorer.load(release), rows)
    n_old = int(np.sum(prepared.parts != TEST)) - len(earlier)
    doubts = tuple(fairness["verdict"]["doubts"]) if fairness else ()
    return Retrained(
        version, trained.winner, n_old, len(earlier), comparison, failed_gates(config, release), doubts
    )


def find_new_rows(folder: Folder, outcomes: LabelledRows, champion: str) -> NewRows:
    """Tell labelled rows that are new to the champion from those that were used before."""
    with closing(open_journal(folder.journal)) as db:
        past = [event.body for event in events(db, "retrain")]
    trained = max((body["trained_until"] for body in past if body["version"] == champion), default=0)
    compared = max((body["compared_until"] for body in past), default=0)
    return NewRows(outcomes.take(outcomes.at > trained), outcomes.take(outcomes.at > max(trained, compared)))


def _compare(
    config: ProjectConfig, prepared: Prepared, champion: Scorer, challenger: Scorer, later: pl.DataFrame
) -> Decision:
    y = target_values(prepared.recipe.target, later[prepared.recipe.target.name])
    old, new = _scores(champion, later), _scores(challenger, later)
    thresholds = (_thresholds(champion, later), _thresholds(challenger, later))
    worth: Worth | None = None
    if config.business is not None and champion.task == "binary":
        worth = worth_of_switch(y, old[:, 1], new[:, 1], thresholds, config.business)
    return compare_challenger(
        y,
        old,
        new,
        champion.task,
        _metric(challenger, config),
        thresholds=thresholds,
        promote=config.retrain.promote,
        worth=worth,
    )


def _metric(challenger: Scorer, config: ProjectConfig) -> str:
    from tenure.model.settings import DEFAULT_METRIC

    return config.model.metric or DEFAULT_METRIC[challenger.task]


def _thresholds(scorer: Scorer, typed: pl.DataFrame) -> Thresholds:
    return scorer.calibration.thresholds(settle(scorer.recipe, typed.lazy()).collect(), typed)


def _scores(scorer: Scorer, typed: pl.DataFrame) -> Any:
    table = scorer.score_clean(settle(scorer.recipe, typed.lazy()).collect())
    return table.margins if table.probabilities is None else table.probabilities


def _record_of(folder: Folder, scorer: Scorer) -> dict[str, Any]:
    record = find_record(folder, scorer.manifest.release)
    if record is None:
        raise ProjectError(
            "no record tells which rows the champion was trained on",
            where=str(folder.runs),
            todo="run `tenure run`, and promote what it makes",
        )
    return record


def _extend(
    folder: Folder, old: Prepared, config: ProjectConfig, earlier: LabelledRows, later: LabelledRows
) -> Prepared:
    """The champion's rows, with the earlier live rows to train on and the later ones as the test part.

    The old test part was read by the champion's evaluation; for the challenger it is for training. How cells are
    written is as the champion reads them, for that is what its service took; what they hold is learned anew.
    """
    share = config.split.validation / (1 - config.split.test)
    parts = assign_parts(
        earlier.y, validation=share, test=0.0, seed=config.split.seed, task=old.recipe.target.task
    )
    old_parts = np.where(old.parts == VALIDATION, VALIDATION, TRAIN)
    parts = np.concatenate([old_parts, parts, np.full(len(later), TEST)]).astype(np.int8)
    before = old.rows.drop(PART).collect()
    new = [_read_like(raw_table(rows, old.recipe), old.recipe, before.schema) for rows in (earlier, later)]
    rows = pl.concat([before, *new]).with_columns(pl.Series(PART, parts))
    recipe = learn_anew(old.recipe, rows.filter(pl.col(PART) == TRAIN))
    digest = hashlib.sha256(earlier.at.tobytes() + later.at.tobytes()).hexdigest()
    prepared = replace(
        old,
        recipe=recipe,
        rows=rows.lazy(),
        parts=parts,
        warnings=recipe.warnings,
        fingerprint=replace(
            old.fingerprint,
            inputs={f"version {old.id}": old.content or "", "labelled rows of the journal": digest},
        ),
        content=None,
    )
    return keep_rows(folder, config, _gated(folder, config, prepared, len(before)))


def _gated(folder: Folder, config: ProjectConfig, prepared: Prepared, n_before: int) -> Prepared:
    """The rows, when neither they nor the live ones alone leak: among many old rows a new leak does not show.

    What is only to be warned of is told of all rows together.
    """
    live = replace(prepared, rows=prepared.rows.slice(n_before))
    pass_gate(folder, config, live, by_time=True, among="the labelled live rows")
    return pass_gate(folder, config, prepared, by_time=True)


def _read_like(raw: pl.DataFrame, recipe: Recipe, schema: pl.Schema) -> pl.DataFrame:
    """Live rows as they are kept, with these columns and types; columns that no client sends are null."""
    inputs = {column.name: column for column in recipe.inputs}

    def typed(name: str, dtype: pl.DataType) -> pl.Expr:
        if name not in raw.columns:
            # a client need not send a weight: a row without one counts as weight 1
            return pl.lit("1" if name == recipe.weight else None).cast(dtype).alias(name)
        if name == recipe.target.name:
            return read_target(recipe.target, raw.schema[name])
        if name in inputs:
            return read_cell(inputs[name], raw.schema[name])
        cell = pl.col(name).cast(dtype, strict=False)
        return cell.fill_null(pl.lit("1").cast(dtype)) if name == recipe.weight else cell

    return raw.select(typed(name, dtype) for name, dtype in schema.items())
