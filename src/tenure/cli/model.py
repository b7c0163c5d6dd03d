"""run, train, evaluate, predict: from split rows to a release and its scores."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.cli.data import written
from tenure.cli.execute import Result
from tenure.errors import TenureError

if TYPE_CHECKING:
    from tenure.project import Project


def run(args: Namespace) -> Result:
    """Prepare, train, evaluate and release in one go."""
    budget = _budget(args)
    report = _open_or_create(args).run(budget=budget, seed=args.seed, data=args.data, again=args.again)
    return Result(report.to_dict(), report.to_text(), 1 if report.stopped else 0)


def train(args: Namespace) -> Result:
    """Tune, calibrate and fit on the prepared rows."""
    from tenure.project import Project

    trained = Project.open(args.project).train(
        budget=_budget(args), seed=args.seed, plan=args.plan, again=args.again
    )
    return Result(trained.to_dict(), trained.to_text())


def evaluate(args: Namespace) -> Result:
    """Read the test rows once; write and register the release."""
    from tenure.project import Project

    report = Project.open(args.project).evaluate()
    return Result(report.to_dict(), report.to_text(), 1 if report.stopped else 0)


def predict(args: Namespace) -> Result:
    """Score a table, batch by batch."""
    from tenure.project import Project

    if args.explain < 0:
        raise TenureError(
            f"--explain takes a number of effects from 0, got {args.explain}", todo="correct the option"
        )
    document = Project.open(args.project).predict(
        args.source, args.output, model=args.model, explain=args.explain, **written(args)
    )
    model = document["model"]
    return Result(
        document,
        f"{document['rows']} rows scored by {model['name']} version {model['version']} into {args.output}",
    )


def _budget(args: Namespace) -> float | None:
    from tenure.config import parse_duration

    if args.budget is None:
        return None
    try:
        seconds = parse_duration(args.budget)
    except ValueError as error:
        raise TenureError(f"--budget: {error}", todo="correct the option") from None
    if seconds <= 0:
        raise TenureError(f"--budget is more than 0 seconds, got {args.budget}", todo="correct the option")
    return seconds


def _open_or_create(args: Namespace) -> Project:
    """The project of the command line; with a SOURCE and no project there, a new one."""
    from tenure.project import Project
    from tenure.project.folder import Folder
    from tenure.project.setup import Request, check_agreement, create_project, project_name

    if args.source is None:
        given = [
            name
            for name in ("target", "positive", "id", "time", *written(args))
            if getattr(args, name) is not None
        ]
        if given:
            raise TenureError(
                f"--{given[0]} belongs to a SOURCE; without one the project's tenure.yaml says it",
                todo="name the SOURCE, or edit tenure.yaml",
            )
        return Project.open(args.project)
    folder = Folder(Path(args.project or project_name(args.source)).resolve())
    if args.target is None and not folder.config_file.exists():
        raise TenureError(
            "a new project needs --target COLUMN", where=str(folder.root), todo="name the column to predict"
        )
    request = Request(
        args.source,
        args.target,
        args.positive,
        args.id,
        args.time,
        budget=args.budget or "120s",
        **written(args),
    )
    if folder.config_file.exists():
        check_agreement(folder, request)
    else:
        create_project(folder, request)
    return Project.open(str(folder.root))
