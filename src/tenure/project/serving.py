"""Start the service on this project's champion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tenure.config import ProjectConfig, resolve_reference
from tenure.errors import ConfigError, ProjectError
from tenure.journal.redaction import Redaction
from tenure.model.registry import needs_sync
from tenure.project.folder import Folder

if TYPE_CHECKING:
    from tenure.serve.settings import Beside


def serve(folder: Folder, config: ProjectConfig, host: str, port: int, workers: int) -> None:
    """Answer over HTTP until interrupted.

    Raises ProjectError when there is no champion yet, ConfigError when the token's variable is not set.
    """
    from tenure.serve.server import run
    from tenure.serve.settings import ServeSettings

    if needs_sync(folder.root):
        from tenure.project.promoting import open_registry

        open_registry(folder, config)
    if not folder.champion.is_file():
        raise ProjectError(
            "there is no champion to serve yet", where=str(folder.root), todo="run `tenure run`"
        )
    asked = config.serve
    auth, tls = asked.auth, asked.tls
    settings = ServeSettings(
        pointer=folder.champion,
        releases_root=folder.root,
        shadow=_beside(folder, config, asked.shadow, 0.0),
        canary=_beside(folder, config, asked.canary.version, asked.canary.share) if asked.canary else None,
        journal=folder.journal,
        redaction=redaction_of(config),
        relaxed=asked.log == "relaxed",
        tokens=tuple(resolve_reference(token, "serve.auth") for token in [auth.token, *auth.also])
        if auth
        else (),
        certificate=_file(folder, tls.certificate, "serve.tls.certificate") if tls else None,
        key=_file(folder, tls.key, "serve.tls.key") if tls else None,
        max_body=asked.max_body,
        max_rows=asked.max_rows,
        max_waiting=asked.max_waiting,
        max_delay=asked.max_delay,
        max_upload=asked.max_upload,
        patience=asked.patience,
        skip_bad_rows=asked.bad_rows == "skip",
        json_logs=asked.logs == "json",
        traces=asked.traces,
        title=config.name,
    )
    run(settings, host, port, workers)


def _beside(folder: Folder, config: ProjectConfig, which: str | None, share: float) -> Beside | None:
    """The version that serve.shadow or serve.canary names now. Raises RegistryError when there is no such version."""
    from tenure.project.promoting import find_release
    from tenure.serve.settings import Beside

    if which is None:
        return None
    holder = find_release(folder, config, which)
    return Beside(holder.version, holder.release, share)


def redaction_of(config: ProjectConfig) -> Redaction | None:
    """What the config says of personal columns; None where it says nothing. Raises ConfigError without the key."""
    asked = config.serve.personal
    if not asked.leave_out and not asked.hash:
        return None
    key = resolve_reference(asked.key, "serve.personal.key") if asked.key else ""
    return Redaction(frozenset(asked.leave_out), frozenset(asked.hash), key)


def _file(folder: Folder, path: str, key: str) -> Path:
    """A file that tenure.yaml names. Raises ConfigError when it is not there."""
    found = folder.root / path
    if not found.is_file():
        raise ConfigError(f"{key} names no file: {path}", where=str(folder.config_file), todo="mend the path")
    return found
