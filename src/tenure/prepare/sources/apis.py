"""Rows of an HTTP JSON API, page after page: by link, cursor, offset or page number."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import msgspec
import polars as pl

from tenure.config import Secrets, SourceConfig
from tenure.config.sources import ApiConfig, quote_in_address
from tenure.errors import SourceError
from tenure.prepare.sources.collected import Batch, Stream
from tenure.prepare.sources.values import frame_of
from tenure.prepare.sources.web import TRIES, Web, wait_before

log = logging.getLogger(__name__)

# Small, so that little is asked for again after an interruption.
PART_ROWS = 5_000

Row = Mapping[str, Any]


def stream_of(config: SourceConfig, secrets: Secrets, limit: int | None = None) -> Stream:
    """The rows of an API, a page a batch; limit: no more pages once so many rows came.

    Raises SourceError for an answer that is not as data.api says, and for a server that repeats itself.
    """
    api = config.api or ApiConfig()
    address = secrets.expand(config.source, "data.source", quote_in_address)

    def stream(after: Any) -> Generator[Batch]:
        web = Web(config, secrets)
        place = after or _first(api)
        seen = {_mark(place)}
        before: set[bytes] = set()
        last_page = b""
        n_rows = 0
        while place is not None:
            body, links = _page(web, address, api, place)
            rows = _records(body, api, web)
            digest = b"".join(keys := [_digest(row) for row in rows])
            if rows and digest == last_page:
                raise web.fault(
                    f"two pages in a row hold the same {len(rows)} rows: the server does not heed "
                    f"{_parameter(api)!r}",
                    "correct data.api.pages and data.api.parameter",
                )
            n_again = sum(key in before for key in keys)
            last_page, before = digest, set(keys)
            n_rows += len(rows)
            place = _next(web, address, api, place, body, links, len(rows))
            if place is not None and _mark(place) in seen:
                raise web.fault(
                    "the server leads back to a page that was read already", "correct data.api.cursor"
                )
            seen.add(_mark(place))
            if rows:
                yield Batch(_frame(rows, web.where), place, n_again)
            if limit is not None and n_rows >= limit:
                break

    return stream


def _first(api: ApiConfig) -> dict[str, Any]:
    """The place of the first page: what is asked for beside the address."""
    if api.pages == "offset":
        return {"offset": 0}
    if api.pages == "page":
        return {"page": api.first}
    return {"cursor": None}


def _mark(place: dict[str, Any] | None) -> str:
    return "" if place is None else msgspec.json.encode(place).decode()


def _parameter(api: ApiConfig) -> str:
    return api.parameter or api.pages or "page"


def _page(web: Web, address: str, api: ApiConfig, place: dict[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """One page as JSON, and its Link header; asked for again when the answer breaks off."""
    import requests

    asked = place.get("link") or address
    parameters: dict[str, Any] = {}
    if api.size and "link" not in place:
        parameters[api.size] = api.page_size
    for key in ("offset", "page", "cursor"):
        if place.get(key) is not None:
            parameters[_parameter(api)] = place[key]
    problem = ""
    for attempt in range(1, TRIES + 1):
        try:
            answer = web.get(asked, parameters, stream=True)
            return msgspec.json.decode(answer.content), answer.links
        except (requests.RequestException, OSError):
            problem = "the answer breaks off"
        except msgspec.DecodeError as error:
            problem = f"the answer is no JSON: {error}"
        log.info("asking %s again: %s", web.where, problem)
        wait_before(attempt)
    raise web.fault(f"{problem}, {TRIES} times in a row", "check data.source; run again to go on")


def _records(body: Any, api: ApiConfig, web: Web) -> list[Row]:
    found = body
    for name in api.records.split(".") if api.records else ():
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        if bad := next((row for row in found if not isinstance(row, dict)), None):
            raise web.fault(f"a row must be an object, got {str(bad)[:50]!r}", "correct data.api.records")
        return found
    lists = ", ".join(_lists_in(body)) or "none"
    what = f"{api.records!r} is no list of rows" if api.records else "the answer is no list of rows"
    raise web.fault(f"{what}; the lists in it are: {lists}", "name the list of rows in data.api.records")


def _lists_in(body: Any, prefix: str = "") -> Iterator[str]:
    """Dotted paths of the lists in an answer."""
    for name, value in body.items() if isinstance(body, dict) else ():
        if isinstance(value, list):
            yield prefix + name
        else:
            yield from _lists_in(value, f"{prefix}{name}.")


def _next(
    web: Web,
    address: str,
    api: ApiConfig,
    place: dict[str, Any],
    body: Any,
    links: Mapping[str, Any],
    n_rows: int,
) -> dict[str, Any] | None:
    """The place of the next page; None behind the last.

    By offset and page number only an empty page is the last one: a server may give fewer rows than it is asked for.
    """
    if api.pages is None:
        return None
    if api.pages == "offset":
        return {"offset": place["offset"] + n_rows} if n_rows else None
    if api.pages == "page":
        return {"page": place["page"] + 1} if n_rows else None
    if api.cursor is None:
        found = links.get("next", {}).get("url")
    else:
        found = body
        for name in api.cursor.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if found is None or found in ("", False):
        return None
    if api.pages == "link":
        return {"link": web.same_host(urljoin(place.get("link") or address, str(found)), address)}
    return {"cursor": found}


def _digest(row: Row) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(row, order="sorted"), digest_size=16).digest()


def _frame(rows: list[Row], where: str) -> pl.DataFrame:
    """The rows of a page; an object inside a row becomes columns of its own, named with dots."""
    flat = [dict(_flat(row)) if any(type(v) is dict for v in row.values()) else row for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    if not names:
        raise SourceError("the rows have no columns", where=where, todo="correct data.api.records")
    return frame_of({name: [row.get(name) for row in flat] for name in names}, where)


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The cells of a row.

    >>> dict(_flat({"id": 1, "plan": {"name": "Plus", "price": 9.5}}))
    {'id': 1, 'plan.name': 'Plus', 'plan.price': 9.5}
    """
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
