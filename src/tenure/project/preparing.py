"""The prepare stage: a source becomes checked, split rows and the recipe learned from the training part."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tenure.config import ProjectConfig
from tenure.durable import write_durably
from tenure.errors import ConfigError, ProjectError
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import TRAIN
from tenure.prepare.versions import ContentHash, Fingerprint, what_changed
from tenure.project.expressions import check_expressions, written_features, written_rules
from tenure.project.folder import Folder
from tenure.project.leakage import pass_gate
from tenure.project.prepared import ROWS, Prepared, draft_folder, keep_prepared, load_prepared, settings_of
from tenure.project.reading import RawTable, check_inputs
from tenure.project.shape import ask_of_prepared, keep_schema
from tenure.project.skipping import look_up, of_preparing, remember
from tenure.project.versions import list_versions, set_up_tracking, track_version, tracking

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.keys import RepeatedKeys
    from tenure.prepare.sift import Sifted

log = logging.getLogger(__name__)

# Of these the release takes the first that its schema lets pass.
_GOLDEN_ROWS = 20
_MIXED_ROWS = 1000


def prepare(folder: Folder, config: ProjectConfig, *, again: bool = False) -> Prepared:
    """Read the source, split it, learn the recipe, and keep all three as a data version.

    again: even if source, settings and code are those of a version that is here.
    Raises SourceError or TargetError, with nothing written, when the table is unfit; GateFailed when it leaks.
    """
    check_expressions(config)
    found = check_inputs(folder, config)
    fingerprint = of_preparing(config, found.inputs)
    earlier = look_up(folder, "prepare", fingerprint, _versions(folder))
    if earlier.result is not None and not again:
        prepared = None
        with suppress(ProjectError):
            prepared = load_prepared(folder, earlier.result)
        if prepared is not None:
            same = f"unchanged: source, settings and tenure are the same as for version {prepared.id}"
            prepared = replace(prepared, settings=settings_of(config), note=same)
            drift = ask_of_prepared(folder, prepared)
            track_version(folder, prepared.id, config.store.data_remote)
            return _remember(folder, config, prepared, fingerprint, drift)
    table = found.read()
    note = "again: " + "; ".join(earlier.why) if earlier.why else None
    log.info("%spreparing %d rows", f"{note}\n" if note else "", table.n_rows)
    with draft_folder(folder) as draft:
        prepared, training = sift_and_learn(table, config, fingerprint, draft / ROWS)
        with tracking(folder):
            # The gate keeps one core busy: what does not wait for it has the other.
            with ThreadPoolExecutor(1) as beside:
                doubts = beside.submit(_doubts, prepared, training)
                beside.submit(set_up_tracking, folder, config.store.data_remote)
                prepared = pass_gate(folder, config, prepared)
            prepared = replace(prepared, warnings=(*prepared.warnings, *doubts.result()))
            drift = ask_of_prepared(folder, prepared)
            kept = keep_prepared(folder, config, prepared, draft / ROWS)
    return _remember(folder, config, replace(kept, note=note), fingerprint, drift)


def sift_and_learn(
    table: RawTable, config: ProjectConfig, fingerprint: Fingerprint, path: Path
) -> tuple[Prepared, pl.DataFrame]:
    """Leave out rows without a target and true duplicates, split the rest, learn the recipe from the training part.

    fingerprint: tells where the table comes from.  path: where the rows are written, Parquet.
    Returns a sample of the raw training rows beside what is prepared.
    """
    import polars as pl

    from tenure.prepare.glance import Draw
    from tenure.prepare.golden import golden_rows
    from tenure.prepare.learn import learn_recipe
    from tenure.prepare.sift import check_parts
    from tenure.prepare.sql.learn import with_expressions
    from tenure.prepare.sql.rule_watch import RuleWatch
    from tenure.prepare.survey import Survey
    from tenure.prepare.typed import write_typed

    data = config.data
    sifted = sift_rows(table, config, path.parent)
    recipe = learn_recipe(
        sifted.training,
        sifted.target,
        id=data.id,
        time=data.split_time,
        group=data.split_group,
        weight=data.weight,
        exclude=data.excluded,
        levels=data.levels,
        nulls=data.nulls,
    )
    recipe = with_expressions(recipe, sifted.training, written_features(config), written_rules(config))
    survey, rules, content = Survey(recipe), RuleWatch(recipe), ContentHash()
    draw = Draw(int(np.sum(sifted.parts == TRAIN)), len(recipe.features))
    parts = write_typed(table.rows, recipe, sifted.parts, path, survey, rules, content.update, draw.add)
    broken = rules.warnings()
    check_parts(parts, data.split_group)
    recipe = survey.learned(int(np.sum(parts == TRAIN)))
    prepared = Prepared(
        id="",
        recipe=recipe,
        rows=pl.scan_parquet(path),
        parts=parts,
        golden=golden_rows(recipe, sifted.training.head(_MIXED_ROWS), _GOLDEN_ROWS),
        warnings=(
            *table.warnings,
            *sifted.warnings,
            *broken,
            *recipe.warnings,
        ),
        settings=settings_of(config),
        fingerprint=fingerprint,
        content=content.hexdigest(),
        unread=survey.unread(),
        nulls=survey.nulls(),
        glance=draw.glance(),
        ids_differ=sifted.ids_differ,
    )
    return prepared, sifted.training


def sift_rows(table: RawTable, config: ProjectConfig, folder: Path | None = None) -> Sifted:
    """Tell which rows of the raw table are used, and for what, as the config says.

    folder: for what is kept meanwhile; by default the system's for temporary files.
    """
    from tenure.prepare.sift import sift

    data, split = config.data, config.split
    return sift(
        table.rows,
        table.n_rows,
        target=data.target,
        positive=data.positive,
        task=data.target_task,
        levels=data.levels.get(data.target),
        id=data.id,
        time=data.split_time,
        group=data.split_group,
        weight=data.weight,
        validation=split.validation,
        test=split.test,
        seed=split.seed,
        strict=config.strict_split,
        folder=folder,
    )


def _doubts(prepared: Prepared, training: pl.DataFrame) -> list[str]:
    """What looks wrong in a sample of raw training rows, in the ids of all rows that are kept, and in expressions."""
    from tenure.prepare.columns import read
    from tenure.prepare.doubts import look_over
    from tenure.prepare.sql.words import doubt_words

    recipe, rows = prepared.recipe, prepared.rows
    typed = read(recipe, training.lazy()).collect()
    keys = None if prepared.ids_differ else repeated_keys(recipe, rows)
    return [
        *look_over(recipe, typed, keys=keys).warnings(),
        *doubt_words(recipe, typed, rows),
    ]


def repeated_keys(recipe: Recipe, rows: pl.LazyFrame) -> RepeatedKeys | None:
    """Ids that name several rows; None without an id column, or where rows of one id are a group."""
    from tenure.prepare.keys import find_repeated_keys

    if recipe.id is None or recipe.id == recipe.group:
        return None
    return find_repeated_keys(rows.select(recipe.id).collect().to_series())


def use_version(folder: Folder, config: ProjectConfig, name: str) -> Prepared:
    """The rows of a stored version, in place of what `prepare` would read; the source is not looked at.

    Raises ConfigError when the version was made for another question: target, id, time, group, or columns left out.
    """
    prepared = load_prepared(folder, name)
    now = of_preparing(config, dict(prepared.fingerprint.inputs))
    changed = what_changed(replace(prepared.fingerprint, code=now.code), now)
    other = [
        change for change in changed if change.startswith("data.") and not change.startswith(_HOW_IT_IS_READ)
    ]
    if other:
        raise ConfigError(
            f"version {prepared.id} was made for other settings: {'; '.join(other)}",
            where=str(folder.config_file),
            todo="put them back, or prepare the source anew",
        )
    warnings = [f"version {prepared.id} was made with other settings: {change}" for change in changed]
    note = f"version {prepared.id} as it is stored; the source is not read"
    return replace(prepared, warnings=(*warnings, *prepared.warnings), note=note)


_HOW_IT_IS_READ = ("data.delimiter", "data.source", "data.encoding", "data.header", "data.sheet")


def _versions(folder: Folder) -> list[tuple[Fingerprint, str]]:
    """What made the versions that are here, which may have come with a clone; the latest first."""
    return [
        (Fingerprint(**version.fingerprint), version.version) for version in reversed(list_versions(folder))
    ]


def _remember(
    folder: Folder, config: ProjectConfig, prepared: Prepared, fingerprint: Fingerprint, drift: list[str]
) -> Prepared:
    """Make these the rows that `train` takes, and know them again.

    drift: what schema.json warns of, which may change while the rows do not: it is told, and not kept with them.
    """
    keep_schema(folder, prepared)
    latest = {"id": prepared.id, "settings": settings_of(config)}
    write_durably(folder.own / "prepared.json", json.dumps(latest))
    remember(folder, "prepare", fingerprint, prepared.id)
    return replace(prepared, warnings=(*prepared.warnings, *drift))
