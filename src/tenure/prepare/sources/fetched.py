"""Files of an object store or a web server, fetched as they are: once, and again only when they have changed.

A file's local name tells which version of it this is, and it is given only when the file is whole.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets as random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tenure.config import Secrets, SourceConfig
from tenure.config.sources import quote_in_address
from tenure.durable import TEMPORARY, flush_folder
from tenure.errors import ExtraMissing, SourceError, TenureError
from tenure.prepare.sources.collected import only_one
from tenure.prepare.sources.find import tables_among
from tenure.prepare.sources.web import TRIES, Web, wait_before

log = logging.getLogger(__name__)

# What stores tell of a file that is another when the file has changed.
_MARKS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "mtime",
    "created",
    "LastModified",
    "last_modified",
    "updated",
    "generation",
)
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Local files in the order of their remote names, and what a person should know of them."""

    paths: tuple[Path, ...]
    warnings: tuple[str, ...] = ()


def fetch_store(config: SourceConfig, place: Path, secrets: Secrets, *, only_first: bool = False) -> Fetched:
    """Fetch the file, folder or glob that an fsspec address names.

    Raises SourceError, without the secrets, for whatever the store refuses; what was fetched is kept.
    """
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise ExtraMissing("fsspec", "remote") from error
    where = secrets.scrub(config.source)
    try:
        store, path = url_to_fs(secrets.expand(config.source, "data.source", quote_in_address))
        store.invalidate_cache()
        names, warnings = _names(store, path, where)
        place.mkdir(parents=True, exist_ok=True)
        with only_one(place):
            paths = [_from_store(store, name, place, where) for name in (names[:1] if only_first else names)]
            _drop_others(place, paths)
    except TenureError:
        raise
    except ImportError as error:
        scheme = config.source.partition("://")[0]
        raise SourceError(
            f"{scheme}:// addresses need a library that is not installed: {error}",
            where=where,
            todo="install it",
        ) from None
    except Exception as error:  # stores share no base class of errors
        if isinstance(error, OSError) and error.filename and str(error.filename).startswith(str(place)):
            raise  # the local disk: full, or forbidden
        reason = secrets.scrub(" ".join((str(error) or type(error).__name__).split()))
        raise SourceError(
            f"the store says: {reason}", where=where, todo="check data.source and the store's credentials"
        ) from None
    return Fetched(tuple(paths), warnings)


def fetch_web(config: SourceConfig, place: Path, secrets: Secrets) -> Fetched:
    """Fetch one file from a web server; asked for again when it breaks off."""
    import requests

    web = Web(config, secrets)
    address = secrets.expand(config.source, "data.source", quote_in_address)
    place.mkdir(parents=True, exist_ok=True)
    name = PurePosixPath(urlsplit(address).path).name
    with only_one(place):
        for attempt in range(1, TRIES + 1):
            answer = web.get(address, stream=True)
            headers = answer.headers
            marks = {key: headers.get(key) for key in ("ETag", "Last-Modified") if headers.get(key)}
            size = headers.get("Content-Length") if "Content-Encoding" not in headers else None

            def write(target: Path, answer: Any = answer) -> None:
                with target.open("wb") as file:
                    for piece in answer.iter_content(_PIECE):
                        file.write(piece)

            try:
                path = _keep(place, name, marks, int(size) if size else None, write, web.where)
            except requests.RequestException:
                log.info("fetching %s again: it broke off", web.where)
                wait_before(attempt)
                continue
            finally:
                answer.close()
            _drop_others(place, [path])
            return Fetched((path,))
    raise web.fault(f"the file breaks off, {TRIES} times in a row", "run again later")


def _names(store: Any, path: str, where: str) -> tuple[list[str], tuple[str, ...]]:
    if any(sign in path for sign in "*?["):
        found = sorted(name for name in store.glob(path) if not store.isdir(name))
        if not found:
            raise SourceError("no file is there that fits the pattern", where=where, todo="check the pattern")
        return found, ()
    if store.isfile(path):
        return [path], ()
    if store.isdir(path):
        inside = [entry["name"] for entry in store.ls(path, detail=True) if entry["type"] == "file"]
        return tables_among(inside, where)
    raise SourceError("there is no such file in the store", where=where, todo="check the address")


def _from_store(store: Any, name: str, place: Path, where: str) -> Path:
    def facts() -> dict[str, Any]:
        info = store.info(name)
        return {key: str(info[key]) for key in ("size", *_MARKS) if info.get(key) is not None}

    before = facts()
    marks = {key: value for key, value in before.items() if key != "size"}

    def write(target: Path) -> None:
        store.get_file(name, str(target))
        store.invalidate_cache()
        if facts() != before:
            raise SourceError(
                "the file changed while it was fetched",
                where=f"{where}, {PurePosixPath(name).name}",
                todo="run again when nothing writes to it",
            )

    size = int(before["size"]) if "size" in before else None
    return _keep(place, PurePosixPath(name).name, marks and {"name": name, **before}, size, write, where)


def _keep(
    place: Path,
    name: str,
    marks: Mapping[str, Any],
    size: int | None,
    write: Callable[[Path], None],
    where: str,
) -> Path:
    """Fetch one file under place, unless this version of it is there; without marks it is always fetched."""
    version = hashlib.sha256(repr(sorted(marks.items())).encode()).hexdigest()[:10] if marks else "now"
    stem, dot, ending = name.partition(".")
    path = place / f"{stem[:80]}-{version}{dot}{ending}"
    if marks and path.is_file():
        log.info("%s is unchanged", name)
        return path
    started = time.monotonic()
    temporary = place / f"{TEMPORARY}{random.token_hex(4)}"
    try:
        write(temporary)
        found = temporary.stat().st_size
        if size is not None and found != size:
            raise SourceError(
                f"{name} should have {size} bytes, and {found} came", where=where, todo="run again"
            )
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(place)
    finally:
        temporary.unlink(missing_ok=True)
    log.info("fetched %s: %.1f MB in %.0f s", name, found / 1e6, time.monotonic() - started)
    return path


def _drop_others(place: Path, wanted: Sequence[Path]) -> None:
    """Take away the files of earlier times; what others hold open they still read."""
    for path in place.iterdir():
        if path not in wanted and path.name != "lock":
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
