"""MLflow's scoring server, as `mlflow models serve` answers: /invocations, /ping, /health and /version.

The same routes are what a SageMaker container must have. Protocol: https://mlflow.org/docs/latest/ml/deployment, the
section "Local Inference Server Specification"; what it says of errors was read from MLflow 3.17.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from email.message import Message
from typing import Any

import msgspec

from tenure.serve.champion import ServedModel
from tenure.serve.endpoint import Endpoint, Reply
from tenure.serve.limits import Headers, Receive, Refused, Scope, Send, decode_json, send_refusal
from tenure.serve.scoring import Answer, answer_rows

_encode = msgspec.json.encode
_JSON, _CSV = "application/json", "text/csv"
_PROBLEMS_SHOWN = 20
Rows = list[dict[str, Any]]


class Invocations(Endpoint):
    """The ASGI application behind POST /invocations."""

    route = "/invocations"

    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Answer rows in any of MLflow's forms; raises Refused."""
        service = self.service
        content_type, body = await service.guard.read_any(scope, receive)
        rows = _READERS[_media_of(content_type)](body)
        if not rows:
            raise Refused(400, "there are no rows to predict")
        if len(rows) > service.settings.max_rows:
            raise Refused(400, f"{len(rows):,} rows are more than {service.settings.max_rows:,}")
        model, answers = await answer_rows(service, rows, 0, started)
        told = {"predictions": [_told(model, a) for a in answers], "ids": [a["id"] for a in answers]}
        return Reply(_encode(told))

    async def refuse(self, send: Send, refused: Refused, headers: Headers) -> None:
        """As MLflow says no: plain text for a content type it does not take, else an error code and a message."""
        text = refused.what + (f"; {refused.todo}" if refused.todo else "")
        if refused.status == 415:
            await send_refusal(
                send, refused, text.encode(), media=b"text/plain; charset=utf-8", headers=headers
            )
            return
        told = [f"row {p['row']}, column {p['column']!r}: {p['rule']}" for p in refused.problems]
        message = "; ".join([text, *told[:_PROBLEMS_SHOWN]])
        status = 400 if refused.status == 422 else refused.status
        body = _encode({"error_code": _CODES.get(status, "INTERNAL_ERROR"), "message": message})
        await send_refusal(send, refused, body, status=status, headers=headers)


# Names of MLflow's own errors; it has no other.
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    405: "BAD_REQUEST",
    413: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


def _told(model: ServedModel, answer: Answer) -> dict[str, Any]:
    """What the model that tenure logs to MLflow says of a row: see tenure.mlflow_flavor."""
    if model.scorer.task == "regression":
        return {"prediction": answer["prediction"]}
    if model.scorer.task == "binary":
        return {"prediction": answer["prediction"], "probability": answer["probability"]}
    chances = {f"probability_{name}": chance for name, chance in answer["probabilities"].items()}
    return {"prediction": answer["prediction"], **chances}


def _media_of(content_type: bytes) -> str:
    """The content type of a request, if it is one that is taken. Raises Refused (415)."""
    headers = Message()
    headers["content-type"] = content_type.decode("latin-1") or _JSON
    parameters = {name.lower(): value for name, value in headers.get_params(failobj=[])[1:]}
    if parameters.pop("charset", "utf-8").lower() != "utf-8":
        raise Refused(415, "The scoring server only supports UTF-8")
    if parameters:
        raise Refused(415, f"Unrecognized content type parameters: {', '.join(parameters)}")
    media = headers.get_content_type()
    if media not in _READERS:
        raise Refused(
            415,
            "This predictor only supports the following content types: "
            f"Types: {list(_READERS)}. Got '{content_type.decode('latin-1')}'.",
        )
    return media


def _read_json(body: bytes) -> Rows:
    """Rows out of an object with exactly one of the four keys; other keys are not read, as MLflow does not."""
    value = _decode(body)
    must = f"The input must be a JSON dictionary with exactly one of the input fields {sorted(_FORMS)}"
    if type(value) is not dict:
        raise Refused(400, f"{must}. Received {'a list' if type(value) is list else 'something else'}.")
    given = [key for key in value if key in _FORMS]
    if len(given) != 1:
        raise Refused(400, f"{must}. Received dictionary with input fields: {list(value)}")
    return _FORMS[given[0]](value[given[0]])


def _decode(body: bytes) -> Any:
    """As decode_json, and NaN, which MLflow's client writes for an empty cell of a data frame, is null."""
    try:
        return decode_json(body)
    except Refused:
        if b"NaN" not in body:
            raise
        try:
            return json.loads(body, parse_constant=_CONSTANTS.__getitem__)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from None


_CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}


def _of_records(value: Any) -> Rows:
    if type(value) is not list or any(type(row) is not dict for row in value):
        raise Refused(400, "the rows must be a list of objects: [{column: value, ...}, ...]")
    return list(value)


def _of_split(value: Any) -> Rows:
    columns = value.get("columns") if type(value) is dict else None
    data = value.get("data") if type(value) is dict else None
    if type(columns) is not list or type(data) is not list or any(type(name) is not str for name in columns):
        raise Refused(400, 'dataframe_split must be {"columns": [name, ...], "data": [[value, ...], ...]}')
    if len(set(columns)) < len(columns):
        raise Refused(400, "a column is there twice in dataframe_split")
    for place, row in enumerate(data):
        if type(row) is not list or len(row) != len(columns):
            raise Refused(400, f"row {place} of dataframe_split must be a list of {len(columns)} values")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _of_columns(value: Any) -> Rows:
    """inputs: a list of values for each column, or, as pandas-free clients send it, rows."""
    if type(value) is not dict:
        return _of_records(value)
    if any(type(cells) is not list for cells in value.values()):
        raise Refused(400, "inputs must hold a list of values for each column")
    if len({len(cells) for cells in value.values()}) > 1:
        lengths = {name: len(cells) for name, cells in value.items()}
        raise Refused(400, f"the columns of inputs must be of one length, and have {lengths}")
    return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]


_FORMS: dict[str, Callable[[Any], Rows]] = {
    "dataframe_records": _of_records,
    "dataframe_split": _of_split,
    "inputs": _of_columns,
    "instances": _of_records,
}


def _read_csv(body: bytes) -> Rows:
    """Rows out of CSV text with a header; an empty cell is a missing one."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(400, f"the body is no CSV text in UTF-8: {error}") from None
    lines = [line for line in lines if line]
    if not lines:
        raise Refused(400, "the body is empty; it must be CSV with a header")
    header, rows = lines[0], lines[1:]
    if len(set(header)) < len(header):
        raise Refused(400, "a column is there twice in the header")
    for place, row in enumerate(rows):
        if len(row) != len(header):
            raise Refused(400, f"row {place} has {len(row)} cells, and the header has {len(header)}")
    return [{name: cell or None for name, cell in zip(header, row, strict=True)} for row in rows]


_READERS: dict[str, Callable[[bytes], Rows]] = {_CSV: _read_csv, _JSON: _read_json}
