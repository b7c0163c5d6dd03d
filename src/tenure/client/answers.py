"""What a service answers, as typed values, and how its refusals are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tenure.errors import TenureError


class Reason(msgspec.Struct, frozen=True):
    """What one column did to one score. value: as it was given.  effect: in the unit of the score."""

    column: str
    value: Any
    effect: float
    text: str


class Problem(msgspec.Struct, frozen=True):
    """A cell that breaks a rule. row: its place in the rows that were given."""

    column: str
    rule: str
    value: str
    row: int = 0


class Interval(msgspec.Struct, frozen=True):
    """From where to where a number is expected."""

    low: float
    high: float


class Prediction(msgspec.Struct, frozen=True):
    """The answer for one row.

    id: of the prediction in the journal; None for a row that was refused, see problems.  prediction: a label, or a
    number.  probability: of the positive class, or of the predicted one of several; None for a number.
    probabilities: of several classes.  reasons, score, base, rest: when effects were asked for; base + effects + rest
    is the score.  warnings: cells that break a rule of schema.json and were scored.
    problems: why the row was not scored; only where the service answers good rows beside bad ones.
    version: of the model, where it is not the champion that answered.
    """

    id: str | None = None
    prediction: str | float | None = None
    probability: float | None = None
    probabilities: dict[str, float] | None = None
    interval: Interval | None = None
    set: list[str] | None = None
    score: float | None = None
    base: float | None = None
    rest: float | None = None
    reasons: list[Reason] = []
    warnings: list[Problem] = []
    problems: list[Problem] = []
    version: str | None = None


class Outcomes(msgspec.Struct, frozen=True):
    """What became of true labels. unknown: ids of no prediction."""

    recorded: int = 0
    already: int = 0
    corrected: int = 0
    unknown: list[str] = []

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(
            self.recorded + other.recorded,
            self.already + other.already,
            self.corrected + other.corrected,
            [*self.unknown, *other.unknown],
        )


class Predictions(msgspec.Struct, frozen=True):
    """The body of an answer to rows."""

    model: dict[str, str]
    predictions: list[Prediction]


class ServiceError(TenureError):
    """A request that the service refused, or that did not reach it.

    status: of HTTP; None when there was no answer.  problems: the bad cells, by the place of their row in what was
    given.  request: the id by which the service's log knows the request.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        todo: str | None = None,
        problems: Sequence[Problem] = (),
        request: str | None = None,
        where: str | None = None,
    ) -> None:
        super().__init__(what, where=where, todo=todo)
        self.status = status
        self.problems = list(problems)
        self.request = request


def refusal_of(
    status: int, body: bytes, headers: Mapping[str, str], first_row: int, address: str
) -> ServiceError:
    """The error that an answer other than 200 stands for. first_row: the place of the request's first row."""
    try:
        told = msgspec.json.decode(body)
        problems = msgspec.convert(told.get("problems", []), list[Problem])
    except (msgspec.MsgspecError, AttributeError):
        told, problems = {"error": body.decode(errors="replace")[:200]}, []
    return ServiceError(
        f"{status}: {told.get('error', 'no reason was given')}",
        status=status,
        todo=told.get("next"),
        problems=[msgspec.structs.replace(p, row=p.row + first_row) for p in problems],
        request=headers.get("x-request-id"),
        where=address,
    )
