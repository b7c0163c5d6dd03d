"""Rows to requests, and whether one is sent again; without any network, so that both clients share it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from tenure.client.answers import Outcomes, Predictions, ServiceError, refusal_of

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Call:
    """One request. first_row: the place of its first row in what was given.  kind: what its answer holds."""

    path: str
    body: bytes
    first_row: int
    kind: type[Predictions] | type[Outcomes]

    def read(self, status: int, body: bytes, headers: Mapping[str, str], address: str) -> Any:
        """The answer. Raises ServiceError for a refusal, and for what no service of tenure answers."""
        if status != 200:
            raise refusal_of(status, body, headers, self.first_row, address)
        try:
            return msgspec.json.decode(body, type=self.kind)
        except msgspec.MsgspecError as error:
            raise ServiceError(
                f"the answer is not one of tenure's: {error}",
                status=status,
                where=address,
                todo="check the address",
            ) from error


def prediction_calls(
    rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], explain: int, batch: int
) -> Iterator[Call]:
    """Requests for these rows, `batch` rows in each."""
    path = f"/predict?explain={explain}" if explain else "/predict"
    return _calls([rows] if isinstance(rows, Mapping) else rows, path, batch, Predictions)


def outcome_calls(outcomes: Iterable[Mapping[str, Any]], batch: int) -> Iterator[Call]:
    """Requests that tell these outcomes."""
    return _calls(outcomes, "/outcomes", batch, Outcomes)


def _calls(rows: Iterable[Mapping[str, Any]], path: str, batch: int, kind: Any) -> Iterator[Call]:
    given, first = iter(rows), 0
    while chunk := list(islice(given, batch)):
        yield Call(path, msgspec.json.encode(chunk), first, kind)
        first += len(chunk)


class Retries:
    """How long to wait before a request is sent again; None: not again. Twice as long each time, with some chance."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._pause = _FIRST_PAUSE

    def after_answer(self, status: int, headers: Mapping[str, str]) -> float | None:
        """503 and 429 say that nothing was done, and perhaps when there is room again."""
        if status not in (429, 503):
            return None
        told = headers.get("retry-after", "")
        return self._next(float(told) if told.isdigit() else 0.0)

    def after_error(self, *, never_sent: bool) -> float | None:
        """What was sent may have been done: only what was not is sent again."""
        return self._next(0.0) if never_sent else None

    def _next(self, least: float) -> float | None:
        if not self._left:
            return None
        self._left -= 1
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return max(least, pause) * random.uniform(1.0, 1.3)


def no_answer(error: Exception, address: str) -> ServiceError:
    """The error of a request that got no answer."""
    return ServiceError(
        f"the service did not answer: {error or type(error).__name__}",
        where=address,
        todo="see that it runs (`tenure serve`), and at this address",
    )
