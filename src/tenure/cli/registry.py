"""models, promote, rollback: which version holds the post."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from tenure.cli.execute import Result


def models(args: Namespace) -> Result:
    """List the versions in the registry."""
    from dataclasses import asdict

    from tenure.project import Project

    versions = Project.open(args.project).registry().versions()
    if not versions:
        return Result({"models": []}, "no versions yet; `tenure run` makes the first")
    lines = [
        f"{'version':>7}  {'post':<10}  {'created':<16}  {'release':<12}  {'data':<12}  on its own test rows"
    ]
    for version in versions:
        post = ", ".join(version.aliases) or "-"
        lines.append(
            f"{version.version:>7}  {post:<10}  {version.created[:16]:<16}  {version.release:<12}  "
            f"{version.data_version:<12}  {_measures(version.metrics)}"
        )
    return Result({"models": [asdict(version) for version in versions]}, "\n".join(lines))


def promote(args: Namespace) -> Result:
    """Make a version the champion."""
    from tenure.project import Project

    before, after = Project.open(args.project).promote(args.version, despite=args.despite)
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


def _measures(metrics: Mapping[str, float]) -> str:
    """The measures that say most, each with its interval."""
    shown = [name for name in ("roc_auc", "log_loss", "rmse", "r2") if name in metrics][:2]
    return "  ".join(
        f"{name} {metrics[name]:.4f} [{metrics[f'{name}_low']:.4f}, {metrics[f'{name}_high']:.4f}]"
        for name in shown
    )
