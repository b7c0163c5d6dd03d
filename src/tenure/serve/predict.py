"""POST /predict and /explain: raw rows in, predictions out."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tenure.serve.endpoint import Endpoint, Reply
from tenure.serve.limits import Receive, Refused, Scope, decode_json
from tenure.serve.scoring import answer_rows
from tenure.serve.service import Service

_encode = msgspec.json.encode
# More effects than any model has columns.
EVERY_EFFECT = 9999


class PredictEndpoint(Endpoint):
    """The ASGI application behind POST /predict, and /explain, which gives every effect unless told how many."""

    def __init__(self, service: Service, route: str, n_reasons: int = 0) -> None:
        super().__init__(service)
        self.route = route
        self._n_reasons = n_reasons

    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Answer one request; raises Refused."""
        service = self.service
        body = await service.guard.read(scope, receive)
        n_reasons = count_reasons(scope["query_string"]) if scope["query_string"] else self._n_reasons
        rows = rows_of(decode_json(body), service.settings.max_rows)
        model, answers = await answer_rows(
            service, rows, n_reasons, started, skip=service.settings.skip_bad_rows
        )
        return Reply(_encode({"model": model.json, "predictions": answers}))


def rows_of(value: Any, max_rows: int) -> list[dict[str, Any]]:
    """The rows of a decoded body: an object is one. Raises Refused (422) for what is none, or too many."""
    if type(value) is dict:
        return [value]
    if type(value) is not list:
        raise Refused(422, "the body is neither a row nor a list of rows", todo="send {...} or [{...}, ...]")
    if not value:
        raise Refused(422, "the list of rows is empty", todo="send at least one row")
    if len(value) > max_rows:
        raise Refused(
            422, f"{len(value):,} rows are more than {max_rows:,}", todo="send them in several requests"
        )
    bad = [
        {
            "row": position,
            "column": "",
            "rule": "must be an object of columns",
            "value": _encode(row)[:80].decode("utf-8", "replace"),
        }
        for position, row in enumerate(value)
        if type(row) is not dict
    ]
    if bad:
        raise Refused(422, f"{len(bad)} row(s) are no objects; nothing was predicted", problems=bad)
    return value


def count_reasons(query: bytes) -> int:
    """Return N of ?explain=N, 0 without. Raises Refused (422) for anything else."""
    number = 0
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "explain":
            raise Refused(422, f"the parameter {name!r} is not known", todo="the only one is explain=N")
        if not (text.isascii() and text.isdigit() and len(text) < 5):
            raise Refused(
                422, f"explain is {text!r}, not a whole number", todo="send ?explain=3 for three reasons"
            )
        number = int(text)
    return number
