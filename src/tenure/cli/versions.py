"""data, forget: the versions of prepared data, and erasing a person from all of them."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result
from tenure.errors import TenureError

_NEEDS = {"list": 0, "show": 1, "compare": 2, "restore": 1}


def data(args: Namespace) -> Result:
    """List, show, compare or restore data versions."""
    wanted = _NEEDS[args.action]
    if len(args.versions) != wanted:
        names = " ".join(["VERSION"] * wanted) or "no version"
        raise TenureError(
            f"`tenure data {args.action}` takes {names}, got {len(args.versions)}", todo="see `tenure data`"
        )
    return {"list": _list, "show": _show, "compare": _compare, "restore": _restore}[args.action](args)


def _list(args: Namespace) -> Result:
    from tenure.project import Project
    from tenure.project.versions import list_absent, list_versions

    folder = Project.open(args.project).folder
    here, absent = list_versions(folder), list_absent(folder)
    document = {"versions": [version.to_dict() for version in here], "not_here": absent}
    if not here and not absent:
        return Result(document, "no data versions yet; `tenure prepare` makes the first")
    lines = [f"{'version':<12}  {'made':<16}  {'rows':>12}  {'columns':>7}  content"] if here else []
    lines += [
        f"{version.version:<12}  {version.made[:16]:<16}  {sum(version.rows.values()):>12,}  "
        f"{len(version.columns):>7}  {version.content[:12]}"
        for version in here
    ]
    lines += [f"{name:<12}  not here; `tenure data restore {name}`" for name in absent]
    return Result(document, "\n".join(lines))


def _show(args: Namespace) -> Result:
    from tenure.project import Project
    from tenure.project.versions import find_version, models_of

    folder = Project.open(args.project).folder
    version = find_version(folder, args.versions[0])
    models = models_of(folder, version.version)
    document = {**version.to_dict(), "releases": models}
    parts = ", ".join(f"{n:,} {part}" for part, n in version.rows.items())
    lines = [
        f"version {version.version}, made {version.made} by tenure {version.tenure}",
        f"content  {version.content}",
        f"rows     {parts}",
        f"columns  {', '.join(f'{name} ({kind})' for name, kind in version.columns.items())}",
        *(f"input    {name}: {digest}" for name, digest in version.fingerprint["inputs"].items()),
        f"models   {', '.join(models) or 'none'}",
        *(f"warning: {warning}" for warning in version.warnings),
    ]
    return Result(document, "\n".join(lines))


def _compare(args: Namespace) -> Result:
    from tenure.project import Project
    from tenure.project.comparing import compare_versions

    comparison = compare_versions(Project.open(args.project).folder, *args.versions)
    return Result(comparison.to_dict(), comparison.to_text())


def _restore(args: Namespace) -> Result:
    from tenure.project import Project

    version = Project.open(args.project).restore_data(args.versions[0])
    return Result(
        version.to_dict(), f"version {version.version} is here and hashes as it did when it was made"
    )


def forget(args: Namespace) -> Result:
    """Erase a person from everything the project holds."""
    from tenure.project import Project

    document = Project.open(args.project).forget(args.id, column=args.column)
    if document["erased"]:
        lines = ["erased:", *(f"  {n:>8,}  {place}" for place, n in document["erased"].items())]
        lines += [f"version {old} is now {new}" for old, new in document["versions"].items()]
        lines.append(f"receipt: {document['file']}")
    else:
        before = f"; earlier receipts: {', '.join(document['earlier'])}" if document["earlier"] else ""
        lines = [f"nothing of this person is in the project{before}"]
    lines += [f"next: {step}" for step in document["next"]]
    return Result(document, "\n".join(lines))
