"""The versions of prepared data: folders named by their content, each whole or not there, tracked by DVC.

versions/<version>/rows.parquet   the typed rows, and in the column PART the part of the split
                   recipe.json    how raw cells become these values
                   facts.json     what made it: hashes of the sources, settings, code, time, warnings, golden rows
                   summary.json   the Summary of its rows, if there is one
versions/<version>.dvc            DVC's pointer, for git
versions/moved.json               what became of a version that a person was erased from
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure import __version__
from tenure.durable import TEMPORARY, flush_folder, write_durably
from tenure.errors import ProjectError, TenureError, nearest_names
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import PART
from tenure.project import dvc
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

    from tenure.prepare.versions import Fingerprint

log = logging.getLogger(__name__)

FORMAT = "tenure-version/1"


@dataclass(frozen=True, slots=True)
class Version:
    """What facts.json says of a version.

    version: its name, 12 hexadecimal digits.  content: the content hash of rows and parts.
    rows: part -> number.  columns: name -> type, without PART.  id: the column that names a row.
    fingerprint: inputs, settings and code it was first made from.  made: ISO 8601, UTC.
    golden: raw rows of nobody, for the releases that are trained on it.
    unread: feature -> cells that could not be read, where there were any.
    leakage: what the leakage gate found, as JSON data.
    """

    version: str
    content: str
    rows: Mapping[str, int]
    columns: Mapping[str, str]
    id: str | None
    fingerprint: Mapping[str, Any]
    made: str
    tenure: str = __version__
    warnings: tuple[str, ...] = ()
    golden: tuple[dict[str, Any], ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {"format": FORMAT, **asdict(self)}


@dataclass(frozen=True)
class VersionParts:
    """Everything that goes into a version.

    rows: a Parquet file of typed rows, in order, with PART; the version shares it by a hard link where it can.
    rows_by_part: part -> number.  summary: a Summary's JSON data.
    content: the content hash of the rows, where it is known already; else it is computed.
    """

    rows: Path
    recipe: Recipe
    rows_by_part: Mapping[str, int]
    fingerprint: Fingerprint
    warnings: tuple[str, ...] = ()
    golden: tuple[dict[str, Any], ...] = ()
    summary: Mapping[str, Any] | None = None
    content: str | None = None
    unread: Mapping[str, int] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)


def keep_version(folder: Folder, parts: VersionParts, remote: str | None = None) -> Version:
    """Keep prepared rows as a version, and have DVC track it. A version that is there already stays as it is.

    remote: store.data_remote. Without DVC, or where it refuses, the version is kept and a warning tells.
    """
    folder.versions.mkdir(exist_ok=True)
    _write_ignore(folder)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.versions))
    try:
        version = _write(temporary, parts)
        place = folder.versions / version.version
        if place.is_dir() or _comes_back(folder, version.version):
            version = read_version(place)
        else:
            temporary.chmod(0o755)
            temporary.rename(place)
            flush_folder(folder.versions)
            pointer_of(place).unlink(missing_ok=True)  # a clone's, of a folder that DVC no longer has
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    track_version(folder, version.version, remote)
    return version


def _write(place: Path, parts: VersionParts) -> Version:
    import polars as pl

    from tenure.prepare.versions import hash_table, version_name

    _share(parts.rows, place / "rows.parquet")
    rows = pl.scan_parquet(place / "rows.parquet")
    content = parts.content or hash_table(rows)
    recipe = parts.recipe.to_json()
    version = Version(
        version=version_name(content, recipe),
        content=content,
        rows=dict(parts.rows_by_part),
        columns={name: str(dtype) for name, dtype in rows.collect_schema().items() if name != PART},
        id=parts.recipe.id,
        fingerprint=parts.fingerprint.to_dict(),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        warnings=parts.warnings,
        golden=parts.golden,
        unread=dict(parts.unread),
        leakage=dict(parts.leakage),
    )
    texts = {"recipe.json": recipe, "facts.json": json.dumps(version.to_dict(), indent=1, ensure_ascii=False)}
    if parts.summary is not None:
        texts["summary.json"] = json.dumps(parts.summary)
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    for path in place.iterdir():
        _flush(path)
    flush_folder(place)
    return version


def _share(file: Path, place: Path) -> None:
    try:
        os.link(file, place)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(file, place)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write_ignore(folder: Folder) -> None:
    """Keep the tables out of git: with DVC or without, they are not for it; the .dvc files are."""
    ignore = folder.versions / ".gitignore"
    if not ignore.exists():
        write_durably(ignore, "/*/\n")


def _comes_back(folder: Folder, name: str) -> bool:
    """Whether a version that a clone has only the pointer of comes from the cache or the remote."""
    if not pointer_of(folder.versions / name).is_file() or not dvc.is_installed():
        return False
    try:
        dvc.pull(folder.root, folder.versions / name)
    except TenureError as error:
        log.info("version %s is made anew: %s", name, error.what)
        return False
    return (folder.versions / name / "facts.json").is_file()


def track_version(folder: Folder, name: str, remote: str | None = None) -> None:
    """Have DVC track a version, and know the remote, where it does not yet: a command may have been killed before."""
    if not dvc.is_installed():
        if not (folder.own / "untracked").exists():
            log.warning(
                "warning: data versions are kept but not tracked: DVC is not installed (tenure[versions])"
            )
            write_durably(folder.own / "untracked", "said once\n")
        return
    try:
        dvc.track(folder.root, folder.versions / name, remote)
    except ProjectError as error:
        log.warning("warning: version %s is kept, but DVC does not track it: %s", name, error.what)


def tracking(folder: Folder) -> AbstractContextManager[None]:
    """Inside, DVC is loaded once, beside other work, for all that the folder asks of it."""
    return dvc.ready(folder.root)


def set_up_tracking(folder: Folder, remote: str | None = None) -> None:
    """What track_version does first, to be done beside other work; where it fails, track_version tells."""
    with contextlib.suppress(TenureError):
        dvc.set_up(folder.root, remote)


def pointer_of(place: Path) -> Path:
    """DVC's file that stands for a version's folder in git."""
    return place.with_name(f"{place.name}.dvc")


def list_versions(folder: Folder) -> list[Version]:
    """The versions that are here, the oldest first."""
    found = [
        read_version(path.parent)
        for path in folder.versions.glob("*/facts.json")
        if path.parent.name[0] != "."
    ]
    return sorted(found, key=lambda version: (version.made, version.version))


def list_absent(folder: Folder) -> list[str]:
    """The names of versions that DVC knows and whose folders are not here."""
    names = (path.name.removesuffix(".dvc") for path in folder.versions.glob("*.dvc"))
    return sorted(name for name in names if not (folder.versions / name).is_dir())


def read_version(place: Path) -> Version:
    """Read a version's facts. Raises ProjectError when they are damaged."""
    try:
        body = json.loads((place / "facts.json").read_text(encoding="utf-8"))
        if body.pop("format") != FORMAT:
            raise ValueError("an unknown format")
        if body["version"] != place.name:
            raise ValueError(f"they are those of version {body['version']}")
        return Version(**{**body, "warnings": tuple(body["warnings"]), "golden": tuple(body["golden"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"a data version is damaged: {error}",
            where=str(place / "facts.json"),
            todo=f"remove the folder, then `tenure data restore {place.name}`",
        ) from error


def find_version(folder: Folder, name: str) -> Version:
    """The version of a name, of the beginning of one, or what a version became when a person was erased from it.

    Raises ProjectError when there is none, or when it is known but not here.
    """
    name = follow(folder, name)
    names = [version.version for version in list_versions(folder)]
    known = [*names, *list_absent(folder)]
    found = [other for other in known if other.startswith(name)] if name else []
    if len(found) == 1 and found[0] in names:
        return read_version(folder.versions / found[0])
    if len(found) == 1:
        raise ProjectError(
            f"version {found[0]} is known, but its rows are not here",
            where=str(folder.versions),
            todo=f"`tenure data restore {found[0]}`",
        )
    near = nearest_names([name], known)
    raise ProjectError(
        f"{'several data versions begin' if found else 'no data version begins'} with {name!r}",
        where=str(folder.versions),
        todo=f"did you mean {near[0]}?"
        if near
        else "see `tenure data`"
        if known
        else "run `tenure prepare` first",
    )


def read_rows(folder: Folder, version: Version) -> tuple[pl.LazyFrame, Recipe]:
    """The typed rows of a version with PART, lazily, and its recipe."""
    import polars as pl

    place = folder.versions / version.version
    return pl.scan_parquet(place / "rows.parquet"), Recipe.from_json((place / "recipe.json").read_text())


def restore_version(folder: Folder, name: str) -> Version:
    """Bring a version back from DVC's cache or remote if it is gone, and check that it hashes as it did.

    Raises ProjectError when it cannot be brought, and when its rows or recipe are other ones; then nothing that was
    brought stays.
    """
    absent = [other for other in list_absent(folder) if name and other.startswith(name)]
    if len(absent) != 1:
        version = find_version(folder, name)
        if not is_intact(folder, version):
            raise _changed(
                folder, version.version, f"remove the folder, then `tenure data restore {version.version}`"
            )
        return version
    place = folder.versions / absent[0]
    dvc.pull(folder.root, place)
    with contextlib.suppress(ProjectError):
        version = read_version(place)
        if is_intact(folder, version):
            return version
    shutil.rmtree(place)
    raise _changed(folder, place.name, "bring DVC's cache and remote back from a copy")


def _changed(folder: Folder, name: str, todo: str) -> ProjectError:
    what = f"version {name} does not hash as it did when it was made"
    return ProjectError(what, where=str(folder.versions / name), todo=todo)


def is_intact(folder: Folder, version: Version) -> bool:
    """Whether rows and recipe hash as the version's name and facts say."""
    import polars as pl

    from tenure.prepare.versions import hash_table, version_name

    place = folder.versions / version.version
    try:
        content = hash_table(pl.scan_parquet(place / "rows.parquet"))
        recipe = (place / "recipe.json").read_text(encoding="utf-8")
    except (OSError, TypeError, pl.exceptions.PolarsError):
        return False
    return (content, version_name(content, recipe)) == (version.content, version.version)


def models_of(folder: Folder, name: str) -> list[str]:
    """The releases that were trained on a version, or on what it was before a person was erased from it."""
    moved = read_moved(folder)
    found = []
    for path in sorted(folder.releases.glob("*/manifest.json")):
        trained_on = json.loads(path.read_text()).get("data_version")
        while trained_on in moved and trained_on != name:
            trained_on = moved[trained_on]
        if trained_on == name:
            found.append(path.parent.name)
    return found


def read_moved(folder: Folder) -> dict[str, str]:
    """Version before -> version after a person was erased from it."""
    path = folder.versions / "moved.json"
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def follow(folder: Folder, name: str) -> str:
    """What a version has become; itself, if nobody was erased from it."""
    moved = read_moved(folder)
    while name in moved:
        name = moved[name]
    return name
