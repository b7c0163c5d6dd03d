"""init, prepare, schema: from a table to clean, split rows."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tenure.cli.execute import Result


def written(args: Namespace) -> dict[str, str | None]:
    """What the options say of how a table is written, and of what is asked of a database."""
    return {name: getattr(args, name) for name in ("delimiter", "encoding", "query", "table")}


def init(args: Namespace) -> Result:
    """Look at a table and write a commented tenure.yaml."""
    from tenure.project.folder import Folder
    from tenure.project.setup import Request, create_project

    folder = Folder(Path(args.dir or args.project or ".").resolve())
    recipe = create_project(
        folder,
        Request(args.data, args.target, args.positive, args.id, args.time, budget="120s", **written(args)),
    )
    document = {
        "config": str(folder.config_file),
        "task": recipe.target.task,
        "columns": {column.name: column.kind for column in recipe.columns},
        "ignored": dict(recipe.ignored),
        "warnings": [*recipe.target.warnings, *recipe.warnings],
    }
    return Result(
        document, f"wrote {folder.config_file}\nnext: read it, then `tenure run --project {folder.root}`"
    )


def prepare(args: Namespace) -> Result:
    """Read, clean and split the table; learn the recipe."""
    from tenure.project import Project

    prepared = Project.open(args.project).prepare()
    counts = prepared.counts()
    document = {
        "prepared": prepared.id,
        "data_version": prepared.data_version,
        "task": prepared.recipe.target.task,
        "rows": counts,
        "features": {column.name: column.kind for column in prepared.recipe.features},
        "ignored": dict(prepared.recipe.ignored),
        "warnings": list(prepared.warnings),
    }
    lines = [
        f"prepared {sum(counts.values())} rows: " + ", ".join(f"{n} {part}" for part, n in counts.items()),
        f"{len(prepared.recipe.features)} features; not used: "
        + (", ".join(f"{column} ({why})" for column, why in prepared.recipe.ignored.items()) or "none"),
        *(f"warning: {warning}" for warning in prepared.warnings),
    ]
    return Result(document, "\n".join(lines))


def schema(args: Namespace) -> Result:
    """Print the JSON Schema of tenure.yaml."""
    import json

    from tenure.config import config_schema

    return Result(config_schema(), json.dumps(config_schema(), indent=2))
