"""models, promote, rollback: which version holds the post."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result


def models(args: Namespace) -> Result:
    """List the versions in the registry."""
    from dataclasses import asdict

    from tenure.project import Project

    versions = Project.open(args.project).registry().versions()
    if not versions:
        return Result({"models": []}, "no versions yet; `tenure run` makes the first")
    lines = [f"{'version':>7}  {'post':<10}  {'release':<12}  {'data':<12}  metrics"]
    for version in versions:
        post = ", ".join(version.aliases) or "-"
        metrics = "  ".join(f"{name} {value:.4f}" for name, value in list(version.metrics.items())[:3])
        lines.append(
            f"{version.version:>7}  {post:<10}  {version.release:<12}  {version.data_version:<12}  {metrics}"
        )
    return Result({"models": [asdict(version) for version in versions]}, "\n".join(lines))


def promote(args: Namespace) -> Result:
    """Make a version the champion."""
    from tenure.project import Project

    before, after = Project.open(args.project).promote(args.version)
    was = f"; before: version {before}" if before else ""
    return Result({"champion": after, "before": before}, f"version {after} is the champion{was}")


def rollback(args: Namespace) -> Result:
    """Give the post back to the previous champion."""
    from tenure.project import Project

    before, after = Project.open(args.project).rollback()
    return Result(
        {"champion": after, "before": before},
        f"version {after} is the champion again; version {before} stepped down",
    )
