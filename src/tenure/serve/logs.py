"""Log lines as JSON, one object each, with the request they belong to."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime

from tenure.journal.identifiers import new_id

REQUEST: ContextVar[bytes | None] = ContextVar("request", default=None)
"""The id of the request that is being answered."""

_GIVEN = re.compile(rb"[\x21-\x7e]{1,128}")
# Version 00 of W3C Trace Context; the trace's id is the second part.
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The client's X-Request-ID, else the id of its trace (traceparent), else a new one.

    >>> request_id([(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")]) == b"a" * 32
    True
    """
    trace = None
    for name, value in headers:
        if name == b"x-request-id" and _GIVEN.fullmatch(value):
            return value
        if name == b"traceparent":
            trace = _TRACE.fullmatch(value)
    return trace[1] if trace is not None else new_id().encode()


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and request, error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := REQUEST.get()) is not None:
            line["request"] = request.decode()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def write_json_logs() -> None:
    """Write what this process logs as JSON to stderr, in place of lines for a person."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name, level in (("tenure", logging.INFO), ("uvicorn", logging.INFO)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
