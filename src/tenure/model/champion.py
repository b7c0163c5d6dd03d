"""The pointer to the champion: a small file for those who must not import MLflow (service, batch scoring).

The registry is the truth and the pointer follows it. A marker beside the pointer says that a change is under
way, so that whoever comes after a kill knows, without asking the registry, that a sync is due.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tenure.durable import write_durably
from tenure.errors import RegistryError

STATE_FOLDER = ".tenure"
POINTER = "champion.json"
MARKER = "champion.pending"


@dataclass(frozen=True, slots=True)
class Champion:
    """What the pointer file says. release: the folder of the release, relative to the project."""

    name: str
    version: str
    release: str


def read_champion(project_root: Path) -> Champion | None:
    """Read the pointer file, without MLflow; None when nothing was promoted yet.

    Raises RegistryError when the file is there but not readable as a pointer.
    """
    path = Path(project_root) / STATE_FOLDER / POINTER
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Champion(str(fields["name"]), str(fields["version"]), str(fields["release"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryError(
            f"the pointer to the champion is not readable: {error}",
            where=str(path),
            todo="run `tenure models`",
        ) from error


def needs_sync(project_root: Path) -> bool:
    """Whether a command was killed while it changed the champion, so that `Registry.sync` is due."""
    return (Path(project_root) / STATE_FOLDER / MARKER).exists()


def announce_change(project_root: Path) -> None:
    """Leave the marker; only point_to takes it away."""
    _write(Path(project_root) / STATE_FOLDER, MARKER, "")


def point_to(project_root: Path, champion: Champion | None) -> None:
    """Make the pointer say who is champion (None: nobody), in one step, and take the marker away.

    Raises RegistryError when the folder can't be written.
    """
    folder = Path(project_root) / STATE_FOLDER
    if champion is None:
        (folder / POINTER).unlink(missing_ok=True)
    elif not _says(project_root, champion):
        _write(folder, POINTER, json.dumps(asdict(champion), indent=2) + "\n")
    (folder / MARKER).unlink(missing_ok=True)


def _says(project_root: Path, champion: Champion) -> bool:
    try:
        return read_champion(project_root) == champion
    except RegistryError:
        return False


def _write(folder: Path, file: str, text: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / file, text)
    except OSError as error:
        raise RegistryError(
            f"{file} can't be written: {error.strerror or error}",
            where=str(folder),
            todo="make the folder writable and free some space; then run `tenure models`",
        ) from error
