"""The two clients: one for plain code, one for event loops. Both send what requests.py makes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, overload

try:
    import httpx2 as httpx
except ModuleNotFoundError as error:
    from tenure.errors import ExtraMissing

    raise ExtraMissing("httpx2", "client") from error

from tenure.client.answers import Outcomes, Prediction
from tenure.client.requests import Call, Retries, no_answer, outcome_calls, prediction_calls

Row = Mapping[str, Any]


class _Base:
    """What both clients are told."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        batch: int = 1000,
        verify: Any = True,
        transport: Any = None,
    ) -> None:
        """Name the service.

        address: of the service, without a route.  token: sent as `Authorization: Bearer`.  timeout: seconds that an
        answer may take.  retries: how often a request is sent again that the service had no room for (503), or that
        could not be sent; one whose answer was lost is not, as its predictions may be in the journal.
        batch: rows of a request; longer lists are sent in several.  verify: False, or an SSL context, for TLS.
        transport: of httpx2, to reach an application in the same process.
        """
        self.address = address.rstrip("/")
        self._retries = retries
        self._batch = batch
        self._options: dict[str, Any] = {
            "base_url": self.address,
            "timeout": timeout,
            "headers": {"content-type": "application/json"}
            | ({} if token is None else {"authorization": f"Bearer {token}"}),
            "verify": verify,
            "transport": transport,
        }

    def _pause_after(self, error: httpx.TransportError, retries: Retries) -> float:
        """Seconds until a request that got no answer is sent again. Raises ServiceError if it is not."""
        pause = retries.after_error(never_sent=isinstance(error, _NEVER_SENT))
        if pause is None:
            raise no_answer(error, self.address) from error
        return pause

    def _settled(self, call: Call, answer: httpx.Response, retries: Retries) -> tuple[float | None, Any]:
        """Seconds until the request is sent again, or None and what its answer holds. Raises ServiceError."""
        pause = retries.after_answer(answer.status_code, answer.headers)
        if pause is not None:
            return pause, None
        return None, call.read(answer.status_code, answer.content, answer.headers, self.address)


class Client(_Base):
    """A connection to a service; to be closed, or used in a `with` block.

    with tenure.Client("http://127.0.0.1:8000") as client:
        one = client.predict({"tenure": 3, "contract": "Month-to-month"}, explain=3)
        many = client.predict(rows)
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._http = httpx.Client(**self._options)

    @overload
    def predict(self, rows: Row, *, explain: int = 0) -> Prediction: ...
    @overload
    def predict(self, rows: Iterable[Row], *, explain: int = 0) -> list[Prediction]: ...
    def predict(self, rows: Row | Iterable[Row], *, explain: int = 0) -> Prediction | list[Prediction]:
        """A Prediction for a row, a list of them for rows, in their order. explain: reasons to give for each.

        Raises ServiceError when the service refuses them, or does not answer.
        """
        calls = prediction_calls(rows, explain, self._batch)
        found: list[Prediction] = [p for call in calls for p in self._send(call).predictions]
        return found[0] if isinstance(rows, Mapping) else found

    def send_outcomes(self, outcomes: Sequence[Row]) -> Outcomes:
        """Give true labels: [{"id" or the row's id: ..., "outcome": ...}]; giving one again changes nothing."""
        return sum((self._send(call) for call in outcome_calls(outcomes, self._batch)), Outcomes())

    def is_ready(self) -> bool:
        """Whether a model is loaded; False too when nobody answers."""
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call) -> Any:
        retries = Retries(self._retries)
        while True:
            try:
                answer = self._http.post(call.path, content=call.body)
            except httpx.TransportError as error:
                pause = self._pause_after(error, retries)
            else:
                again, found = self._settled(call, answer, retries)
                if again is None:
                    return found
                pause = again
            time.sleep(pause)


class AsyncClient(_Base):
    """Client for an event loop; the requests of a long list go `together` at a time.

    async with tenure.AsyncClient("http://127.0.0.1:8000") as client:
        many = await client.predict(rows)
    """

    def __init__(self, *given: Any, together: int = 4, **options: Any) -> None:
        super().__init__(*given, **options)
        self._http = httpx.AsyncClient(**self._options)
        self._room = asyncio.Semaphore(together)

    @overload
    async def predict(self, rows: Row, *, explain: int = 0) -> Prediction: ...
    @overload
    async def predict(self, rows: Iterable[Row], *, explain: int = 0) -> list[Prediction]: ...
    async def predict(self, rows: Row | Iterable[Row], *, explain: int = 0) -> Prediction | list[Prediction]:
        """As Client.predict."""
        calls = prediction_calls(rows, explain, self._batch)
        answers = await self._gather(calls)
        found: list[Prediction] = [p for answer in answers for p in answer.predictions]
        return found[0] if isinstance(rows, Mapping) else found

    async def send_outcomes(self, outcomes: Sequence[Row]) -> Outcomes:
        """As Client.send_outcomes."""
        return sum(await self._gather(outcome_calls(outcomes, self._batch)), Outcomes())

    async def is_ready(self) -> bool:
        """As Client.is_ready."""
        try:
            return (await self._http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _gather(self, calls: Iterable[Call]) -> list[Any]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._send(call)) for call in calls]
        except ExceptionGroup as errors:  # one is enough to know
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _send(self, call: Call) -> Any:
        async with self._room:
            return await self._send_now(call)

    async def _send_now(self, call: Call) -> Any:
        retries = Retries(self._retries)
        while True:
            try:
                answer = await self._http.post(call.path, content=call.body)
            except httpx.TransportError as error:
                pause = self._pause_after(error, retries)
            else:
                again, found = self._settled(call, answer, retries)
                if again is None:
                    return found
                pause = again
            await asyncio.sleep(pause)


_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
