"""trace, replay: one prediction, where it came from; its bits, or those of a whole run, again."""

from __future__ import annotations

import json
from argparse import Namespace

from tenure.cli.execute import Result


def trace(args: Namespace) -> Result:
    """Show the links of one prediction: row, answer, release, data, code, outcome."""
    from tenure.project import Project

    document = Project.open(args.project).trace(args.id)
    lines = []
    for key, value in document.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"{key:<12} {shown}")
    return Result(document, "\n".join(lines))


def replay(args: Namespace) -> Result:
    """Compute one prediction again from its release, or train a whole run again from its record."""
    from tenure.project import Project

    project = Project.open(args.project)
    if project.is_run(args.id):
        replayed = project.replay_run(args.id)
        return Result(replayed.to_dict(), replayed.to_text(), 0 if replayed.same else 1)
    document = project.replay(args.id)
    same = document["same"]
    text = (
        " ".join(
            str(document["recorded"][key])
            for key in ("prediction", "probability")
            if document["recorded"][key] is not None
        )
        + ": "
        + ("the same bits again" if same else f"NOT the same: {document['replayed']}")
        + f" (version {document['version']}, release {document['release']})"
    )
    return Result(document, text, 0 if same else 1)
