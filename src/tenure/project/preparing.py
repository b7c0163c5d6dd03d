"""The prepare stage: a source becomes checked, split rows and the recipe learned from the training part."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure import __version__
from tenure.config import ProjectConfig
from tenure.durable import TEMPORARY, flush_folder, write_durably
from tenure.errors import ColumnsMissing, ProjectError, TargetError
from tenure.prepare.recipe import Recipe
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Prepared:
    """Checked rows as they were read, split, with the recipe learned from the training part.

    id: hash of the source's bytes and of every setting that shaped the split; equal ids, equal rows.
    rows: raw rows without those that have no target.  parts: shape (n_rows,), 0 train, 1 validation, 2 test.
    settings: what of tenure.yaml shaped them.
    """

    id: str
    data_version: str
    recipe: Recipe
    rows: pl.DataFrame
    parts: npt.NDArray[np.int8]
    warnings: tuple[str, ...]
    settings: dict[str, Any]

    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return {name: int(np.sum(self.parts == number)) for number, name in enumerate(PARTS)}


def prepare(folder: Folder, config: ProjectConfig) -> Prepared:
    """Read the source, split it, learn the recipe, and keep all three under .tenure/prepared/.

    Raises SourceError or TargetError, with nothing written, when the table is unfit.
    """
    from tenure.prepare.sources import check_source, open_source, scan, unlike_last

    data = config.data
    source = open_source(data, folder.root, folder.collected)
    facts = check_source(source)
    named = [c for c in (data.target, data.id, data.time, data.group, *data.excluded) if c is not None]
    missing = [column for column in named if column not in facts.columns]
    if missing:
        raise ColumnsMissing(missing, facts.columns, where=f"{folder.config_file}, of {source.name}")
    log.info("reading %s: %d columns", source.name, len(facts.columns))
    prepared = split_and_learn(
        scan(source, has_blank_lines=facts.has_blank_lines).collect(), config, facts.sha256
    )
    changed = unlike_last(source.name, facts.n_rows, _rows_of_last(folder))
    notes = (*facts.warnings, changed) if changed else facts.warnings
    prepared = replace(prepared, warnings=(*notes, *prepared.warnings))
    keep_prepared(folder, prepared)
    return prepared


def _rows_of_last(folder: Folder) -> int | None:
    """How many rows the latest prepared table has, if there is one that can be read."""
    try:
        name = json.loads((folder.own / "prepared.json").read_text())["id"]
        rows: dict[str, int] = json.loads((folder.prepared / name / "facts.json").read_text())["rows"]
        return sum(rows.values())
    except (OSError, ValueError, KeyError):
        return None


def split_and_learn(raw: pl.DataFrame, config: ProjectConfig, sha256: str) -> Prepared:
    """Drop rows without a target and true duplicates, split the rest, learn the recipe from the training part.

    sha256: of the bytes that raw was read from, 64 hexadecimal digits.
    """
    from tenure.prepare.columns import target_values, time_values
    from tenure.prepare.duplicates import find_duplicates
    from tenure.prepare.learn import learn_recipe, learn_target
    from tenure.prepare.split import assign_parts

    data = config.data
    target = learn_target(raw[data.target], data.positive, data.task)
    warnings = list(target.warnings)
    duplicates = find_duplicates(raw, data.id)
    rows = raw.filter(duplicates.keep)
    if duplicates.are_mistakes:
        warnings.append(f"{duplicates.n_repeats} row(s) were exact duplicates and dropped: {duplicates.why}")
    y = target_values(target, rows[data.target])
    known = ~np.isnan(y)
    if not known.all():
        warnings.append(f"{int((~known).sum())} row(s) have no value in {data.target!r} and were dropped")
        rows, y = rows.filter(known), y[known]
    parts = assign_parts(
        y,
        validation=config.split.validation,
        test=config.split.test,
        seed=config.split.seed,
        time=time_values(rows[data.time]) if data.time else None,
        group=rows[data.group].to_numpy() if data.group else None,
        task=target.task,
    )
    _check_parts(parts, data.group)
    recipe = learn_recipe(
        rows.filter(parts == TRAIN),
        target,
        id=data.id,
        time=data.time,
        group=data.group,
        exclude=data.excluded,
    )
    warnings.extend(recipe.warnings)
    return Prepared(
        _identify(sha256, config), sha256[:12], recipe, rows, parts, tuple(warnings), settings_of(config)
    )


def _check_parts(parts: npt.NDArray[np.int8], group: str | None) -> None:
    empty = [name for number, name in enumerate(PARTS) if not np.any(parts == number)]
    if empty:
        raise TargetError(
            f"no row is left for the {empty[0]} part",
            where=f"column {group!r}" if group else None,
            todo="name a group column with more groups, or none" if group else "give more rows",
        )


def load_prepared(folder: Folder, prepared_id: str | None = None) -> Prepared:
    """Read what `prepare` kept: the latest, or the one with this id.

    Raises ProjectError when it is not there, or damaged.
    """
    import polars as pl

    try:
        name = prepared_id or json.loads((folder.own / "prepared.json").read_text())["id"]
        place = folder.prepared / name
        facts = json.loads((place / "facts.json").read_text())
        return Prepared(
            id=facts["id"],
            data_version=facts["data_version"],
            recipe=Recipe.from_json((place / "recipe.json").read_text()),
            rows=pl.read_parquet(place / "rows.parquet"),
            parts=pl.read_parquet(place / "parts.parquet")["part"].to_numpy(),
            warnings=tuple(facts["warnings"]),
            settings=facts["settings"],
        )
    except FileNotFoundError:
        raise ProjectError(
            "there are no prepared rows" + (f" {prepared_id}" if prepared_id else ""),
            where=str(folder.prepared),
            todo="run `tenure prepare`",
        ) from None
    except (ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise ProjectError(
            f"the prepared rows are damaged: {(str(error).splitlines() or [''])[0]}",
            where=str(folder.prepared),
            todo="remove the folder of that name, then run `tenure prepare`",
        ) from error


def settings_of(config: ProjectConfig) -> dict[str, Any]:
    """What of the config shapes the prepared rows."""
    return {
        "data": config.data.model_dump(mode="json"),
        "split": config.split.model_dump(mode="json"),
        "version": __version__,
    }


def _identify(sha256: str, config: ProjectConfig) -> str:
    settings = settings_of(config)
    settings["data"] = {**settings["data"], "source": sha256}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def keep_prepared(folder: Folder, prepared: Prepared) -> None:
    """Keep rows, parts and recipe under .tenure/prepared/, whole or not at all; what is there stays as it is."""
    import polars as pl

    place = folder.prepared / prepared.id
    if not place.is_dir():
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.prepared))
        try:
            prepared.rows.write_parquet(temporary / "rows.parquet")
            pl.DataFrame({"part": prepared.parts}).write_parquet(temporary / "parts.parquet")
            (temporary / "recipe.json").write_text(prepared.recipe.to_json())
            (temporary / "facts.json").write_text(json.dumps(_facts(prepared), indent=1))
            temporary.rename(place)
            flush_folder(folder.prepared)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    write_durably(folder.own / "prepared.json", json.dumps({"id": prepared.id}))


def _facts(prepared: Prepared) -> dict[str, Any]:
    return {
        "id": prepared.id,
        "data_version": prepared.data_version,
        "rows": prepared.counts(),
        "warnings": list(prepared.warnings),
        "settings": prepared.settings,
    }
