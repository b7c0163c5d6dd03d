"""audit, card: how ready the project is for production, and what its model is."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result


def audit(args: Namespace) -> Result:
    """Judge the 28 tests of the ML Test Score now."""
    from tenure.project import Project

    found = Project.open(args.project).audit()
    return Result(found.to_dict(), found.to_text())


def card(args: Namespace) -> Result:
    """Write the model card, or print it."""
    from tenure.project import Project
    from tenure.project.carding import write_card

    made = Project.open(args.project).card(args.version)
    if args.out is not None:
        write_card(made, args.out)
    text = made.to_markdown() if args.out is None else f"wrote {args.out}"
    return Result(
        {"title": made.title, "front": made.front, "out": args.out, "markdown": made.to_markdown()}, text
    )
