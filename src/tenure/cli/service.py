"""serve: the champion over HTTP."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result


def serve(args: Namespace) -> Result:
    """Answer until interrupted."""
    from tenure.project import Project

    Project.open(args.project).serve(host=args.host, port=args.port, workers=args.workers)
    return Result({"stopped": True}, "")
