"""A release on disk: a folder of data files whose SHA-256 are in its manifest.

The release id is taken from the hashes of all files but the manifest, so that equal content has an
equal id; only the manifest tells when and by which run it was made.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenure.durable import TEMPORARY, flush_folder
from tenure.errors import ReleaseError
from tenure.records import Task

FORMAT = "tenure-release/1"
MANIFEST = "manifest.json"
TREES, LINEAR = "model.txt", "linear.json"
MODEL_FILES = frozenset({TREES, LINEAR})
OTHER_FILES = frozenset(
    {
        "recipe.json",
        "encoding.json",
        "calibration.json",
        "schema.json",
        "reference.json",
        "metrics.json",
        "importance.json",
        "golden.json",
        "card.md",
    }
)
ESTIMATOR = "estimator.json"
"""In releases of tenure.Classifier and tenure.Regressor only: how the scikit-learn side takes and answers rows."""
OPTIONAL_FILES = frozenset({"fairness.json", "explanations.json", ESTIMATOR})
_SAFE_NAME = re.compile(r"[a-z][a-z0-9_]*\.(json|txt|md)")
_RESTORE = "restore the folder from a copy, or train again"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release says of itself.

    name: of the project.  release: the id, 12 hexadecimal digits.  files: name -> SHA-256.
    created_at: ISO 8601, UTC.  runtime: library -> version it was made with.  metrics: the test
    metrics, name -> {value, low, high}.
    """

    name: str
    task: Task
    release: str
    files: Mapping[str, str]
    data_version: str
    seed: int
    run_id: str | None
    created_at: str
    runtime: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as JSON data."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """Read what to_json wrote. Raises ReleaseError for another format or missing entries."""
        if data.get("format") != FORMAT:
            raise ReleaseError(
                f"the release has the format {data.get('format')!r}; this version reads {FORMAT!r}",
                where=MANIFEST,
                todo="use the version of tenure that wrote it, or train again",
            )
        try:
            return cls(**{key: value for key, value in data.items() if key != "format"})
        except TypeError as error:
            raise ReleaseError(
                f"the manifest is incomplete: {error}", where=MANIFEST, todo=_RESTORE
            ) from error


def release_id(hashes: Mapping[str, str]) -> str:
    """First 12 hexadecimal digits of the SHA-256 over "name hash" lines in the order of the names."""
    lines = "".join(f"{name} {hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def hash_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name -> SHA-256 in hexadecimal, in the order of the names."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def open_release(folder: Path) -> Manifest:
    """Verify every file of a release and return its manifest. Raises ReleaseError, naming the file."""
    return read_release(folder)[0]


def read_release(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read and verify a release: its manifest, and the content of each file that it names.

    What is returned is what was verified: nothing is read twice. Raises ReleaseError for a missing,
    extra, changed or linked file, an unknown format, or a manifest that names paths.
    """
    if not folder.is_dir():
        raise ReleaseError("there is no release", where=str(folder), todo="train one, or name another folder")
    manifest = Manifest.from_json(_read_manifest(folder / MANIFEST))
    _check_names(folder, manifest)
    files = {name: _read_file(folder / name) for name in manifest.files}
    hashes = hash_files(files)
    for name, expected in manifest.files.items():
        if hashes[name] != expected:
            raise ReleaseError(
                f"{name} was changed after the release was made", where=str(folder / name), todo=_RESTORE
            )
    if release_id(hashes) != manifest.release:
        raise ReleaseError(
            "the release id is not that of its files", where=str(folder / MANIFEST), todo=_RESTORE
        )
    return manifest, files


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(_read_file(path))
    except ValueError as error:
        raise ReleaseError("the manifest is no JSON", where=str(path), todo=_RESTORE) from error
    if not isinstance(data, dict) or (
        data.get("format") == FORMAT and not isinstance(data.get("files"), dict)
    ):
        raise ReleaseError("the manifest is no release's", where=str(path), todo=_RESTORE)
    return data


def _check_names(folder: Path, manifest: Manifest) -> None:
    named = set(manifest.files)
    for name in sorted(named):
        if not isinstance(manifest.files[name], str) or not _SAFE_NAME.fullmatch(name) or name == MANIFEST:
            raise ReleaseError(
                f"the manifest names {name!r}, which is no file of a release", where=str(folder / MANIFEST)
            )
    known = OTHER_FILES | OPTIONAL_FILES | MODEL_FILES
    if named - known:
        raise ReleaseError(
            f"unknown files: {', '.join(sorted(named - known))}", where=str(folder), todo=_RESTORE
        )
    if OTHER_FILES - named or not named & MODEL_FILES:
        absent = sorted(OTHER_FILES - named) or sorted(MODEL_FILES)
        raise ReleaseError(
            f"the manifest does not name {' or '.join(absent)}", where=str(folder), todo=_RESTORE
        )
    extra = sorted({entry.name for entry in folder.iterdir()} - named - {MANIFEST})
    if extra:
        raise ReleaseError(
            f"{', '.join(extra)} in the folder is not part of the release",
            where=str(folder),
            todo="take it away",
        )


def _read_file(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        what = "is a link, not a file" if path.is_symlink() else "is missing"
        raise ReleaseError(f"{path.name} {what}", where=str(path), todo=_RESTORE)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path.name} cannot be read: {error.strerror}", where=str(path)) from error


def write_files(parent: Path, files: Mapping[str, bytes], manifest: Manifest) -> Path:
    """Write a release to parent/<release id> so that it is there whole or not at all; return that path.

    If the same release is there already and intact, it is left as it is. A killed writer leaves only a
    folder whose name starts with ".tmp-". Raises ReleaseError when the folder cannot be written.
    """
    target = parent / manifest.release
    if is_intact(target):
        return target
    temporary: Path | None = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
        for name, content in {**files, MANIFEST: to_text(manifest.to_json(), MANIFEST)}.items():
            _write_flushed(temporary / name, content)
        temporary.chmod(0o755)
        flush_folder(temporary)
        _put_in_place(temporary, target)
        flush_folder(parent)
    except OSError as error:
        raise ReleaseError(
            f"the release cannot be written: {error.strerror or error}",
            where=str(parent),
            todo="free some space, or make the folder writable",
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def is_intact(folder: Path) -> bool:
    """Whether a release is there and every file verifies."""
    try:
        open_release(folder)
    except ReleaseError:
        return False
    return True


def _put_in_place(temporary: Path, target: Path) -> None:
    """Rename; a damaged release of the same id makes room, one that another process wrote meanwhile stays."""
    try:
        os.rename(temporary, target)
    except OSError:
        if is_intact(target) or not target.exists():
            if target.exists():
                return
            raise
        aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
        os.rename(target, aside / "damaged")
        os.rename(temporary, target)
        shutil.rmtree(aside, ignore_errors=True)


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def to_text(data: Any, name: str) -> bytes:
    """Write readable JSON, the same bytes for equal data. Raises ReleaseError where JSON cannot hold it."""
    try:
        return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ReleaseError(f"{name} cannot be written as JSON: {error}", where=name) from error
