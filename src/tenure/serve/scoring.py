"""Rows to answers, whatever protocol they came by: scored, in the journal, and counted, before any is given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import msgspec

from tenure.errors import JournalError, RowsRefused
from tenure.journal.entries import A_ROW_ID, NewPrediction, names_a_row, row_key
from tenure.journal.identifiers import new_id_and_time
from tenure.journal.redaction import Redaction
from tenure.prepare.rows import CleanValue
from tenure.prepare.tokens import shown
from tenure.records import CellProblem, Explanation, Score
from tenure.release.scorer import Scored
from tenure.serve.canary import Canary
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
    service: Service,
    rows: list[dict[str, Any]],
    n_reasons: int,
    started: float,
    *,
    skip: bool = False,
    may_share: bool = True,
) -> tuple[ServedModel, list[Answer]]:
    """Answer rows in their order; each is on disk and counted when this returns.

    Returns the champion, or the version with a share if that has answered all of them.
    n_reasons: effects to give for each row; 0 for none.  started: perf_counter() when the request came.
    skip: in the place of a bad row stand its problems; only if all are bad, they are refused.
    may_share: whether a version with a share of the rows may answer.
    Raises Refused: 422 that names every bad cell of every row, 503 for too many requests at once, and without a model
    or a journal that can be written.
    """
    service.admission.enter()
    try:
        asked = Asked(rows, n_reasons, started, skip)
        return await _answer(service, asked, service.canary if may_share else None)
    finally:
        service.admission.leave()


class Asked(NamedTuple):
    """What a request asks for; see answer_rows."""

    rows: list[dict[str, Any]]
    n_reasons: int
    started: float
    skip: bool


async def _answer(service: Service, asked: Asked, canary: Canary | None) -> tuple[ServedModel, list[Answer]]:
    champion = service.model()
    model = champion
    theirs = [] if canary is None else canary.places(champion, asked.rows)
    if canary is not None and theirs:
        model, answers, entries = await _answer_by_two(service, champion, canary, theirs, asked)
    else:
        answers, entries = await _predict(service, champion, asked)
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
    metrics.count_predictions(entries)
    for answer in answers:
        if "warnings" in answer:
            metrics.count_warnings(answer["warnings"], model.scorer.warned_names)
        elif "problems" in answer:
            metrics.count_bad_cells(answer["problems"], model.scorer.warned_names)
    if service.shadow is not None:
        service.shadow.show(asked.rows, answers, champion.version)
    return model, answers


async def _predict(
    service: Service, model: ServedModel, asked: Asked
) -> tuple[list[Answer], list[NewPrediction]]:
    if len(asked.rows) >= _ROWS_AT_A_TIME:
        model.expect_lists()
    return await predict_rows(
        model,
        asked.rows,
        asked.n_reasons,
        asked.started,
        skip=asked.skip,
        note_gaps=partial(service.metrics.count_gaps, model.scorer.feature_names),
        redaction=service.settings.redaction,
    )


async def _answer_by_two(
    service: Service, champion: ServedModel, canary: Canary, theirs: list[int], asked: Asked
) -> tuple[ServedModel, list[Answer], list[NewPrediction]]:
    """theirs: places of the rows that fall to the version with a share. What it cannot answer, the champion answers."""
    rows = asked.rows
    answers: dict[int, Answer] = {}
    entries: dict[int, NewPrediction] = {}

    def take(places: list[int], found: list[Answer], made: list[NewPrediction]) -> None:
        made_in_order = iter(made)
        for place, answer in zip(places, found, strict=True):
            if "id" in answer:
                entries[place] = next(made_in_order)
            else:
                answer["problems"] = [{**problem, "row": place} for problem in answer["problems"]]
            answers[place] = answer

    for place, answer, entry in await _try(service, canary, theirs, asked):
        answers[place], entries[place] = answer, entry
    service.metrics.count_canary(canary.version, answered=len(answers), passed_on=len(theirs) - len(answers))
    rest = [place for place in range(len(rows)) if place not in answers]
    if rest:
        try:
            take(
                rest, *await _predict(service, champion, asked._replace(rows=[rows[place] for place in rest]))
            )
        except Refused as refused:
            problems = [{**problem, "row": rest[problem["row"]]} for problem in refused.problems]
            if not (asked.skip and answers and problems):
                raise Refused(refused.status, refused.what, todo=refused.todo, problems=problems) from None
            for place in rest:
                answers[place] = {"problems": [p for p in problems if p["row"] == place]}
    in_order = range(len(rows))
    model = champion if rest or canary.model is None else canary.model
    return model, [answers[place] for place in in_order], [entries[p] for p in in_order if p in entries]


async def _try(
    service: Service, canary: Canary, theirs: list[int], asked: Asked
) -> list[tuple[int, Answer, NewPrediction]]:
    """Place, answer and entry of the rows that the version with a share can answer; its faults end here."""
    if canary.model is None:
        return []
    wanted = asked._replace(rows=[asked.rows[place] for place in theirs], skip=True)
    try:
        answers, entries = await _predict(service, canary.model, wanted)
    except Refused:
        return []
    except Exception as error:
        canary.complain(error)
        return []
    answered = [
        (place, {**answer, "version": canary.version})
        for place, answer in zip(theirs, answers, strict=True)
        if "id" in answer
    ]
    return [(place, answer, entry) for (place, answer), entry in zip(answered, entries, strict=True)]


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
        n_effects = 0 if problems and not skip else n_reasons  # the rows after a bad one are only checked
        for position, (row, scored) in enumerate(
            zip(piece, _score(model, piece, n_effects), strict=True), start
        ):
            if isinstance(scored, RowsRefused):
                found = [replace(problem, row=position) for problem in scored.problems]
                problems += found
                answers.append({"problems": _told(found)})
                continue
            score, gaps, explanation = scored
            if problems and not skip:
                continue
            if gaps is not None:
                note_gaps(gaps)
            identifier, at = new_id_and_time()
            answer = _answer_of(identifier, score)
            if explanation is not None:
                answer.update(_reasons_of(explanation))
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


def _score(model: ServedModel, rows: Sequence[dict[str, Any]], n_effects: int) -> list[Scored | RowsRefused]:
    """As Scorer.score_rows, explained by so many effects; rows that no id names are refused for that alone."""
    scorer = model.scorer
    found = [scorer.score_explained(row, n_effects) for row in rows] if n_effects else scorer.score_rows(rows)
    id_column = scorer.recipe.id
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
