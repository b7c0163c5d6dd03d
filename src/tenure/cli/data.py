"""init, prepare, panel, schema: from tables to clean, split rows."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tenure.cli.execute import Result


def init(args: Namespace) -> Result:
    """Look at a table and write a commented tenure.yaml."""
    from tenure.project.folder import Folder
    from tenure.project.setup import Request, create_project

    folder = Folder(Path(args.dir or args.project or ".").resolve())
    recipe = create_project(
        folder, Request(args.data, args.target, args.positive, args.id, args.time, args.delimiter)
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
    from tenure.prepare.balance import describe_balance
    from tenure.project import Project

    project = Project.open(args.project)
    prepared = project.prepare(again=args.again)
    counts, balance = prepared.counts(), prepared.balance().to_dict()
    document = {
        "data_version": prepared.id,
        "content": prepared.content,
        "note": prepared.note,
        "task": prepared.recipe.target.task,
        "rows": counts,
        "parts": balance,
        "features": {column.name: column.kind for column in prepared.recipe.features},
        "ignored": dict(prepared.recipe.ignored),
        "warnings": list(prepared.warnings),
        "leakage": prepared.leakage,
    }
    lines = [
        *([prepared.note] if prepared.note else []),
        f"version {prepared.id}: {sum(counts.values())} rows, with the target's shares or mean in 95 % intervals:",
        *describe_balance(balance),
        f"{len(prepared.recipe.features)} features; not used: "
        + (", ".join(f"{column} ({why})" for column, why in prepared.recipe.ignored.items()) or "none"),
        *(f"warning: {warning}" for warning in prepared.warnings),
    ]
    if args.changes:
        changes, doubts = project.changes(prepared), project.doubts(prepared)
        document["changes"], document["doubts"] = changes.to_dict(), doubts.to_dict()
        lines += ["", changes.to_text(), doubts.to_text()]
    return Result(document, "\n".join(lines).rstrip())


def panel(args: Namespace) -> Result:
    """Write the rows of the event tables as of a time."""
    from tenure.project import Project

    document = Project.open(args.project).panel(args.output, at=args.at, source=args.source)
    lines = [
        f"{document['rows']} rows with {document['columns']} columns in {args.output}",
        *(f"warning: {warning}" for warning in document["warnings"]),
    ]
    return Result(document, "\n".join(lines))


def schema(args: Namespace) -> Result:
    """Print the JSON Schema of tenure.yaml, or the project's schema.json in some format."""
    import json

    from tenure.config import config_schema
    from tenure.errors import TenureError
    from tenure.project import Project

    if args.of == "config":
        if args.format is not None:
            raise TenureError("--as is for the data's schema", todo="add --of data")
        return Result(config_schema(), json.dumps(config_schema(), indent=2))
    found = Project.open(args.project).schema(args.format or "tenure")
    return Result(found.document, found.text)
