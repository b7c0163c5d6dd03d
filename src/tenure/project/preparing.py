"""The prepare stage: a source becomes checked, split rows and the recipe learned from the training part."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure import __version__
from tenure.config import ProjectConfig
from tenure.durable import TEMPORARY, flush_folder, write_durably
from tenure.errors import ColumnsMissing, ProjectError
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import LEFT_OUT, PART, PARTS, TRAIN
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.sift import Sifted

log = logging.getLogger(__name__)

ROWS = "rows.parquet"
_GOLDEN_ROWS = 3


@dataclass(frozen=True)
class Prepared:
    """Checked rows as they are kept: read, split, with the recipe learned from the training part.

    id: hash of the source's bytes and of every setting that shaped the split; equal ids, equal rows.
    rows: the columns of the source, feature cells as values of their kinds, and PART; see prepare.typed.
    parts: shape (n_rows,), 0 train, 1 validation, 2 test.
    golden: a few raw training rows, as JSON can hold them; cells that break the recipe are left empty.
    settings: what of tenure.yaml shaped them.
    """

    id: str
    data_version: str
    recipe: Recipe
    rows: pl.LazyFrame
    parts: npt.NDArray[np.int8]
    golden: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    settings: dict[str, Any]

    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return {name: int(np.sum(self.parts == number)) for number, name in enumerate(PARTS)}


def prepare(folder: Folder, config: ProjectConfig) -> Prepared:
    """Read the source, split it, learn the recipe, and keep all three under .tenure/prepared/.

    Raises SourceError or TargetError, with nothing written, when the table is unfit.
    """
    from tenure.prepare.sources import check_source, find_source, scan

    data = config.data
    source = find_source(data.source, folder.root, data.delimiter)
    facts = check_source(source)
    named = [c for c in (data.target, data.id, data.time, data.group, *data.excluded) if c is not None]
    missing = [column for column in named if column not in facts.columns]
    if missing:
        raise ColumnsMissing(missing, facts.columns, where=f"{folder.config_file}, of {source.name}")
    log.info("reading %s: %d columns", source.name, len(facts.columns))
    raw = scan(source, has_blank_lines=facts.has_blank_lines)
    with _draft(folder) as draft:
        prepared = sift_and_learn(raw, facts.n_rows, config, facts.sha256, draft / ROWS)
        return keep_prepared(folder, prepared, draft)


def sift_and_learn(
    raw: pl.LazyFrame, n_rows: int, config: ProjectConfig, sha256: str, path: Path
) -> Prepared:
    """Leave out rows without a target and true duplicates, split the rest, learn the recipe from the training part.

    sha256: of the bytes that raw was read from, 64 hexadecimal digits.  path: where the rows are written, Parquet.
    """
    import polars as pl

    from tenure.prepare.learn import learn_recipe
    from tenure.prepare.survey import Survey
    from tenure.prepare.typed import write_typed

    data = config.data
    sifted = sift_rows(raw, n_rows, config)
    recipe = learn_recipe(
        sifted.training,
        sifted.target,
        id=data.id,
        time=data.time,
        group=data.group,
        exclude=data.excluded,
        levels=data.levels,
        nulls=data.nulls,
    )
    survey = Survey(recipe)
    write_typed(raw, recipe, sifted.parts, path, survey)
    parts = sifted.parts[sifted.parts != LEFT_OUT]
    recipe = survey.learned(int(np.sum(parts == TRAIN)))
    return Prepared(
        id=_identify(sha256, config),
        data_version=sha256[:12],
        recipe=recipe,
        rows=pl.scan_parquet(path),
        parts=parts,
        golden=_golden_rows(recipe, sifted.training.head(_GOLDEN_ROWS)),
        warnings=(*sifted.warnings, *recipe.warnings),
        settings=settings_of(config),
    )


def sift_rows(raw: pl.LazyFrame, n_rows: int, config: ProjectConfig) -> Sifted:
    """Tell which rows of the raw table are used, and for what, as the config says. n_rows: of raw."""
    from tenure.prepare.sift import sift

    data, split = config.data, config.split
    return sift(
        raw,
        n_rows,
        target=data.target,
        positive=data.positive,
        task=data.task,
        levels=data.levels.get(data.target),
        id=data.id,
        time=data.time,
        group=data.group,
        validation=split.validation,
        test=split.test,
        seed=split.seed,
    )


def _golden_rows(recipe: Recipe, raw: pl.DataFrame) -> tuple[dict[str, Any], ...]:
    from tenure.prepare.columns import find_problems

    raw = raw.select(column.name for column in recipe.features)
    rows = raw.to_dicts()
    for problem in find_problems(recipe, raw):
        rows[problem.row][problem.column] = None
    return tuple({name: _json_cell(value) for name, value in row.items()} for row in rows)


def _json_cell(value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def load_prepared(folder: Folder, prepared_id: str | None = None) -> Prepared:
    """Read what `prepare` kept: the latest, or the one with this id.

    Raises ProjectError when it is not there, or damaged.
    """
    import polars as pl

    try:
        name = prepared_id or json.loads((folder.own / "prepared.json").read_text())["id"]
        place = folder.prepared / name
        facts = json.loads((place / "facts.json").read_text())
        rows = pl.scan_parquet(place / ROWS)
        return Prepared(
            id=facts["id"],
            data_version=facts["data_version"],
            recipe=Recipe.from_json((place / "recipe.json").read_text()),
            rows=rows,
            parts=rows.select(PART).collect().to_series().to_numpy(),
            golden=tuple(facts["golden"]),
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


@contextmanager
def _draft(folder: Folder) -> Iterator[Path]:
    """A folder for what is being prepared; gone afterwards, unless it was kept."""
    draft = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.prepared))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def keep_prepared(folder: Folder, prepared: Prepared, draft: Path) -> Prepared:
    """Keep a draft that holds the rows, with recipe and facts, whole or not at all; what is there stays as it is."""
    place = folder.prepared / prepared.id
    if not place.is_dir():
        (draft / "recipe.json").write_text(prepared.recipe.to_json())
        (draft / "facts.json").write_text(json.dumps(_facts(prepared), indent=1))
        draft.rename(place)
        flush_folder(folder.prepared)
    write_durably(folder.own / "prepared.json", json.dumps({"id": prepared.id}))
    return load_prepared(folder, prepared.id)


def keep_rows(folder: Folder, prepared: Prepared) -> Prepared:
    """Keep rows that are in memory, as prepare keeps those that it reads."""
    with _draft(folder) as draft:
        prepared.rows.sink_parquet(draft / ROWS)
        return keep_prepared(folder, prepared, draft)


def _facts(prepared: Prepared) -> dict[str, Any]:
    return {
        "id": prepared.id,
        "data_version": prepared.data_version,
        "rows": prepared.counts(),
        "golden": list(prepared.golden),
        "warnings": list(prepared.warnings),
        "settings": prepared.settings,
    }
