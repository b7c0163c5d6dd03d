"""Start the service on this project's champion."""

from __future__ import annotations

from tenure.config import ProjectConfig, resolve_reference
from tenure.errors import ProjectError
from tenure.model.registry import needs_sync
from tenure.project.folder import Folder


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
    auth = config.serve.auth
    settings = ServeSettings(
        pointer=folder.champion,
        releases_root=folder.root,
        journal=folder.journal,
        token=resolve_reference(auth.token, "serve.auth.token") if auth else None,
        max_body=config.serve.max_body,
        title=config.name,
    )
    run(settings, host, port, workers)
