"""Prepared rows: what they are, and how they are kept as a data version and read again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure.config import ProjectConfig
from tenure.durable import TEMPORARY
from tenure.errors import ProjectError
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import PART, PARTS
from tenure.prepare.versions import Fingerprint
from tenure.project.folder import Folder
from tenure.project.skipping import of_preparing
from tenure.project.versions import VersionParts, find_version, keep_version, read_rows

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.balance import Balance
    from tenure.prepare.glance import Glance

ROWS = "rows.parquet"


@dataclass(frozen=True)
class Prepared:
    """Checked rows as they are kept: read, split, with the recipe learned from the training part.

    id: the name of the data version that they are, see project.versions; "" until they are kept.
    rows: the columns of the source, feature cells as values of their kinds, and PART; see prepare.typed.
    parts: shape (n_rows,), 0 train, 1 validation, 2 test.
    golden: a few rows of nobody, as JSON can hold them; cells that break the recipe are left empty.
    settings: what of tenure.yaml shaped them.  fingerprint: these, the hashes of what was read, and the code.
    content: the content hash of the rows, where it is known.  note: why they were prepared again, or not.
    unread: feature -> cells that cannot be read, where there are any.
    leakage: what the leakage gate found, as JSON data.
    nulls: feature -> empty cells of the training part;  glance: a sample of it. Both only where the pass that wrote
    the rows has taken them.
    ids_differ: whether every row is known to have an id of its own, with no blanks around it.
    """

    id: str
    recipe: Recipe
    rows: pl.LazyFrame
    parts: npt.NDArray[np.int8]
    golden: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    settings: dict[str, Any]
    fingerprint: Fingerprint
    content: str | None = None
    note: str | None = None
    unread: Mapping[str, int] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)
    nulls: Mapping[str, int] | None = None
    glance: Glance | None = None
    ids_differ: bool = False

    def counts(self) -> dict[str, int]:
        """Rows of each part."""
        return {name: int(np.count_nonzero(self.parts == number)) for number, name in enumerate(PARTS)}

    def balance(self) -> Balance:
        """The parts beside each other: rows, and the target with intervals."""
        from tenure.prepare.balance import describe_parts
        from tenure.prepare.columns import target_values

        target, group = self.recipe.target, self.recipe.group
        keys = self.rows.select(*dict.fromkeys(name for name in (target.name, group) if name)).collect()
        y = target_values(target, keys[target.name])
        return describe_parts(y, self.parts, target.classes, keys[group] if group else None)


def load_prepared(folder: Folder, version: str | None = None) -> Prepared:
    """Read what `prepare` kept: the latest, or the version of this name.

    Raises ProjectError when it is not there, or damaged.
    """
    import polars as pl

    settings = None
    try:
        if version is None:
            latest = json.loads((folder.own / "prepared.json").read_text())
            version, settings = latest["id"], latest["settings"]
        found = find_version(folder, str(version))
        rows, recipe = read_rows(folder, found)
        return Prepared(
            id=found.version,
            recipe=recipe,
            rows=rows,
            parts=rows.select(PART).collect().to_series().to_numpy(),
            golden=found.golden,
            warnings=found.warnings,
            settings=settings or dict(found.fingerprint["settings"]),
            fingerprint=Fingerprint(**found.fingerprint),
            content=found.content,
            unread=found.unread,
            leakage=found.leakage,
        )
    except FileNotFoundError:
        raise ProjectError(
            "there are no prepared rows", where=str(folder.root), todo="run `tenure prepare`"
        ) from None
    except (ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise ProjectError(
            f"the prepared rows are damaged: {(str(error).splitlines() or [''])[0]}",
            where=str(folder.versions),
            todo=f"remove the folder {version}, then `tenure data restore {version}` or `tenure prepare --again`",
        ) from error


def settings_of(config: ProjectConfig) -> dict[str, Any]:
    """What of the config shapes the prepared rows, and where they are read from."""
    settings = of_preparing(config, {}).settings
    return {**settings, "data": config.data.model_dump(mode="json")}


@contextmanager
def draft_folder(folder: Folder) -> Iterator[Path]:
    """A folder for what is being prepared; gone afterwards."""
    folder.versions.mkdir(exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.versions))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def keep_prepared(folder: Folder, config: ProjectConfig, prepared: Prepared, rows: Path) -> Prepared:
    """Keep prepared rows as a data version, whole or not at all. rows: a Parquet file of them."""
    parts = VersionParts(
        rows=rows,
        recipe=prepared.recipe,
        rows_by_part=prepared.counts(),
        fingerprint=prepared.fingerprint,
        warnings=prepared.warnings,
        golden=prepared.golden,
        content=prepared.content,
        unread=prepared.unread,
        leakage=prepared.leakage,
    )
    version = keep_version(folder, parts, config.store.data_remote)
    kept = load_prepared(folder, version.version)
    return replace(
        kept,
        warnings=prepared.warnings,
        settings=prepared.settings,
        nulls=prepared.nulls,
        ids_differ=prepared.ids_differ,
    )


def keep_rows(folder: Folder, config: ProjectConfig, prepared: Prepared) -> Prepared:
    """Keep rows that are in memory, as prepare keeps those that it reads."""
    with draft_folder(folder) as draft:
        prepared.rows.sink_parquet(draft / ROWS)
        return keep_prepared(folder, config, prepared, draft / ROWS)
