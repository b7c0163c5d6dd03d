"""What a request must be before it is read as rows: its size, form, and who sends it."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from tenure.errors import TenureError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
Headers = Sequence[tuple[bytes, bytes]]

_PROBLEMS_SHOWN = 1000
# Deep nesting is refused by the decoder's own bound on recursion.
_decode = msgspec.json.Decoder().decode


class Refused(TenureError):
    """A request that is not answered.

    status: of HTTP.  problems: one object a bad cell, if any; the first 1,000 are kept.
    allow: the method to use instead, of a 405.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        todo: str | None = None,
        problems: Sequence[dict[str, Any]] = (),
        allow: str = "POST",
    ) -> None:
        super().__init__(what, todo=todo)
        self.status = status
        self.allow = allow
        self.problems = list(problems[:_PROBLEMS_SHOWN])

    def headers(self) -> dict[str, str]:
        """What else the answer says in its head."""
        if self.status == 401:
            return {"www-authenticate": "Bearer"}
        if self.status == 405:
            return {"allow": self.allow}
        return {"retry-after": "1"} if self.status == 503 else {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        answer: dict[str, Any] = {"error": self.what}
        if self.todo:
            answer["next"] = self.todo
        if self.problems:
            answer["problems"] = self.problems
        return answer


class ClientGone(Exception):
    """The client has closed the connection before its request was complete."""


class Guard:
    """Checks the head of a request and reads its body, within the limits of a service."""

    def __init__(self, *, tokens: Sequence[str], max_body: int, patience: float) -> None:
        self._max_body = max_body
        self._patience = patience
        self._authorizations = [f"Bearer {token}".encode() for token in tokens]

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body of a POST with JSON. Raises Refused (401, 405, 413, 415) or ClientGone."""
        content_type, body = await self.read_any(scope, receive)
        if content_type != b"application/json":
            _check_content_type(content_type)
        return body

    async def read_any(self, scope: Scope, receive: Receive) -> tuple[bytes, bytes]:
        """Return the content type and the body of a POST. Raises Refused (401, 405, 413) or ClientGone."""
        if scope["method"] != "POST":
            raise _wrong_method(scope, "POST")
        content_type, authorization, length = b"", b"", b"0"
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = value
            elif name == b"authorization":
                authorization = value
        if self._authorizations:
            self._check_token(authorization)
        # A wrong number is the server's to refuse; what arrives is counted all the same.
        if length.isdigit() and int(length) > self._max_body:
            raise self._too_large()
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body = message["body"]
            if len(body) > self._max_body:
                raise self._too_large()
            return content_type, bytes(body)
        try:
            async with asyncio.timeout(self._patience):
                return content_type, await self._read_on(message, receive)
        except TimeoutError:
            raise Refused(
                408, f"the request was not complete after {self._patience:g} seconds", todo="send it again"
            ) from None

    def check_head(self, scope: Scope, method: str = "POST") -> None:
        """Check the method and the token of a request whose body is read elsewhere. Raises Refused (401, 405)."""
        if scope["method"] != method:
            raise _wrong_method(scope, method)
        if self._authorizations:
            self._check_token(next((v for n, v in scope["headers"] if n == b"authorization"), b""))

    async def _read_on(self, message: Message, receive: Receive) -> bytes:
        parts, size = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > self._max_body:
                raise self._too_large()
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    def _check_token(self, authorization: bytes) -> None:
        # The time of the comparison tells neither how much of a guess was right nor which token was near.
        if not sum([hmac.compare_digest(authorization, known) for known in self._authorizations]):
            raise Refused(401, "the token is missing or wrong", todo="send `Authorization: Bearer TOKEN`")

    def _too_large(self) -> Refused:
        return Refused(
            413,
            f"the request is larger than {self._max_body:,} bytes",
            todo="send fewer rows at once, or raise serve.max_body",
        )


def _wrong_method(scope: Scope, method: str) -> Refused:
    return Refused(405, f"{scope['method']} is not possible here", todo=f"use {method}", allow=method)


def _check_content_type(content_type: bytes) -> None:
    media = content_type.partition(b";")[0].strip().lower()
    if media in (b"", b"application/json") or (
        media.startswith(b"application/") and media.endswith(b"+json")
    ):
        return
    raise Refused(
        415,
        f"the content type is {media.decode('latin-1')!r}, not 'application/json'",
        todo="send JSON with `Content-Type: application/json`",
    )


def decode_json(body: bytes) -> Any:
    """Return the value of a JSON text. Raises Refused (400) if it is none.

    Strict: UTF-8 only, no NaN or infinity, no number beyond a double's range, no key twice in one object.
    """
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Refused(
            400, f"the body is not JSON: {error}", todo="send one row {...} or a list of rows"
        ) from None
    # One colon a key, and more only inside texts: the slow search for double keys is seldom needed.
    if body.count(b":") != _count_keys(value):
        _refuse_double_keys(body)
    return value


def _count_keys(value: Any) -> int:
    if type(value) is dict:
        return len(value)
    if type(value) is list:
        return sum(len(item) for item in value if type(item) is dict)
    return 0


def _refuse_double_keys(body: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Refused(400, f"the key {key!r} is there twice in one object", todo="send each key once")
            seen.add(key)

    json.loads(body, object_pairs_hook=check, parse_int=str)


# Answers are data: not to be taken for another type, nor kept by a cache on the way.
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


def answer_messages(
    status: int,
    body: bytes,
    media: bytes = b"application/json",
    headers: Headers = (),
) -> tuple[Message, Message]:
    """Return the two messages of an answer."""
    head = [(b"content-type", media), (b"content-length", b"%d" % len(body)), *_ALWAYS, *headers]
    return {"type": "http.response.start", "status": status, "headers": head}, {
        "type": "http.response.body",
        "body": body,
    }


async def send_refusal(
    send: Send,
    refused: Refused,
    body: bytes | None = None,
    *,
    status: int | None = None,
    media: bytes = b"application/json",
    headers: Headers = (),
) -> None:
    """Answer a refused request. body, status, media: as a protocol of others writes them. headers: more of them."""
    body = msgspec.json.encode(refused.body()) if body is None else body
    told = [(name.encode(), value.encode()) for name, value in refused.headers().items()]
    for message in answer_messages(status or refused.status, body, media, (*told, *headers)):
        await send(message)
