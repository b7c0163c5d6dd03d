"""Fairness of a project's model: its groups' columns, what is measured on the test rows, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.config import FairnessConfig, ProjectConfig
from tenure.errors import ConfigError, nearest_names
from tenure.model.fairness.columns import keys_of, learn_groups, plain_cells
from tenure.model.fairness.flip import MOST_ROWS, flip_column
from tenure.model.fairness.measure import measure_fairness, metrics_of
from tenure.model.fairness.mitigate import Mitigation, check_mitigation
from tenure.model.fairness.price import price_of
from tenure.model.fairness.proxies import find_proxies
from tenure.model.fairness.rates import Floats, Judged, Words, need_fairlearn
from tenure.model.workbench import TrainingTable
from tenure.monitor.worth import value_of_rows
from tenure.prepare.columns import settle
from tenure.prepare.split import PART, TEST, TRAIN, VALIDATION
from tenure.release.fairness import FORMAT, judge_fairness
from tenure.release.groups import GroupColumn

if TYPE_CHECKING:
    from tenure.model.train import Trained
    from tenure.prepare.recipe import ColumnRecipe, Recipe
    from tenure.project.prepared import Prepared
    from tenure.project.tables import Tables
    from tenure.records import Task


def group_columns(config: ProjectConfig, prepared: Prepared) -> tuple[GroupColumn, ...]:
    """How the config's columns make groups of the training rows; () where it asks for none.

    Raises ConfigError for a column that is not there or makes no groups and for a metric that does not fit the task,
    ExtraMissing without fairlearn: all before anything is trained.
    """
    asked = config.fairness
    if asked is None:
        return ()
    need_fairlearn()
    limited_metric(asked, prepared.recipe.target.task, config.place("fairness", "metric"))
    if asked.mitigate is not None:
        check_mitigation(asked.mitigate, prepared.recipe.target.task, config.place("fairness", "mitigate"))
    columns = {column.name: column for column in prepared.recipe.features}
    _check_proxies(config, asked, prepared.recipe)
    return tuple(
        _learned(
            columns,
            name,
            _cells(config, prepared, name, TRAIN),
            columns[name].labels if name in columns else (),
            asked.bins.get(name, ()),
            config.place("fairness", "groups"),
        )
        for name in asked.groups
    )


def _learned(
    features: Mapping[str, ColumnRecipe],
    name: str,
    cells: pl.Series,
    labels: Sequence[str],
    cuts: Sequence[float],
    where: str,
) -> GroupColumn:
    """How the column makes groups; of one that is no feature also what its raw cells are read as."""
    column = learn_groups(name, cells, labels, cuts, where)
    if name in features:
        return column
    return replace(column, raw="numbers" if cells.dtype.is_numeric() else "words")


def decided_by(config: ProjectConfig) -> tuple[str, ...]:
    """The columns that decisions ask for, beside the features."""
    asked = config.fairness
    return tuple(asked.groups) if asked is not None and asked.mitigate == "threshold_by_group" else ()


def mitigation_of(config: ProjectConfig, prepared: Prepared) -> Mitigation | None:
    """What is to be done for fairness, on these rows; None where the config asks for nothing."""
    asked = config.fairness
    if asked is None or asked.mitigate is None:
        return None
    return Mitigation(
        kind=asked.mitigate,
        columns=group_columns(config, prepared),
        metric=limited_metric(asked, prepared.recipe.target.task),
        limit=asked.limit,
        least=asked.least,
        train=groups_of_rows(config, prepared, TRAIN),
        validation=groups_of_rows(config, prepared, VALIDATION),
    )


def groups_of_rows(config: ProjectConfig, prepared: Prepared, part: int) -> dict[str, Words]:
    """Column -> the group of each row of a part."""
    return {
        column.name: keys_of(column, _cells(config, prepared, column.name, part))
        for column in group_columns(config, prepared)
    }


def limited_metric(asked: FairnessConfig, task: Task, where: str = "fairness.metric") -> str:
    """The metric that the limit speaks of. Raises ConfigError where it does not fit the task."""
    metric = asked.metric or (
        "mean_error_difference" if task == "regression" else "equal_opportunity_difference"
    )
    if metric not in metrics_of(task):
        raise ConfigError(
            f"the metric {metric!r} does not fit the task {task}",
            where=where,
            todo=f"choose one of {', '.join(metrics_of(task))}",
        )
    return metric


def measure_test(
    config: ProjectConfig, prepared: Prepared, trained: Trained, tables: Tables
) -> dict[str, Any] | None:
    """What fairness.json will hold; None where the config asks for nothing.

    To be called inside the one reading of the test rows.
    """
    asked = config.fairness
    if asked is None:
        return None
    columns = group_columns(config, prepared)
    judged = judge_rows(config, prepared.recipe, trained, tables.test)
    task = prepared.recipe.target.task
    metric = limited_metric(asked, task)
    body: dict[str, Any] = {
        "format": FORMAT,
        "task": task,
        "metric": metric,
        "limit": asked.limit,
        "least": asked.least,
        "rows": len(tables.test.y),
        "columns": [{"name": column.name, "groups": column.how} for column in columns],
        "benefit": _benefit_in_words(config, task),
        "groupings": measure_fairness(judged, groups_of_rows(config, prepared, TEST), asked.least),
        "flips": flip_groups(asked, prepared, trained, config.split.seed),
        "proxies": [
            {
                "column": name,
                "measure": "ROC-AUC of one feature alone",
                "features": [
                    {"feature": proxy.feature, **asdict(proxy.area)}
                    for proxy in find_proxies(prepared.recipe, tables.train.features, groups, name)
                ],
            }
            for name, groups in groups_of_rows(config, prepared, TRAIN).items()
        ],
    }
    if trained.plain is not None:
        body["mitigation"] = _mitigation_told(config, prepared, trained, trained.plain, tables.test)
    return {**body, "verdict": judge_fairness(body, metric, asked.limit, tuple(asked.groups)).to_dict()}


def _mitigation_told(
    config: ProjectConfig,
    prepared: Prepared,
    trained: Trained,
    plain: Trained,
    test: TrainingTable,
) -> dict[str, Any]:
    """What was done for fairness, and its price on the test rows."""
    asked, recipe = config.fairness, prepared.recipe
    assert asked is not None
    binary = recipe.target.task == "binary"
    kept = np.flatnonzero(np.ones(len(test.y)) if test.weight is None else test.weight)
    groups = {name: keys[kept] for name, keys in groups_of_rows(config, prepared, TEST).items()}
    test = test.rows(kept)
    # a benefit goes by one exchange between hits and false alarms: that of the model without mitigation
    exchange = plain.calibration.threshold
    pair = [judge_rows(config, recipe, model, test, exchange) for model in (plain, trained)]
    cuts = (plain.thresholds(test), trained.thresholds(test)) if binary else (0.5, 0.5)
    price = price_of(
        pair[0],
        pair[1],
        groups,
        metric=limited_metric(asked, recipe.target.task),
        least=asked.least,
        thresholds=cuts,
        group=test.group,
        weight=test.weight,
    )
    told = dict(trained.plan.mitigation)
    told.pop("searched", None)
    if binary:
        told["threshold"] = trained.calibration.threshold
    return {**told, "price": price}


def flip_groups(
    asked: FairnessConfig, prepared: Prepared, trained: Trained, seed: int
) -> list[dict[str, Any]]:
    """What the model would say of validation rows of another group, and of these with other proxies, too."""
    recipe = prepared.recipe
    rows = prepared.rows.filter(pl.col(PART) == VALIDATION).head(MOST_ROWS).collect()

    by_group = trained.calibration.by_group
    beside = () if by_group is None else by_group.beside

    def scores(clean: pl.DataFrame, typed: pl.DataFrame) -> tuple[Floats, npt.NDArray[np.int64] | None]:
        table = TrainingTable(clean, np.zeros(clean.height), beside=typed.select(beside) if beside else None)
        found = trained.scores(table)
        return found, None if recipe.target.task == "regression" else decide(trained, table, found)

    read = {column.name for column in recipe.inputs} | set(beside)
    told: list[dict[str, Any]] = []
    for name in asked.groups:
        if name not in read:
            told.append({"column": name, "with": [], "why": "the model does not read it"})
            continue
        for proxies in [(), *([tuple(asked.proxies[name])] if name in asked.proxies else [])]:
            flips = flip_column(recipe, rows, name, scores, proxies, seed)
            if flips is None:
                told.append({"column": name, "with": list(proxies), "why": "it has no other value"})
            else:
                told.append({"column": name, "with": list(proxies), **asdict(flips)})
    return told


def decide(trained: Trained, table: TrainingTable, scores: Floats) -> npt.NDArray[np.int64]:
    """The class that each row is decided to be of."""
    if trained.calibration.task == "binary":
        return (scores[:, 1] >= trained.thresholds(table)).astype(np.int64)
    chosen: npt.NDArray[np.int64] = scores.argmax(axis=1).astype(np.int64)
    return chosen


def judge_rows(
    config: ProjectConfig,
    recipe: Recipe,
    trained: Trained,
    table: TrainingTable,
    exchange: float | None = None,
) -> Judged:
    """Rows with what the model makes of them.

    exchange: the threshold whose odds a net benefit goes by; None: the model's own common one.
    """
    scores, task = trained.scores(table), recipe.target.task
    if task == "regression":
        return Judged(task, (), table.y, scores, unit=float(np.std(table.y)) or 1.0)
    decided = decide(trained, table, scores)
    if task == "multiclass":
        return Judged(
            task, recipe.target.classes, table.y, scores, decided, (decided == table.y).astype(float)
        )
    if config.business is not None:
        benefit = value_of_rows(table.y, scores[:, 1], trained.thresholds(table), config.business)
    else:
        threshold = trained.calibration.threshold if exchange is None else exchange
        odds = threshold / max(1.0 - threshold, 1e-9)
        benefit = np.where(decided == 1, np.where(table.y == 1, 1.0, -odds), 0.0)
    return Judged(task, recipe.target.classes, table.y, scores, decided, benefit)


def gate_promotion(config: ProjectConfig, body: Mapping[str, Any] | None, task: Task) -> tuple[str, ...]:
    """Why a version may not be promoted, by its fairness.json and today's config; () where it may."""
    asked = config.fairness
    if asked is None:
        return ()
    if body is None:
        return ("its fairness was not measured when it was made: train again",)
    return judge_fairness(body, limited_metric(asked, task), asked.limit, tuple(asked.groups)).breaches


def _check_proxies(config: ProjectConfig, asked: FairnessConfig, recipe: Recipe) -> None:
    read = [column.name for column in recipe.inputs]
    for name in asked.proxies:
        strange = [proxy for proxy in asked.proxies[name] if proxy not in read or proxy == name]
        if strange:
            hints = nearest_names(strange[:1], [column for column in read if column != name])
            raise ConfigError(
                f"the proxy {strange[0]!r} of {name!r} is no other column that the model reads",
                where=config.place("fairness", "proxies", name),
                todo=f"did you mean {hints[0]!r}?" if hints else "name a feature",
            )


def _benefit_in_words(config: ProjectConfig, task: Task) -> str | None:
    if task == "regression":
        return None
    if task == "multiclass":
        return "share of right decisions"
    if config.business is not None:
        return "money a row, by business in tenure.yaml"
    return "net benefit a row at the threshold t: 1 for a true positive, -t / (1 - t) for a false one"


def _cells(config: ProjectConfig, prepared: Prepared, name: str, part: int) -> pl.Series:
    """A column's cells of one part: of a feature as a model gets them, else as they are kept."""
    recipe, rows = prepared.recipe, prepared.rows.filter(pl.col(PART) == part)
    if name in {column.name for column in recipe.features}:
        return settle(recipe, rows).select(name).collect()[name]
    known = prepared.rows.collect_schema().names()
    if name not in known or name in (PART, recipe.target.name):
        hints = nearest_names([name], [column for column in known if column != PART])
        raise ConfigError(
            f"the group {name!r} is {'the target' if name == recipe.target.name else 'no column of the rows'}",
            where=config.place("fairness", "groups"),
            todo=f"did you mean {hints[0]!r}?" if hints else "name a column of the table",
        )
    # by all rows: whether a column is of numbers does not depend on the part
    return plain_cells(prepared.rows.select(name).collect()[name]).filter(pl.Series(prepared.parts == part))
