"""Rows that come from elsewhere, collected once into Parquet parts: each whole or not there, with where they end.

A collection that was interrupted goes on behind its last part if the source can say where that was; else it starts
again. A finished one stays as it is until the next is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tenure.durable import write_durably
from tenure.errors import ProjectBusy, SourceError
from tenure.prepare.sources.values import common_schema, fit_to

log = logging.getLogger(__name__)

STATE = "state.json"
_TELL_EVERY = 5.0  # seconds
# Rows of two different days make no one table.
_TOO_OLD = 86_400.0
_MANY_TIMES = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, in order.

    after: where to go on behind them, as JSON can hold it; None if nothing can say that.
    n_again: how many of them came just before as well.
    """

    rows: pl.DataFrame
    after: Any = None
    n_again: int = 0


# Called with `after` of the last part that is kept, or None for the beginning.
Stream = Callable[[Any], Generator[Batch]]


@dataclass(slots=True)
class _State:
    """The progress of a collection, as it stands in state.json. last_rows, last_columns: of the one before."""

    address: str
    number: int = 0
    started: float = 0.0
    finished: bool = False
    parts: list[dict[str, Any]] = field(default_factory=list)
    last_rows: int | None = None
    last_columns: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(part["rows"] for part in self.parts)


@dataclass(frozen=True, slots=True)
class Collected:
    """Parquet files that hold one table, in order, and what a person should know of them."""

    paths: tuple[Path, ...]
    warnings: tuple[str, ...]


def collect(
    place: Path, address: str, stream: Stream, *, part_rows: int, part_bytes: int = 64 << 20
) -> Collected:
    """Collect the rows of a stream under place; part_rows, part_bytes: a part is written when it holds so much.

    address: for messages, without secrets.
    Raises ProjectBusy when another process collects the same, SourceError for a stream that holds no rows.
    """
    place.mkdir(parents=True, exist_ok=True)
    with only_one(place):
        state, notes = _begin(place, address)
        folder = place / str(state.number)
        folder.mkdir(exist_ok=True)
        told = time.monotonic()
        held: list[pl.DataFrame] = []
        after, n_again = None, 0
        with contextlib.closing(stream(state.parts[-1]["after"] if state.parts else None)) as batches:
            for batch in batches:
                held.append(batch.rows)
                after = batch.after
                n_again += batch.n_again
                if sum(map(len, held)) >= part_rows or sum(map(_size, held)) >= part_bytes:
                    _keep(place, folder, state, held, after)
                    held = []
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    log.info("collecting %s: %d rows", address, state.rows + sum(map(len, held)))
        if held:
            _keep(place, folder, state, held, after)
        if not state.rows:
            raise SourceError("the source delivers no rows", where=address, todo="check what it holds")
        notes += _make_alike(folder, state) + _compare(state, folder)
        if n_again:
            notes.append(f"{n_again} row(s) of {address} came twice, on two pages in a row")
        state.finished = True
        _write(place, state)
        _clear_others(place, folder)
        log.info("collected %s: %d rows", address, state.rows)
        return Collected(tuple(folder / part["name"] for part in state.parts), tuple(notes))


@contextlib.contextmanager
def only_one(place: Path) -> Iterator[None]:
    """Hold a folder of collected rows; the kernel lets go of it when the process dies."""
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProjectBusy(
                "another tenure command is collecting the same table",
                where=str(place),
                todo="wait for it to end",
            ) from error
        yield
    finally:
        os.close(handle)


def _begin(place: Path, address: str) -> tuple[_State, list[str]]:
    """The state to go on from: the interrupted collection, or a new one."""
    try:
        old = _State(**json.loads((place / STATE).read_text()))
    except FileNotFoundError:
        old = _State(address, finished=True)
    except (ValueError, TypeError):
        log.warning("warning: the notes of an earlier collection of %s are damaged; it starts again", address)
        old = _State(address, finished=True)
    if old.finished:
        return _next(place, old, _State.rows.fget(old) or old.last_rows), []  # type: ignore[attr-defined]
    age = time.time() - old.started
    whole = all((place / str(old.number) / part["name"]).is_file() for part in old.parts)
    if old.parts and old.parts[-1]["after"] is not None and whole and age < _TOO_OLD:
        log.info("going on with %s after %d rows", address, old.rows)
        note = (
            f"{address} was collected in two goes, {age / 60:.0f} min apart: rows that changed between them "
            "are as they were when they came"
        )
        return old, [note]
    if old.parts:
        log.warning(
            "warning: the collection of %s was interrupted after %d rows and starts again: %s",
            address,
            old.rows,
            "it is more than a day old" if age >= _TOO_OLD else "nothing says in which order its rows come",
        )
    return _next(place, old, old.last_rows), []


def _next(place: Path, old: _State, last_rows: int | None) -> _State:
    columns = old.last_columns
    if old.finished and old.parts:
        columns = _schema(place / str(old.number) / old.parts[0]["name"]).names()
    state = _State(old.address, old.number + 1, time.time(), last_rows=last_rows, last_columns=columns)
    shutil.rmtree(place / str(state.number), ignore_errors=True)
    return state


def _keep(place: Path, folder: Path, state: _State, held: list[pl.DataFrame], after: Any) -> None:
    schema = common_schema([frame.schema for frame in held])
    rows = pl.concat([fit_to(frame, schema) for frame in held])
    name = f"part-{len(state.parts):05d}.parquet"
    _write_parquet(folder / name, rows)
    state.parts.append({"name": name, "rows": len(rows), "after": after})
    _write(place, state)


def _size(frame: pl.DataFrame) -> float:
    return frame.estimated_size()


def _write_parquet(path: Path, rows: pl.DataFrame) -> None:
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    write_durably(path, buffer.getvalue())


def _write(place: Path, state: _State) -> None:
    write_durably(place / STATE, json.dumps(asdict(state), indent=1))


def _schema(path: Path) -> pl.Schema:
    return pl.read_parquet_schema(path) if path.is_file() else pl.Schema()  # type: ignore[return-value]


def _make_alike(folder: Path, state: _State) -> list[str]:
    """Give every part the columns and types of all of them; says which columns came late or changed their kind."""
    paths = [folder / part["name"] for part in state.parts]
    schemas = [pl.Schema(pl.read_parquet_schema(path)) for path in paths]
    whole = common_schema(schemas)
    notes = []
    for name, dtype in whole.items():
        lacking = sum(
            part["rows"] for part, schema in zip(state.parts, schemas, strict=True) if name not in schema
        )
        if lacking:
            notes.append(f"column {name!r} is not in {lacking} of {state.rows} rows, and missing there")
        kinds = {str(schema[name]) for schema in schemas if name in schema} - {"Null"}
        if dtype == pl.String and len(kinds) > 1:
            notes.append(f"column {name!r} changes its type ({', '.join(sorted(kinds))}) and is read as text")
    for path, schema in zip(paths, schemas, strict=True):
        if schema != whole:
            _write_parquet(path, fit_to(pl.read_parquet(path), whole))
    return notes


def _compare(state: _State, folder: Path) -> list[str]:
    """What is unlike the last collection: ten times the rows or a tenth of them, other columns."""
    notes = []
    if note := unlike_last(state.address, state.rows, state.last_rows):
        notes.append(note)
    columns = _schema(folder / state.parts[0]["name"]).names()
    if state.last_columns and set(columns) != set(state.last_columns):
        new = sorted(set(columns) - set(state.last_columns))
        gone = sorted(set(state.last_columns) - set(columns))
        notes.append(f"the columns of {state.address} are not those of last time: new {new}, gone {gone}")
    return notes


def unlike_last(address: str, rows: int, last_rows: int | None) -> str | None:
    """A warning when a table has at least ten times the rows of last time, or at most a tenth.

    >>> unlike_last("customers", 1000, 100)
    'customers holds 1000 rows; last time there were 100'
    """
    if not last_rows or last_rows / _MANY_TIMES < rows < last_rows * _MANY_TIMES:
        return None
    return f"{address} holds {rows} rows; last time there were {last_rows}"


def _clear_others(place: Path, folder: Path) -> None:
    for other in place.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)
