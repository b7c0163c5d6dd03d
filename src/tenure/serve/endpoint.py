"""What every route with a body shares: one request read, answered or refused, timed and counted.

A bare ASGI endpoint: a framework's own request handling would cost more than the score.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from time import perf_counter
from typing import NamedTuple

from tenure.serve.limits import (
    ClientGone,
    Headers,
    Receive,
    Refused,
    Scope,
    Send,
    answer_messages,
    send_refusal,
)
from tenure.serve.logs import REQUEST, request_id
from tenure.serve.service import Service

log = logging.getLogger(__name__)

JSON = b"application/json"


class Reply(NamedTuple):
    """The body of an answer, and how it is written."""

    body: bytes
    media: bytes = JSON


class Endpoint(ABC):
    """An ASGI application that answers requests in one protocol. route: how the metrics name it."""

    route: str

    def __init__(self, service: Service) -> None:
        self.service = service

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive, started: float) -> Reply:
        """Answer one request; raises Refused. started: perf_counter() when it came."""

    async def refuse(self, send: Send, refused: Refused, headers: Headers) -> None:
        """Say no in the words of the protocol. headers: to be sent with it."""
        await send_refusal(send, refused, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raises but when the connection is gone."""
        started = perf_counter()
        request = request_id(scope["headers"])
        REQUEST.set(request)
        headers = ((b"x-request-id", request),)
        try:
            self.service.admission.check()  # before anything is read: saying no must cost next to nothing
            body, media = await self.answer(scope, receive, started)
        except ClientGone:
            return
        except Refused as refused:
            if refused.status == 503:
                await asyncio.sleep(0)  # answers that are ready go first
            self.service.note_refusal(refused)
            await self.refuse(send, refused, headers)
            return
        except (
            Exception
        ):  # middleware is not in the way of this endpoint: a fault of ours ends here, logged and counted
            log.exception("a request failed: %s", self.route)
            self.service.metrics.count_refusal(500)
            await self.refuse(send, Refused(500, "the service failed; its log says why"), headers)
            return
        head, content = answer_messages(200, body, media, headers)
        await send(head)
        await send(content)
        self.service.metrics.count_seconds(self.route, self.service.champion.model, perf_counter() - started)
