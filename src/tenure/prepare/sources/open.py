"""One door to every table: files as they are; what is elsewhere is collected first, once for each time it is asked."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import polars as pl

from tenure.config import Secrets, SourceConfig
from tenure.prepare.sources.check import SourceFacts, check_source
from tenure.prepare.sources.find import Source, find_source, is_table, source_of
from tenure.prepare.sources.scan import scan

COLLECTED = "collected"


def open_source(config: SourceConfig, base: Path, keep: Path, *, look: int | None = None) -> Source:
    """Find the table that a config speaks of; its rows are then files on this machine.

    base: what paths are relative to.  keep: the folder under which rows from elsewhere are collected.
    look: about so many rows are enough (of databases, APIs and object stores), for a first look.
    Raises SourceError when nothing is there or what is there cannot be had, ConfigError for a ${NAME} that is
    not set.
    """
    secrets = Secrets()
    if config.kind == "file":
        return find_source(
            config.model_copy(update={"source": secrets.expand(config.source, "data.source")}), base
        )
    place = keep / _key(config, look)
    address = secrets.scrub(config.source)
    if config.kind == "store":
        from tenure.prepare.sources.fetched import fetch_store

        fetched = fetch_store(config, place, secrets, only_first=look is not None)
        return source_of(config, fetched.paths, fetched.warnings, address)
    if config.kind == "http" and config.api is None and is_table(urlsplit(config.source).path):
        from tenure.prepare.sources.fetched import fetch_web

        return source_of(config, fetch_web(config, place, secrets).paths, address=address)
    return _collect(config, base, place, address, secrets, look)


def open_table(
    config: SourceConfig, base: Path, keep: Path, *, min_rows: int = 1
) -> tuple[pl.LazyFrame, SourceFacts]:
    """Find, check and scan the table that a config speaks of; arguments and errors as open_source and check_source."""
    source = open_source(config, base, keep)
    facts = check_source(source, min_rows=min_rows)
    return scan(source, has_blank_lines=facts.has_blank_lines), facts


def _collect(
    config: SourceConfig, base: Path, place: Path, address: str, secrets: Secrets, look: int | None
) -> Source:
    from tenure.prepare.sources.collected import collect

    if config.kind == "sql":
        from tenure.prepare.sources import databases

        stream, part_rows = databases.stream_of(config, base, secrets, look), databases.PART_ROWS
        address = f"{address}, {config.table or 'the query'}"
    else:
        from tenure.prepare.sources import apis

        stream, part_rows = apis.stream_of(config, secrets, look), apis.PART_ROWS
    collected = collect(place, address, stream, part_rows=part_rows)
    return Source(name_of(config), collected.paths, "parquet", address=address, warnings=collected.warnings)


def name_of(config: SourceConfig) -> str:
    """A short name for a table from elsewhere.

    >>> name_of(SourceConfig(source="mysql://host/shop", table="sales.customers"))
    'sales-customers'
    """
    text = config.table or PurePosixPath(urlsplit(config.source).path).name or config.source
    return re.sub(r"[^A-Za-z0-9]+", "-", text.split("?")[0]).strip("-").lower()[:60] or "table"


def _key(config: SourceConfig, look: int | None) -> str:
    """A folder's name for what is asked for; the address stands in it with its references, not with secrets."""
    asked = config.model_dump(mode="json", include={"source", "query", "table", "api"})
    digest = hashlib.sha256(json.dumps([asked, look], sort_keys=True).encode()).hexdigest()
    return f"{name_of(config)}-{digest[:12]}"
