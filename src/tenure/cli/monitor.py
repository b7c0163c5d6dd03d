"""outcomes, monitor, review: what became of the predictions, and the decision that follows."""

from __future__ import annotations

import re
from argparse import Namespace
from datetime import UTC, datetime, timedelta

from tenure.cli.data import written
from tenure.cli.execute import Result
from tenure.errors import TenureError


def outcomes(args: Namespace) -> Result:
    """Take in true labels that arrived later."""
    from tenure.project import Project

    document = Project.open(args.project).take_outcomes(args.source, **written(args))
    unknown = document["unknown"]
    text = (
        f"{document['recorded']} recorded, {document['already']} were there already, "
        f"{document['corrected']} corrected an earlier one"
    )
    if unknown:
        shown = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
        text += f"\nwarning: {len(unknown)} belong to no prediction in the journal: {shown}"
    return Result(document, text)


def monitor(args: Namespace) -> Result:
    """Check drift, performance and health over a window."""
    from tenure.project import Project

    until = parse_moment(args.until, "--until") or datetime.now(UTC)
    report = Project.open(args.project).monitor(since=parse_moment(args.since, "--since", until), until=until)
    return Result(report.to_dict(), report.to_text(), 0 if report.passed else 1)


def review(args: Namespace) -> Result:
    """Monitor, decide and act."""
    from tenure.config import parse_duration
    from tenure.project import Project

    until = parse_moment(args.until, "--until") or datetime.now(UTC)
    since = parse_moment(args.since, "--since", until)
    budget = parse_duration(args.budget) if args.budget else None
    document = Project.open(args.project).review(
        since=since, until=until, dry_run=args.dry_run, budget=budget
    )
    lines = [f"verdict: {document['verdict']} ({document['rule']})"]
    lines += [f"  because {reason}" for reason in document["reasons"]]
    lines += [f"  {step}" for step in document["actions"]]
    return Result(document, "\n".join(lines), 1 if document.get("stopped") else 0)


def parse_moment(text: str | None, option: str, until: datetime | None = None) -> datetime | None:
    """Read a date or time (UTC unless it says otherwise), or a length such as 7d back from until.

    >>> parse_moment("2026-03-01", "--since")
    datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if text is None:
        return None
    length = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if length:
        seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[length[2]]
        return (until or datetime.now(UTC)) - timedelta(seconds=float(length[1]) * seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TenureError(
            f"{option} is a date such as 2026-03-01, a time such as 2026-03-01T12:00Z, or a length such as 7d; "
            f"got {text!r}",
            todo="correct the option",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
