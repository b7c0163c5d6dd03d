"""After release: outcomes that arrive, the monitor's checks, and the review that decides and acts."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tenure.config import ProjectConfig, source_like
from tenure.errors import ColumnsMissing, GateFailed, RowsRefused, SourceError
from tenure.journal.entries import GivenOutcome, Prediction, from_micros, row_key
from tenure.journal.queries import events, health, labelled, predictions_between
from tenure.journal.tables import Journal, open_journal
from tenure.journal.writer import add_outcomes
from tenure.model.registry import ModelVersion, Registry
from tenure.monitor.drift import measure_drift
from tenure.monitor.performance import measure_performance
from tenure.monitor.report import HealthReport, MonitorReport, make_checks
from tenure.monitor.review import Decision, ReviewFacts, ReviewSettings, decide
from tenure.monitor.samples import kinds_of, read_reference
from tenure.monitor.windows import LabelledRows, choose_window, collect_labelled, collect_live
from tenure.monitor.worth import Worth, worth_of_retraining
from tenure.prepare.recipe import Recipe
from tenure.project.folder import Folder
from tenure.project.promoting import Holder, find_release, note, note_stop, open_to_change
from tenure.project.retraining import NewRows, Retrained, find_new_rows, retrain
from tenure.records import Estimate
from tenure.release.scorer import Scorer

log = logging.getLogger(__name__)


def take_outcomes(
    folder: Folder, config: ProjectConfig, source: str, written: Mapping[str, str | None]
) -> dict[str, Any]:
    """Record the true labels of a table: a prediction `id` or the project's id column, and the outcome.

    The outcome's column is called `outcome`, or as the target. Rows without one yet are left out.
    written: how the table is written, where not as the project's own; query or table of a database.
    Raises RowsRefused naming every cell that is no label, with nothing recorded.
    """
    from tenure.prepare.columns import target_problems
    from tenure.prepare.sources import check_source, open_source, scan

    recipe = Scorer.load(find_release(folder, config, "champion").release).recipe
    table = open_source(
        source_like(config.data, source, written, same_columns=False), Path.cwd(), folder.collected
    )
    facts = check_source(table, min_rows=1)
    outcome = next((name for name in ("outcome", recipe.target.name) if name in facts.columns), None)
    by_prediction = next(
        (name for name in ("id", "prediction_id") if name in facts.columns and name != recipe.id), None
    )
    by_row = recipe.id if recipe.id in facts.columns else None
    if outcome is None:
        raise ColumnsMissing(["outcome"], facts.columns, where=table.name)
    if by_prediction is None and by_row is None:
        raise SourceError(
            "no column joins the outcomes to predictions",
            where=table.name,
            todo="add a column `id` with prediction ids"
            + (f", or {recipe.id!r} with row ids" if recipe.id else ""),
        )
    rows = scan(table, has_blank_lines=facts.has_blank_lines).collect()
    problems = target_problems(recipe.target, rows[outcome])
    if problems:
        raise RowsRefused(problems, where=table.name)
    given = _given(rows, recipe.target, outcome, by_prediction, by_row)
    with closing(open_journal(folder.journal)) as db:
        report = add_outcomes(db, given)
    return {
        "rows": rows.height,
        "without_outcome": rows.height - len(given),
        "recorded": report.recorded,
        "already": report.already,
        "corrected": report.corrected,
        "unknown": list(report.unknown),
    }


def monitor(
    folder: Folder, config: ProjectConfig, since: datetime | None = None, until: datetime | None = None
) -> MonitorReport:
    """Compare the window's live rows with the champion's reference; the report is recorded."""
    holder = find_release(folder, config, "champion")
    report, _ = _measure(folder, config, holder, since, until)
    note(folder, "monitor", report.to_dict())
    return report


def review(
    folder: Folder,
    config: ProjectConfig,
    since: datetime | None,
    until: datetime | None,
    *,
    dry_run: bool,
    budget: float | None,
) -> dict[str, Any]:
    """Monitor, decide, and unless dry_run carry the decision out. What was decided and done is recorded.

    Raises GateFailed, recorded too, when the rows that a challenger would be trained on leak.
    """
    registry = open_to_change(folder, config)
    champion = registry.resolve("champion")
    holder = Holder(champion.version, folder.root / champion.path)
    report, outcomes = _measure(folder, config, holder, since, until)
    scorer = Scorer.load(holder.release)
    new = find_new_rows(folder, outcomes, champion.version)
    facts = _facts(folder, config, champion, registry.history(), scorer, new.fresh)
    settings = ReviewSettings(when=tuple(config.retrain.when), max_age=config.retrain.age)
    decision = decide(report, facts, settings)
    document: dict[str, Any] = {
        **decision.to_dict(),
        "champion": champion.version,
        "monitor": report.to_dict(),
        "actions": [],
        "dry_run": dry_run,
    }
    if not dry_run:
        try:
            document |= _act(folder, config, registry, decision, champion, scorer, new, budget)
        except GateFailed as error:
            note(
                folder, "review", {**document, **error.document, "actions": [f"no challenger: {error.what}"]}
            )
            raise
    note(folder, "review", document)
    return document


def _act(
    folder: Folder,
    config: ProjectConfig,
    registry: Registry,
    decision: Decision,
    champion: ModelVersion,
    scorer: Scorer,
    new: NewRows,
    budget: float | None,
) -> dict[str, Any]:
    if decision.verdict == "roll_back" and config.retrain.promote == "automatic":
        back = registry.rollback()
        note(folder, "rollback", {"version": back.version, "before": champion.version, "by": "review"})
        return {"champion": back.version, "actions": [f"version {back.version} holds the post again"]}
    if decision.verdict != "retrain":
        return {}
    outcome: Retrained = retrain(folder, config, scorer, new, budget)
    actions = [
        f"challenger version {outcome.version} ({outcome.winner}) trained on {outcome.n_old} old and "
        f"{outcome.n_new} new labelled rows",
        *outcome.comparison.reasons,
        *outcome.doubts,
    ]
    promoted = outcome.comparison.verdict == "promote" and not outcome.stopped
    if outcome.stopped:
        note_stop(folder, outcome.version, outcome.stopped, by="review")
        actions += [f"version {outcome.version} is not promoted: {reason}" for reason in outcome.stopped]
    if promoted:
        registry.promote(outcome.version)
        note(folder, "promotion", {"version": outcome.version, "before": champion.version, "by": "review"})
        actions.append(f"version {outcome.version} promoted, version {champion.version} stepped down")
    else:
        actions.append(f"version {champion.version} keeps the post ({outcome.comparison.rule})")
    return {
        "challenger": outcome.version,
        "comparison": outcome.comparison.to_dict(),
        "champion": outcome.version if promoted else champion.version,
        "actions": actions,
        "stopped": list(outcome.stopped),
    }


def _measure(
    folder: Folder, config: ProjectConfig, holder: Holder, since: datetime | None, until: datetime | None
) -> tuple[MonitorReport, LabelledRows]:
    scorer = Scorer.load(holder.release)
    recipe = scorer.recipe
    window = choose_window(config.monitor.window, config.monitor.label_delay, since=since, until=until)
    reference = json.loads((holder.release / "reference.json").read_text())
    metrics = json.loads((holder.release / "metrics.json").read_text())
    with closing(open_journal(folder.journal)) as db:
        since = _since_reference(db, window.since, holder.version)
        live = collect_live(predictions_between(db, since, window.until), recipe, holder.release.name)
        pairs = labelled(db, window.outcomes_since, window.until)
        outcomes = collect_labelled(_of_this_target(folder, recipe, pairs), recipe.target)
        answered = health(db, window.outcomes_since, window.until).predictions_by_version
        service = health(db, window.since, window.until)
    drift = measure_drift(
        read_reference(reference, recipe), live.samples, kinds_of(recipe), config.monitor.false_alarms
    )
    own = outcomes.known().of_release(holder.release.name)
    performance = measure_performance(
        scorer.task,
        own.y,
        own.scores,
        {name: Estimate(**value) for name, value in metrics["test"].items()},
        metrics["metric"],
        n_predictions=answered.get(holder.version, 0),
        threshold=scorer.thresholds_of_rows(own.rows),
        classes=scorer.classes,
    )
    found = HealthReport(
        service.predictions,
        service.refusals,
        service.refusals_by_status,
        service.predictions_by_version,
        service.seconds,
        service.last,
    )
    report = MonitorReport(
        model=config.name,
        version=holder.version,
        release=holder.release.name,
        window=window,
        n_predictions=live.n,
        n_outcomes=len(own),
        drift=drift,
        performance=performance,
        health=found,
        checks=make_checks(drift, performance, found),
    )
    return report, outcomes.known()


def _of_this_target(
    folder: Folder, recipe: Recipe, pairs: Iterable[tuple[Prediction, str | float]]
) -> Iterator[tuple[Prediction, str | float]]:
    """Leave out what releases with another target or other classes have answered."""
    known: dict[str, bool] = {}
    for prediction, outcome in pairs:
        if prediction.release not in known:
            path = folder.releases / prediction.release / "recipe.json"
            target = Recipe.from_json(path.read_text()).target if path.is_file() else None
            known[prediction.release] = target is not None and (target.name, target.classes) == (
                recipe.target.name,
                recipe.target.classes,
            )
        if known[prediction.release]:
            yield prediction, outcome


def _since_reference(db: Journal, since: datetime | None, version: str) -> datetime | None:
    """A retrained model's reference is the latest rows of its review: drift is of rows after them."""
    compared = [e.body["compared_until"] for e in events(db, "retrain") if e.body["version"] == version]
    if not compared:
        return since
    after = from_micros(max(compared) + 1)
    return after if since is None else max(since, after)


def _given(
    rows: Any, target: Any, outcome: str, by_prediction: str | None, by_row: str | None
) -> list[GivenOutcome]:
    from tenure.prepare.columns import target_values

    values = target_values(target, rows[outcome]).tolist()
    identifiers = rows[by_prediction].to_list() if by_prediction else [None] * rows.height
    keys = rows[by_row].to_list() if by_row else [None] * rows.height
    return [
        GivenOutcome(
            None if identifier is None else str(identifier),
            row_key(key),
            target.classes[int(value)] if target.classes else value,
        )
        for identifier, key, value in zip(identifiers, keys, values, strict=True)
        if not math.isnan(value)
    ]


def _facts(
    folder: Folder,
    config: ProjectConfig,
    champion: ModelVersion,
    history: list[str],
    scorer: Scorer,
    fresh: LabelledRows,
) -> ReviewFacts:
    now = datetime.now(UTC)
    trained = datetime.fromisoformat(scorer.manifest.created_at)
    with closing(open_journal(folder.journal)) as db:
        posts = [
            e.at
            for e in events(db)
            if e.kind in ("promotion", "rollback") and e.body["version"] == champion.version
        ]
    previous = history[-2] if len(history) > 1 else None
    return ReviewFacts(
        champion=champion.version,
        age=(now - trained).total_seconds(),
        since_promotion=(now - (posts[-1] if posts else trained)).total_seconds(),
        previous=previous,
        n_labelled=len(fresh),
        by_class=fresh.by_class(scorer.classes),
        retraining_worth=_worth(config, scorer, fresh),
    )


def _worth(config: ProjectConfig, scorer: Scorer, fresh: LabelledRows) -> Worth | None:
    own = fresh.of_release(scorer.manifest.release)
    if config.business is None or scorer.task != "binary" or not len(own):
        return None
    return worth_of_retraining(own.y, own.scores[:, 1], scorer.thresholds_of_rows(own.rows), config.business)
