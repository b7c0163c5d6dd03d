"""explore: what is in a table, as a page and as text."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tenure.cli.execute import Result
from tenure.errors import ConfigError, ProjectError

_OF_COLUMNS = ("target", "positive", "time", "id")
_OF_SOURCE = ("delimiter", "encoding", "query", "table")


def explore(args: Namespace) -> Result:
    """Explore a table, or the project's own; write the page."""
    from tenure.config import written_source
    from tenure.prepare.explore import explore as explore_table

    if args.source is None:
        from tenure.project import Project

        _refuse_options(args)
        project = Project.open(args.project)
        found = project.explore()
        page = Path(args.out) if args.out else project.folder.own / "explore.html"
    else:
        written = written_source(args.source, {key: getattr(args, key) for key in _OF_SOURCE})
        found = explore_table(written, args.target, positive=args.positive, time=args.time, id=args.id)
        page = Path(args.out or f"{found.name}-explore.html")
    _write(page, found.to_html())
    return Result({"page": str(page.resolve()), **found.to_dict()}, f"{found.to_text()}\n\npage: {page}")


def _refuse_options(args: Namespace) -> None:
    """In a project the config says what the columns are."""
    given = [name for name in (*_OF_COLUMNS, *_OF_SOURCE) if getattr(args, name) is not None]
    if given:
        raise ConfigError(
            f"--{given[0]} goes with a SOURCE; without one, tenure.yaml says it",
            todo=f"name the table: tenure explore SOURCE --{given[0]} …",
        )


def _write(page: Path, text: str) -> None:
    from tenure.durable import write_durably

    if page.is_dir() or not page.parent.is_dir():
        raise ProjectError(
            "the page cannot be written: there is no such folder"
            if not page.is_dir()
            else "a folder stands there",
            where=str(page),
            todo="choose another file with --out",
        )
    write_durably(page, text)
