"""explain: one row, what moved its score, and what would change the decision."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result
from tenure.errors import TenureError


def explain(args: Namespace) -> Result:
    """Explain a recorded prediction, or the row in a file."""
    from tenure.project import Project

    if (args.id is None) == (args.row is None):
        raise TenureError(
            "explain takes the ID of a prediction, or --row FILE", todo="name one of the two, and not both"
        )
    if args.id is not None and args.model is not None:
        raise TenureError(
            "a recorded prediction is explained by the release that made it, not by --model",
            todo="leave --model out, or pass the row with --row FILE",
        )
    found = Project.open(args.project).explain(
        args.id,
        row=args.row,
        model=args.model or "champion",
        effects=args.effects,
        to=args.to,
        most_changes=args.changes,
        lime=args.lime,
    )
    return Result(found.to_dict(), found.to_text())
