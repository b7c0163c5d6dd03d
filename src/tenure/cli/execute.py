"""Carry out one parsed command: its result to stdout, its messages to stderr, its verdict as exit code."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tenure.errors import GateFailed, TenureError

USER_MISTAKE, UNEXPECTED = 2, 3

# command: the module of tenure.cli and the function in it
COMMANDS = {
    "init": "data:init",
    "explore": "explore:explore",
    "prepare": "data:prepare",
    "data": "versions:data",
    "forget": "versions:forget",
    "archive": "archive:archive",
    "panel": "data:panel",
    "schema": "data:schema",
    "run": "model:run",
    "train": "model:train",
    "evaluate": "model:evaluate",
    "predict": "model:predict",
    "explain": "explain:explain",
    "models": "registry:models",
    "promote": "registry:promote",
    "rollback": "registry:rollback",
    "serve": "service:serve",
    "outcomes": "monitor:outcomes",
    "monitor": "monitor:monitor",
    "review": "monitor:review",
    "trace": "trace:trace",
    "replay": "trace:replay",
    "audit": "audit:audit",
    "card": "audit:card",
    "simulate": "simulate:simulate",
    "demo": "demo:demo",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a command answers: a document for --json, the same as text for a person, and the exit code."""

    document: dict[str, Any]
    text: str
    exit_code: int = 0


def execute(args: argparse.Namespace) -> int:
    """Run the command of args and return the exit code; errors become one clear message."""
    _set_up_logging()
    module, function = COMMANDS[args.command].split(":")
    try:
        result: Result = getattr(importlib.import_module(f"tenure.cli.{module}"), function)(args)
        _print(result, args.json)
    except TenureError as error:
        if args.json and isinstance(error, GateFailed):
            _print(Result(dict(error.document), ""), as_json=True)
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        # the reader of stdout went away, as `| head` does: not a failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _complain("interrupted; what was finished is kept, run the command again to go on", UNEXPECTED)
    except Exception as error:
        message = _explain_storage(error)
        if message:
            return _complain(message, USER_MISTAKE)
        traceback.print_exc()
        return _complain(f"unexpected: {type(error).__name__}: {error}", UNEXPECTED)
    return result.exit_code


def _print(result: Result, as_json: bool) -> None:
    text = json.dumps(result.document, indent=2, ensure_ascii=False, default=str) if as_json else result.text
    if text:
        print(text, flush=True)


def _complain(message: str, exit_code: int) -> int:
    print(f"tenure: {message}", file=sys.stderr)
    return exit_code


def _set_up_logging() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger("tenure")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO if sys.stderr.isatty() else logging.WARNING)
    root.propagate = False


_FULL = (
    "the disk is full; what was there before is intact{}\n  next:  free some space and run the command again"
)
_OUT_OF_MEMORY = (
    "not enough memory: {}; what was there before is intact\n"
    "  next:  leave columns out (data.exclude), set model.threads: 1, or use a machine with more memory"
)
_FORBIDDEN = "no permission: {}{}\n  next:  choose another folder with --project, or change its permissions"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _explain_storage(error: BaseException) -> str | None:
    """Say what a full disk, a forbidden folder or a lack of memory means; libraries wrap them in their own errors."""
    for link in _chain(error):
        if isinstance(link, MemoryError):
            return _OUT_OF_MEMORY.format(str(link) or "the system gave no more")
        code = link.errno if isinstance(link, OSError) else None
        text = str(link)
        place = f"\n  where: {link.filename}" if isinstance(link, OSError) and link.filename else ""
        if code in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text or "disk is full" in text:
            return _FULL.format(place)
        if code in (errno.EACCES, errno.EPERM, errno.EROFS) or "readonly database" in text:
            return _FORBIDDEN.format(text, place)
    return None
