"""POST /predict: raw rows in, predictions out, each in the journal before its answer leaves.

A bare ASGI endpoint: a framework's own request handling would cost more than the score.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tenure.errors import JournalError, RowsRefused
from tenure.journal.entries import NewPrediction, row_key
from tenure.journal.identifiers import new_id_and_time
from tenure.records import CellProblem, Explanation, Score
from tenure.serve.champion import ServedModel
from tenure.serve.limits import (
    ClientGone,
    Receive,
    Refused,
    Scope,
    Send,
    decode_json,
    json_answer,
    send_refusal,
)
from tenure.serve.service import Service

log = logging.getLogger(__name__)

_encode = msgspec.json.encode
# Other requests get their turn after so many rows of a list.
_ROWS_AT_A_TIME = 32
_PROBLEMS_SHOWN = 1000


class PredictEndpoint:
    """The ASGI application behind POST /predict."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._observe = service.metrics.predict_seconds.observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raises but when the connection is gone."""
        started = perf_counter()
        try:
            body = await self._answer(scope, receive, started)
        except ClientGone:
            return
        except Refused as refused:
            self._service.note_refusal(refused)
            await send_refusal(send, refused)
            return
        except (
            Exception
        ):  # middleware is not in the way of this endpoint: a fault of ours ends here, logged and counted
            log.exception("a request for predictions failed")
            self._service.metrics.count_refusal(500)
            await send_refusal(send, Refused(500, "the service failed; its log says why"))
            return
        head, content = json_answer(200, body)
        await send(head)
        await send(content)
        self._observe(perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, started: float) -> bytes:
        service = self._service
        body = await service.guard.read(scope, receive)
        n_reasons = _n_reasons(scope["query_string"]) if scope["query_string"] else 0
        rows = _rows_of(decode_json(body), service.settings.max_rows)
        model = service.model()
        answers, entries = await predict_rows(model, rows, n_reasons, started)
        if service.journal is not None:
            try:
                await service.journal.add_predictions(entries)
            except JournalError as error:
                log.error("a prediction was not answered: %s", error)
                raise Refused(
                    503,
                    "the prediction could not be written to the journal and is not given",
                    todo="try again later",
                ) from error
        for entry, answer in zip(entries, answers, strict=True):
            service.metrics.count_prediction(model.version, entry.prediction)
            if "warnings" in answer:
                service.metrics.count_warnings(answer["warnings"], model.scorer.warned_names)
        return _encode({"model": model.json, "predictions": answers})


async def predict_rows(
    model: ServedModel, rows: list[dict[str, Any]], n_reasons: int, started: float
) -> tuple[list[dict[str, Any]], list[NewPrediction]]:
    """Score rows; return the answers and the journal's entries, in the order of rows.

    n_reasons: effects to give for each row; 0 for none.  started: perf_counter() when the request came.
    Raises Refused (422) that names every bad cell of every row; then nothing is predicted.
    """
    scorer = model.scorer
    row_id_column = scorer.recipe.id
    answers: list[dict[str, Any]] = []
    entries: list[NewPrediction] = []
    problems: list[CellProblem] = []
    for position, row in enumerate(rows):
        if position and (n_reasons or position % _ROWS_AT_A_TIME == 0):
            await asyncio.sleep(0)
        try:
            score = scorer.score_row(row)
        except RowsRefused as refused:
            problems += [replace(problem, row=position) for problem in refused.problems]
            continue
        if problems:
            continue  # the rows after a bad one are only checked
        identifier, at = new_id_and_time()
        answer = _answer_of(identifier, score)
        if n_reasons:
            answer.update(_reasons_of(scorer.explain_row(row, n_reasons)))
        answers.append(answer)
        entries.append(
            NewPrediction(
                identifier,
                None if row_id_column is None else row_key(row.get(row_id_column)),
                at,
                model.name,
                model.version,
                model.release,
                _encode(row).decode(),
                score.prediction,
                score.probability,
                _encode(score.margins).decode(),
                _encode(answer["probabilities"]).decode() if "probabilities" in answer else None,
                perf_counter() - started,
            )
        )
    if problems:
        raise _bad_rows(problems)
    return answers, entries


def _answer_of(identifier: str, score: Score) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": identifier, "prediction": score.prediction}
    if score.probability is not None:
        answer["probability"] = score.probability
    if score.interval is not None:
        answer["interval"] = dict(zip(("low", "high"), score.interval, strict=True))
    # For two classes the one probability says it all.
    if score.probabilities is not None and len(score.probabilities) > 2:
        answer["probabilities"] = score.probabilities
    if score.label_set is not None:
        answer["set"] = score.label_set
    if score.warnings:
        answer["warnings"] = [
            {"column": problem.column, "rule": problem.rule, "value": problem.value}
            for problem in score.warnings
        ]
    return answer


def _reasons_of(explanation: Explanation) -> dict[str, Any]:
    """Return base + sum of the effects + rest = score, as it stands in an answer."""
    return {
        "score": explanation.score,
        "base": explanation.base,
        "rest": explanation.rest,
        "reasons": [
            {"column": effect.column, "value": effect.value, "effect": effect.effect, "text": effect.text}
            for effect in explanation.effects
        ],
    }


def _bad_rows(problems: list[CellProblem]) -> Refused:
    n_rows = len({problem.row for problem in problems})
    return Refused(
        422,
        f"{len(problems)} bad cell(s) in {n_rows} row(s); nothing was predicted",
        todo="mend the cells named in problems; GET /docs shows what each column holds",
        problems=[
            {"row": p.row, "column": p.column, "rule": p.rule, "value": p.value}
            for p in problems[:_PROBLEMS_SHOWN]
        ],
    )


def _rows_of(value: Any, max_rows: int) -> list[dict[str, Any]]:
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
        raise Refused(
            422, f"{len(bad)} row(s) are no objects; nothing was predicted", problems=bad[:_PROBLEMS_SHOWN]
        )
    return value


def _n_reasons(query: bytes) -> int:
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
