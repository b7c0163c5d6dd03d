"""Rows to answers, whatever protocol they came by: scored, in the journal, and counted, before any is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import msgspec

from tenure.errors import JournalError, RowsRefused
from tenure.journal.entries import A_ROW_ID, NewPrediction, names_a_row, row_key
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.redaction import Redaction
from tenure.prepare.rows import CleanValue
from tenure.prepare.tokens import shown
from tenure.records import CellProblem, Explanation, Score
from tenure.release.scorer import Scored
from tenure.serve.champion import ServedModel
from tenure.serve.limits import Refused
from tenure.serve.service import Service

log = logging.getLogger(__name__)

_encode = msgspec.json.encode
# Other requests get their turn after so many rows of a list: some 1.5 ms. More would save little.
_ROWS_AT_A_TIME = 128

Answer = dict[str, Any]
"""What /predict says of one row: id, prediction, and what else there is. See docs/service.md."""


async def answer_rows(
    service: Service, rows: list[dict[str, Any]], n_reasons: int, started: float, *, skip: bool = False
) -> tuple[ServedModel, list[Answer]]:
    """Answer rows with the champion, in their order; each is on disk and counted when this returns.

    n_reasons: effects to give for each row; 0 for none.  started: perf_counter() when the request came.
    skip: in the place of a bad row stand its problems; only if all are bad, they are refused.
    Raises Refused: 422 that names every bad cell of every row, 503 for too many requests at once, and without a model
    or a journal that can be written.
    """
    service.admit()
    try:
        return await _answer(service, rows, n_reasons, started, skip)
    finally:
        service.leave()


async def _answer(
    service: Service, rows: list[dict[str, Any]], n_reasons: int, started: float, skip: bool
) -> tuple[ServedModel, list[Answer]]:
    model = service.model()
    if len(rows) >= _ROWS_AT_A_TIME:
        model.expect_lists()
    note_gaps = partial(service.metrics.count_gaps, model.scorer.feature_names)
    answers, entries = await predict_rows(
        model, rows, n_reasons, started, skip=skip, note_gaps=note_gaps, redaction=service.settings.redaction
    )
    if service.journal is not None:
        given = perf_counter()
        try:
            if not (service.settings.relaxed and service.journal.add_soon(entries)):
                await service.journal.add_predictions(entries)
        except JournalError as error:
            log.error("a prediction was not answered: %s", error)
            raise Refused(
                503,
                "the prediction could not be written to the journal and is not given",
                todo="try again later",
            ) from error
        service.metrics.count_journal_seconds(perf_counter() - given)
    metrics = service.metrics
    metrics.count_predictions(model.version, [entry.prediction for entry in entries])
    for answer in answers:
        if "warnings" in answer:
            metrics.count_warnings(answer["warnings"], model.scorer.warned_names)
        elif "problems" in answer:
            metrics.count_bad_cells(answer["problems"], model.scorer.warned_names)
    if service.shadow is not None:
        service.shadow.show(rows, answers)
    return model, answers


async def predict_rows(
    model: ServedModel,
    rows: list[dict[str, Any]],
    n_reasons: int,
    started: float,
    *,
    skip: bool = False,
    note_gaps: Callable[[Sequence[CleanValue]], object] = len,
    redaction: Redaction | None = None,
) -> tuple[list[Answer], list[NewPrediction]]:
    """Score rows; return an answer for each, in their order, and the journal's entries for those that are predicted.

    n_reasons: effects to give for each row; 0 for none.  started: perf_counter() when the request came.
    redaction: what of a row the entries may hold.
    note_gaps: is shown the clean values of rows with a missing cell or an unseen level.
    skip: a bad row's answer is its problems. If not, or if all are bad, raises Refused (422) that names every bad cell
    of every row; then nothing is predicted.
    """
    id_column = model.scorer.recipe.id
    answers: list[Answer] = []
    entries: list[NewPrediction] = []
    problems: list[CellProblem] = []
    # explaining a row takes as long as scoring a hundred
    step = 1 if n_reasons else _ROWS_AT_A_TIME
    for start in range(0, len(rows), step):
        if start:
            await asyncio.sleep(0)
        piece = rows[start : start + step]
        for position, (row, scored) in enumerate(zip(piece, _score(model, piece), strict=True), start):
            if isinstance(scored, RowsRefused):
                found = [replace(problem, row=position) for problem in scored.problems]
                problems += found
                answers.append({"problems": _told(found)})
                continue
            score, gaps = scored
            if problems and not skip:
                continue  # the rows after a bad one are only checked
            if gaps is not None:
                note_gaps(gaps)
            identifier, at = new_id_and_time()
            answer = _answer_of(identifier, score)
            if n_reasons:
                answer.update(_reasons_of(model.scorer.explain_row(row, n_reasons)))
            answers.append(answer)
            entries.append(
                NewPrediction(
                    identifier,
                    None if id_column is None else row_key(row.get(id_column)),
                    at,
                    model.name,
                    model.version,
                    model.release,
                    _encode(row if redaction is None else redaction.of(row)).decode(),
                    score.prediction,
                    score.probability,
                    _encode(score.margins).decode(),
                    _encode(answer["probabilities"]).decode() if "probabilities" in answer else None,
                    perf_counter() - started,
                )
            )
    if problems and not (skip and entries):
        raise _bad_rows(problems)
    return answers, entries


def _score(model: ServedModel, rows: Sequence[dict[str, Any]]) -> list[Scored | RowsRefused]:
    """As Scorer.score_rows; rows that no id names are refused for that alone."""
    found = model.scorer.score_rows(rows)
    id_column = model.scorer.recipe.id
    if id_column is not None:
        for place, row in enumerate(rows):
            row_id = row.get(id_column)
            if not names_a_row(row_id):
                found[place] = RowsRefused([CellProblem(0, id_column, A_ROW_ID, shown(row_id))])
    return found


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
        problems=_told(problems),
    )


def _told(problems: Sequence[CellProblem]) -> list[dict[str, Any]]:
    return [{"row": p.row, "column": p.column, "rule": p.rule, "value": p.value} for p in problems]
