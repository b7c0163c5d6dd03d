"""Where a table comes from: the keys that `data` and every event table share."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from tenure.config.values import REFERENCE, Strict
from tenure.errors import ConfigError

SourceKind = Literal["file", "sql", "http", "store"]

_DIALECTS = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
_SECRET_NAME = re.compile(r"authorization|cookie|(?:^|[-_])(?:api)?(?:key|token|secret|password|sig)$", re.I)
_A_REFERENCE = "a secret is written as a ${NAME} reference to an environment variable"


def kind_of(source: str) -> SourceKind:
    """Tell from its address what a source is.

    >>> [kind_of(s) for s in ("data/*.csv", "mysql+pymysql://u@h/d", "https://h/rows", "s3://b/k.csv")]
    ['file', 'sql', 'http', 'store']
    """
    scheme, found, _ = source.partition("://")
    if not found or scheme == "file":
        return "file"
    if scheme.split("+")[0] in _DIALECTS:
        return "sql"
    return "http" if scheme in ("http", "https") else "store"


class Secrets:
    """The values that ${NAME} references stand for, and how they are kept out of messages."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def expand(self, text: str, key: str, quoted: Callable[[str], str] | None = None) -> str:
        """Replace each ${NAME} by its environment variable; quoted: how a value is written inside text.

        Raises ConfigError naming the variable that is not set.
        """

        def value(match: re.Match[str]) -> str:
            found = os.environ.get(match[1])
            if not found:
                raise ConfigError(
                    f"{key} refers to the environment variable {match[1]}, which is not set or empty",
                    todo=f"export {match[1]}=…",
                )
            self._values[match[1]] = found
            return quoted(found) if quoted else found

        return REFERENCE.sub(value, text)

    def scrub(self, text: str) -> str:
        """Put the references back in the place of their values, in whatever spelling a library shows them."""
        for name, value in sorted(self._values.items(), key=lambda item: -len(item[1])):
            for spelling in (value, quote(value, safe=""), quote(value)):
                text = text.replace(spelling, f"${{{name}}}")
        return text


def quote_in_address(value: str) -> str:
    """A value as it stands in a URL."""
    return quote(value, safe="")


def _delimiter(value: str) -> str:
    if value != "whitespace" and (len(value) != 1 or not value.isascii() or value in '"\r\n'):
        raise ValueError(f"one ASCII character, or the word whitespace, is expected, got {value!r}")
    return value


def _encoding(value: str) -> str:
    try:
        b"".decode(value)
        codecs.getincrementaldecoder(value)
    except LookupError:
        raise ValueError(
            f"no text encoding is called {value!r}; latin-1, cp1252 and utf-16 are usual ones"
        ) from None
    return value


class _Discreet(Strict):
    """Complains of a value without showing it: it may be a secret that was written by mistake."""

    model_config = ConfigDict(hide_input_in_errors=True)


class ApiConfig(_Discreet):
    """How an HTTP API hands out its rows."""

    records: str | None = Field(
        None, description="dotted path to the list of rows in the answer; null: the answer is the list"
    )
    pages: Literal["link", "cursor", "offset", "page"] | None = Field(
        None, description="how the next page is found; null: there is one page"
    )
    cursor: str | None = Field(
        None, description="dotted path to the next cursor, or to the next address; null: the Link header"
    )
    parameter: str | None = Field(
        None, description="query parameter that takes cursor, offset or page; null: named as `pages`"
    )
    size: str | None = Field(None, description="query parameter that takes page_size")
    page_size: int = Field(500, ge=1, description="rows asked for at a time, if `size` is given")
    first: int = Field(1, ge=0, description="number of the first page")
    token: str | None = Field(None, description="a ${NAME} reference; sent as a bearer token")
    headers: dict[str, str] = Field(default_factory=dict, description="sent with every request")

    @field_validator("token")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        if value is not None and not REFERENCE.fullmatch(value):
            raise ValueError(_A_REFERENCE)
        return value

    @field_validator("headers")
    @classmethod
    def _hold_no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if _SECRET_NAME.search(name) and not REFERENCE.search(text):
                raise ValueError(f"{name}: {_A_REFERENCE}")
        return value

    @model_validator(mode="after")
    def _pages_are_told(self) -> ApiConfig:
        if self.pages == "cursor" and self.cursor is None:
            raise ValueError("pages: cursor needs the key `cursor`, the path to the next cursor in an answer")
        if self.cursor is not None and self.pages not in ("cursor", "link"):
            raise ValueError("the key `cursor` applies to pages: cursor and pages: link")
        return self


class SourceConfig(_Discreet):
    """Where one table is and how it is written."""

    source: str = Field(min_length=1, description="path, folder, glob or address; relative to this file")
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = Field(
        None, description="of CSV: one character, or whitespace; null: comma, tab for .tsv"
    )
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        None, description="of CSV; null: UTF-8, or UTF-16 by its byte order mark"
    )
    header: list[str] | None = Field(
        None, min_length=1, description="column names of CSV without a header line"
    )
    sheet: str | None = Field(None, description="of an Excel file; null: the first")
    query: str | None = Field(None, description="of a database: SQL that selects the rows")
    table: str | None = Field(None, description="of a database: a table, or schema.table")
    api: ApiConfig | None = Field(None, description="of an HTTP address: how its rows are paged")

    @property
    def kind(self) -> SourceKind:
        """What the source is, by its address."""
        return kind_of(self.source)

    @field_validator("source")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        try:
            parts = urlsplit(value) if "://" in value else None
            password = parts.password if parts else None
        except ValueError:
            raise ValueError("the address cannot be read as scheme://host/path") from None
        if password and not REFERENCE.fullmatch(password):
            raise ValueError(f"the address holds a password; {_A_REFERENCE}")
        for name, text in parse_qsl(parts.query) if parts else ():
            if _SECRET_NAME.search(name) and not REFERENCE.search(text):
                raise ValueError(f"the address holds a value of {name!r}; {_A_REFERENCE}")
        return value

    @field_validator("header")
    @classmethod
    def _names_differ(cls, value: list[str] | None) -> list[str] | None:
        twice = sorted({name for name in value or () if (value or []).count(name) > 1})
        if twice or "" in (value or ()):
            raise ValueError(
                f"names must differ, but {twice[0]!r} stands twice" if twice else "a name is empty"
            )
        return value

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> SourceConfig:
        kind = self.kind
        if kind == "sql" and (self.query is None) == (self.table is None):
            raise ValueError("a database needs either `query` or `table`")
        if kind != "sql" and (self.query is not None or self.table is not None):
            raise ValueError(f"`query` and `table` apply to databases, not to {self.source!r}")
        if kind != "http" and self.api is not None:
            raise ValueError(f"`api` applies to http:// and https:// addresses, not to {self.source!r}")
        return self


def written_source(source: str, given: Mapping[str, str | None]) -> SourceConfig:
    """A table that the command line names. given: what it says of delimiter, encoding, query or table.

    Raises ConfigError when the two do not fit.
    """
    try:
        return SourceConfig(
            source=source, **{key: value for key, value in given.items() if value is not None}
        )
    except ValueError as error:
        raise ConfigError(reason_of(error), todo="correct the argument") from None


def source_like(
    config: SourceConfig, source: str, given: Mapping[str, str | None], *, same_columns: bool = True
) -> SourceConfig:
    """Another table that is written as this one: its settings as far as they apply to the address, then given.

    same_columns: it has the columns of this one, so that header, sheet, query, table and api apply too.
    given: what the command line says of delimiter, encoding, query or table; None is not said.
    Raises ConfigError when the address and the settings do not fit.
    """
    kind = kind_of(source)
    keys = {"delimiter", "encoding"}
    if same_columns:
        keys |= {"header", "sheet"}
        if kind == config.kind:
            keys |= {"sql": {"query", "table"}, "http": {"api"}}.get(kind, set())
    said = {key: value for key, value in given.items() if value is not None}
    if {"query", "table"} & set(said):
        keys -= {"query", "table"}
    return written_source(source, {**{key: getattr(config, key) for key in sorted(keys)}, **said})


def reason_of(error: ValueError) -> str:
    """What is wrong, of pydantic's first complaint about a source; never the value, which may hold a secret."""
    details = error.errors() if hasattr(error, "errors") else []
    if details and details[0]["type"] == "value_error":
        key = ".".join(map(str, details[0]["loc"]))
        return f"{key}: {details[0]['ctx']['error']}" if key else str(details[0]["ctx"]["error"])
    return str(details[0]["msg"]) if details else str(error)
