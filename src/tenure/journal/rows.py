"""A prediction with what became of it, as a row of a file and as a row of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import polars as pl

Label = str | float


class Correction(NamedTuple):
    """A value that an outcome had before. at, replaced_at: microseconds since the epoch."""

    outcome: Label
    at: int
    replaced_at: int


class KeptRow(NamedTuple):
    """A prediction as NewPrediction has it, with what is known of its outcome.

    at, outcome_at: microseconds since the epoch.  corrections: a JSON list of [outcome, at, replaced_at], or None.
    """

    id: str
    row_id: str | None
    at: int
    model: str
    version: str
    release: str
    input: str
    prediction: Label
    probability: float | None
    margins: str
    probabilities: str | None
    seconds: float
    outcome: Label | None = None
    outcome_at: int | None = None
    corrections: str | None = None


def read_corrections(text: str | None) -> list[Correction]:
    """The corrections of a KeptRow.

    >>> read_corrections('[["yes", 1, 2]]')
    [Correction(outcome='yes', at=1, replaced_at=2)]
    """
    return [Correction(*item) for item in json.loads(text)] if text else []


def in_order(moved: Iterable[Correction], here: Iterable[Correction]) -> list[Correction]:
    """The corrections of one prediction that its file and the database have, each once, the earliest first."""
    return sorted(dict.fromkeys([*moved, *here]), key=lambda correction: correction.replaced_at)


def to_frame(rows: list[KeptRow]) -> pl.DataFrame:
    """Rows as a table: a label and a number, which one column cannot hold together, have a column each."""
    import polars as pl

    columns: dict[str, list[Any]] = {
        name: list(values)
        for name, values in zip(
            KeptRow._fields,
            zip(*rows, strict=True) if rows else [[] for _ in KeptRow._fields],
            strict=True,
        )
    }
    for name, number in _NUMBERS.items():
        columns[number] = [None if isinstance(value, str) else value for value in columns[name]]
        columns[name] = [value if isinstance(value, str) else None for value in columns[name]]
    # moments as the integers they are, so that no clock's arithmetic touches them
    whole = {name: pl.Int64 if name in _MOMENTS else kind for name, kind in schema().items()}
    return pl.DataFrame({name: columns[name] for name in whole}, schema=whole).cast(pl.Schema(schema()))


def from_frame(frame: pl.DataFrame) -> list[KeptRow]:
    """The rows of a table, as to_frame makes it."""
    import polars as pl

    both = [pl.col(name).cast(pl.Int64) for name in _MOMENTS]
    places = [frame.columns.index(name) for name in KeptRow._fields]
    label, number = KeptRow._fields.index("prediction"), frame.columns.index("prediction_number")
    outcome, outcome_number = KeptRow._fields.index("outcome"), frame.columns.index("outcome_number")
    rows = []
    for row in frame.with_columns(both).iter_rows():
        values = [row[place] for place in places]
        if values[label] is None:
            values[label] = row[number]
        if values[outcome] is None:
            values[outcome] = row[outcome_number]
        rows.append(KeptRow(*values))
    return rows


def new_rows(columns: Mapping[str, Any]) -> pl.DataFrame:
    """A table of predictions that have no outcome yet, as to_frame makes it.

    columns: those of NewPrediction, each a series or a sequence with a value a row, or one value for all rows.
    """
    import polars as pl

    n_rows = len(columns["id"])
    given = dict(columns)
    if pl.Series(given["prediction"]).dtype.is_numeric():
        given["prediction_number"] = given.pop("prediction")
    made = []
    for name, kind in schema().items():
        values = given.get(name)
        if values is None or isinstance(values, (str, int, float)):
            values = pl.repeat(values, n_rows, eager=True, dtype=pl.Int64 if name in _MOMENTS else kind)
        made.append(pl.Series(name, values).cast(kind))
    return pl.DataFrame(made)


_MOMENTS = ("at", "outcome_at")
_NUMBERS = {"prediction": "prediction_number", "outcome": "outcome_number"}


def schema() -> dict[str, Any]:
    """The columns of such a table, with their types."""
    import polars as pl

    moment = pl.Datetime("us", "UTC")
    numbers = {"probability": pl.Float64, "seconds": pl.Float64, "at": moment, "outcome_at": moment}
    kinds: dict[str, Any] = {}
    for name in KeptRow._fields:
        kinds[name] = numbers.get(name, pl.String)
        if name in _NUMBERS:
            kinds[_NUMBERS[name]] = pl.Float64
    return kinds
