"""Who holds the post: promotion and rollback, recorded in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure.config import ProjectConfig
from tenure.errors import GateFailed
from tenure.journal.queries import events
from tenure.journal.tables import open_journal
from tenure.journal.writer import record_event
from tenure.model.registry import Registry, needs_sync, read_champion
from tenure.project.digests import with_digest
from tenure.project.folder import Folder


def open_registry(folder: Folder, config: ProjectConfig) -> Registry:
    """The registry of this project, with a pointer that a killed command left behind repaired."""
    folder.make()
    registry = Registry(config.store.registry, config.name, folder.root)
    registry.sync()
    return registry


def open_to_change(folder: Folder, config: ProjectConfig) -> Registry:
    """The registry, for a command that holds the project's lock.

    A change of post that has no event (a kill or a full disk came between, or another tool of MLflow's moved the
    alias) gets one now, so that the journal tells of every champion.
    """
    registry = open_registry(folder, config)
    champion = registry.champion()
    with closing(open_journal(folder.journal)) as db:
        told = max(events(db, "promotion") + events(db, "rollback"), key=lambda event: event.id, default=None)
        before = told and told.body["version"]
        if champion is not None and champion.version != before:
            body = {"version": champion.version, "before": before, "by": "unknown"}
            record_event(db, "promotion", with_digest(body))
    return registry


@dataclass(frozen=True, slots=True)
class Holder:
    """A version and the folder of its release."""

    version: str
    release: Path


def find_release(folder: Folder, config: ProjectConfig, which: str) -> Holder:
    """Return the version that `which` names: champion, challenger, or a number.

    The champion is read from its pointer, without MLflow, unless a killed command left it in doubt.
    Raises RegistryError when there is no such version.
    """
    if which == "champion" and not needs_sync(folder.root):
        champion = read_champion(folder.root)
        if champion is not None:
            return Holder(champion.version, folder.root / champion.release)
    version = open_registry(folder, config).resolve(which)
    return Holder(version.version, folder.root / version.path)


def promote(
    folder: Folder, config: ProjectConfig, version: str, despite: str | None = None
) -> tuple[str | None, str]:
    """Make a version ("3", or "challenger") the champion.

    despite: the reason for which a person overrules a gate that the version failed; it is recorded.
    Raises GateFailed where the version exceeds a limit and no reason is given.
    """
    from tenure.project.gates import failed_gates

    registry = open_to_change(folder, config)
    before, wanted = registry.champion(), registry.resolve(version)
    reasons = failed_gates(config, folder.root / wanted.path)
    if reasons and despite is None:
        note_stop(folder, wanted.version, reasons, by="command")
        raise GateFailed(
            f"version {wanted.version} is not promoted: {'; '.join(reasons)}",
            {"champion": before and before.version, "stopped": wanted.version, "reasons": list(reasons)},
            where=config.place("fairness", "limit"),
            todo="train another, or overrule it: --despite 'the reason'",
        )
    after = registry.promote(wanted.version)
    body = {"version": after.version, "before": before and before.version, "by": "command"}
    overruled = {"despite": despite, "overruled": list(reasons)} if reasons else {}
    note(folder, "promotion", body | overruled)
    return (before.version if before else None), after.version


def note_stop(folder: Folder, version: str, reasons: Sequence[str], by: str) -> None:
    """Record that a gate kept a version from the post."""
    note(folder, "gate", {"gate": "fairness", "version": version, "reasons": list(reasons), "by": by})


def rollback(folder: Folder, config: ProjectConfig) -> tuple[str, str]:
    """Give the post back to the previous champion. Raises RegistryError when there is none."""
    registry = open_to_change(folder, config)
    before = registry.resolve("champion")
    after = registry.rollback()
    note(folder, "rollback", {"version": after.version, "before": before.version, "by": "command"})
    return before.version, after.version


def note(folder: Folder, kind: str, body: dict[str, Any]) -> str:
    """Record an event in the project's journal, with its hash, and return its id."""
    with closing(open_journal(folder.journal)) as db:
        return record_event(db, kind, with_digest(body))
