"""audit: how ready the project is for production, by evidence."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result


def audit(args: Namespace) -> Result:
    """Judge the 28 tests of the ML Test Score now."""
    from tenure.project import Project

    found = Project.open(args.project).audit()
    return Result(found.to_dict(), found.to_text())
