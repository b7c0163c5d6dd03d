"""What becomes of the journal's old days: moved into files of their own, and one day deleted."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tenure.config import ProjectConfig
from tenure.errors import ConfigError
from tenure.journal import day_files, days
from tenure.journal.entries import to_micros
from tenure.journal.move import count_day, count_refusals, days_here, drop_day, drop_refusals, move_day
from tenure.journal.tables import Journal, open_journal
from tenure.project.folder import Folder
from tenure.project.promoting import note

log = logging.getLogger(__name__)


def archive(folder: Folder, config: ProjectConfig, now: datetime | None = None) -> dict[str, Any]:
    """Delete the days that are older than serve.keep_for, then move those that are older than serve.archive_after.

    Only whole days of UTC. Each day is told in the journal's events: a deletion before it begins, so that no row is
    gone without a word. Returns both lists, with their numbers of predictions and outcomes.
    Raises ConfigError when tenure.yaml gives neither length, JournalError when the disk is full.
    """
    if config.serve.archive_after is None and config.serve.keep_for is None:
        raise ConfigError(
            "nothing says which days are to be moved or deleted",
            where=str(folder.config_file),
            todo="set serve.archive_after, such as 90d, and serve.keep_for if days are to be deleted one day",
        )
    at = now or datetime.now(UTC)
    with closing(open_journal(folder.journal)) as journal:
        deleted, refusals = _delete(folder, journal, _cut(at, config.serve.keep_for))
        moved = _move(folder, journal, _cut(at, config.serve.archive_after))
    return {"folder": str(folder.days), "moved": moved, "deleted": deleted, "deleted_refusals": refusals}


def _cut(now: datetime, age: float | None) -> str | None:
    """The first day that is not wholly older than age."""
    return None if age is None else days.day_at(to_micros(now - timedelta(seconds=age)))


def _delete(folder: Folder, journal: Journal, before: str | None) -> tuple[list[dict[str, Any]], int]:
    if before is None:
        return [], 0
    old = {*days_here(journal, before), *(day for day in day_files.list_days(journal.days) if day < before)}
    counts = [asdict(count_day(journal, day)) for day in sorted(old)]
    for count in counts:
        note(folder, "retention", count)
        drop_day(journal, count["day"])
        log.info("%s deleted: %d prediction(s)", count["day"], count["predictions"])
    refusals = count_refusals(journal, before)
    if refusals:
        note(folder, "retention", {"before": before, "refusals": refusals})
    return counts, drop_refusals(journal, before)


def _move(folder: Folder, journal: Journal, before: str | None) -> list[dict[str, Any]]:
    if before is None:
        return []
    counts = []
    batches = {day for day in day_files.days_with_batches(journal.days) if day < before}
    for day in sorted({*days_here(journal, before), *batches}):
        move_day(journal, day)
        size = day_files.path_of(journal.days, day).stat().st_size
        count = asdict(count_day(journal, day)) | {"bytes": size}
        note(folder, "archive", count)
        counts.append(count)
        log.info("%s moved: %d prediction(s), %d bytes", day, count["predictions"], size)
    return counts
