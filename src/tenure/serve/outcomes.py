"""POST /outcomes: true labels that arrived later, joined to their predictions."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from tenure.errors import JournalError
from tenure.journal.entries import A_ROW_ID, GivenOutcome, OutcomeReport, names_a_row, row_key
from tenure.prepare.recipe import Recipe
from tenure.prepare.tokens import shown
from tenure.serve.endpoint import Endpoint, Reply
from tenure.serve.labels import label_rule, read_label
from tenure.serve.limits import Receive, Refused, Scope, decode_json

log = logging.getLogger(__name__)

_EXAMPLE = '[{"id": "...", "outcome": "..."}]'


class OutcomesEndpoint(Endpoint):
    """The ASGI application behind POST /outcomes."""

    route = "/outcomes"

    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Record what one request tells, and report; raises Refused."""
        report = await self._record(await self.service.guard.read(scope, receive))
        return Reply(msgspec.json.encode(report))

    async def _record(self, body: bytes) -> OutcomeReport:
        service = self.service
        value = decode_json(body)
        items = [value] if type(value) is dict else value
        if type(items) is not list or not items:
            raise Refused(422, "the body is not a list of outcomes", todo=f"send {_EXAMPLE}")
        if len(items) > service.settings.max_rows:
            raise Refused(422, f"{len(items):,} outcomes are more than {service.settings.max_rows:,}")
        outcomes = read_outcomes(items, service.model().scorer.recipe)
        if service.journal is None:
            raise Refused(
                409, "this service keeps no journal", todo="set serve.log to journal and start again"
            )
        try:
            report = await service.journal.add_outcomes(outcomes)
        except JournalError as error:
            log.error("outcomes were not recorded: %s", error)
            raise Refused(
                503, "the outcomes could not be written to the journal", todo="send them again"
            ) from error
        for result in ("recorded", "already", "corrected"):
            service.metrics.count_outcomes(result, getattr(report, result))
        service.metrics.count_outcomes("unknown", len(report.unknown))
        return report


def read_outcomes(items: list[Any], recipe: Recipe) -> list[GivenOutcome]:
    """Return outcomes as the journal takes them, the labels in the spelling of the model's classes.

    A row is named by "id" (of its prediction), by "row_id", or by the id column of the data.
    Raises Refused (422) that names every bad item.
    """
    outcomes: list[GivenOutcome] = []
    problems: list[dict[str, Any]] = []
    for position, item in enumerate(items):
        found = _read(item, recipe)
        if isinstance(found, GivenOutcome):
            outcomes.append(found)
        else:
            problems.append({"row": position, **found})
    if problems:
        raise Refused(
            422,
            f"{len(problems)} bad outcome(s); none was recorded",
            todo=f"send {_EXAMPLE}; the outcome {label_rule(recipe.target)}",
            problems=problems,
        )
    return outcomes


def _read(item: Any, recipe: Recipe) -> GivenOutcome | dict[str, str]:
    if type(item) is not dict:
        return {"column": "", "rule": "must be an object with an id and an outcome", "value": shown(item)}
    names = {"id", "row_id", "outcome", *([recipe.id] if recipe.id else [])}
    for name in item:
        if name not in names:
            return {
                "column": name,
                "rule": f"is not one of {', '.join(sorted(names))}",
                "value": shown(item[name]),
            }
    for name in names - {"outcome"}:
        if not names_a_row(item.get(name)):
            return {"column": name, "rule": A_ROW_ID, "value": shown(item[name])}
    given_id, row_id = row_key(item.get("id")), row_key(item.get("row_id"))
    if row_id is None and recipe.id is not None:
        row_id = row_key(item.get(recipe.id))
    if given_id is None and row_id is None:
        return {"column": "id", "rule": "must name a prediction or a row", "value": shown(item.get("id"))}
    label = read_label(recipe.target, item.get("outcome"))
    if label is None:
        return {"column": "outcome", "rule": label_rule(recipe.target), "value": shown(item.get("outcome"))}
    return GivenOutcome(given_id, row_id, label)
