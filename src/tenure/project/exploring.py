"""Explore a project's own table: the prepared training rows, or the source while nothing is prepared."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tenure.config import ProjectConfig
from tenure.errors import ProjectError
from tenure.prepare.split import PART, TRAIN
from tenure.prepare.versions import code_digest
from tenure.project.folder import Folder
from tenure.project.prepared import Prepared, load_prepared, settings_of
from tenure.project.reading import check_inputs

if TYPE_CHECKING:
    from pathlib import Path

    from tenure.prepare.explore import Exploration
    from tenure.prepare.explore.gather import Gathered
    from tenure.prepare.explore.question import Question


def explore(folder: Folder, config: ProjectConfig) -> Exploration:
    """Explore the training rows that are prepared by this config, else the source as it stands.

    Validation and test rows stay unseen. What the pass over the rows gathered is kept under .tenure/explored/,
    and what was found beside it: it is shown again while question, rows and code are the same.
    """
    from tenure.prepare.explore.kept import read_found, write_found
    from tenure.prepare.explore.question import Question

    data = config.data
    prepared = _current(folder, config)
    if prepared is None:
        return _explore_source(folder, config)
    question = Question(config.name, data.target, data.positive, data.time, data.id)
    place, of = folder.explored / prepared.id, _decisive(question)
    kept = read_found(place, of)
    if kept is not None:
        return kept
    from tenure.prepare.explore.study import study_typed

    found = study_typed(_gathered(place, prepared), prepared.recipe, question)
    found = replace(found, scope=f"training rows of {prepared.id}")
    write_found(place, found, of)
    return found


def _decisive(question: Question) -> dict[str, Any]:
    """What decides, beside the version, what is found."""
    return {
        "question": asdict(question),
        "code": code_digest(("prepare", "project/exploring"), ("polars", "numpy")),
    }


def _current(folder: Folder, config: ProjectConfig) -> Prepared | None:
    try:
        prepared = load_prepared(folder)
    except ProjectError:
        return None
    return prepared if prepared.settings == settings_of(config) else None


def _explore_source(folder: Folder, config: ProjectConfig) -> Exploration:
    from tenure.prepare.explore.gather import gather
    from tenure.prepare.explore.question import Question
    from tenure.prepare.explore.study import study_raw

    data, table = config.data, check_inputs(folder, config).read()
    question = Question(config.name, data.target, data.positive, data.time, data.id)
    return study_raw(gather(table.rows.collect_batches(maintain_order=True), table.n_rows), question)


def _gathered(place: Path, prepared: Prepared) -> Gathered:
    import polars as pl

    from tenure.prepare.explore.gather import gather
    from tenure.prepare.explore.kept import read_kept, write_kept

    kept = read_kept(place)
    if kept is not None:
        return kept
    training = prepared.rows.filter(pl.col(PART) == TRAIN).drop(PART)
    n_rows = prepared.counts()["train"]
    gathered = gather(training.collect_batches(maintain_order=True), n_rows)
    place.mkdir(parents=True, exist_ok=True)
    write_kept(place, gathered)
    return replace(gathered, repeats=None)
