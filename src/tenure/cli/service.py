"""serve: the champion over HTTP."""

from __future__ import annotations

from argparse import Namespace

from tenure.cli.execute import Result


def serve(args: Namespace) -> Result:
    """Answer until interrupted."""
    from tenure.project import Project
    from tenure.serve.protocols.vertex import VertexRoutes

    port = args.port if args.port is not None else VertexRoutes.from_environment().port or 8000
    Project.open(args.project).serve(host=args.host, port=port, workers=args.workers)
    return Result({"stopped": True}, "")
