"""archive: the journal's old days, moved into files of their own or deleted."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from tenure.cli.execute import Result


def archive(args: Namespace) -> Result:
    """Move and delete old days, as serve.archive_after and serve.keep_for say."""
    from tenure.project import Project

    document = Project.open(args.project).archive()
    lines = []
    if document["deleted"]:
        lines.append(f"{_told(document['deleted'])} deleted")
    if document["deleted_refusals"]:
        lines.append(f"{document['deleted_refusals']:,} refused request(s) deleted")
    if document["moved"]:
        size = sum(day["bytes"] for day in document["moved"])
        lines.append(f"{_told(document['moved'])} moved to {document['folder']}, {size / 1e6:.1f} MB")
    return Result(document, "\n".join(lines) or "no day is old enough to be moved or deleted")


def _told(days: list[dict[str, Any]]) -> str:
    first, last = days[0]["day"], days[-1]["day"]
    span = first if first == last else f"{first} to {last}"
    predictions, outcomes = (sum(day[what] for day in days) for what in ("predictions", "outcomes"))
    return f"{len(days)} day(s), {span} ({predictions:,} predictions, {outcomes:,} outcomes),"
