"""The command line: arguments in, exit code out.

Exit 0 success, 1 a check or gate failed, 2 the user's mistake, 3 anything else. stdout holds the
result and nothing else; with --json one JSON document.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    from tenure.cli.parser import build_parser

    parser = build_parser()
    args = parser.parse_args(arguments)
    from tenure.cli.execute import execute

    return execute(args)


if __name__ == "__main__":
    sys.exit(main())
