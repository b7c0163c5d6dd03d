"""From clean values to the float32 vector that a model sees: described as data, run by two executors.

An Encoding is an ordered list of features. Each reads one clean column and holds every number it
needs, so that the table and the row path do the same arithmetic and give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from tenure.errors import ReleaseError

if TYPE_CHECKING:
    import polars as pl

FORMAT = "tenure-encoding/1"
FLOAT32_MAX = float(np.finfo(np.float32).max)

Op = Literal["value", "hinge", "missing", "level", "other", "boolean", "target", "code", "date", "text"]
DatePart = Literal["days", "year", "month", "day", "weekday", "hour"]
TextPart = Literal["length", "words", "contains"]

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Feature:
    """One encoded feature: which clean column it reads and what it does with a value.

    name: unique among the features.  column: the clean column.  op, and the fields it uses:

    value    the number; low/high clip it before; null gives fill
    hinge    max(0, number - knot), after low/high; null gives fill
    missing  1 where the value is null, else 0
    level    1 where a category equals level, else 0 (null: 0)
    other    1 where a category is none of levels and not null, else 0
    boolean  1 for true, 0 for false; null gives fill
    target   values[i] for levels[i]; a level not listed gives other; null gives fill
    code     i for levels[i]; a level not listed gives other; null gives fill
    date     part: days (since 1970-01-01, with fraction), year, month (1-12), day (1-31),
             weekday (1 Monday to 7), hour (0-23), all UTC; null gives fill
    text     part: length (characters), words (separated by white space), contains (word,
             without regard to case: 1 or 0); null gives fill

    A fill or other of None is NaN: "missing" to a tree model. Every result is rounded to float32.
    """

    name: str
    column: str
    op: Op
    fill: float | None = None
    other: float | None = None
    low: float | None = None
    high: float | None = None
    knot: float | None = None
    level: str | None = None
    levels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    part: DatePart | TextPart | None = None
    word: str | None = None

    def __post_init__(self) -> None:
        if self.op not in get_args(Op):
            raise ReleaseError(f"feature {self.name!r} has the unknown operation {self.op!r}")
        if self.op == "target" and len(self.levels) != len(self.values):
            raise ReleaseError(
                f"feature {self.name!r}: {len(self.levels)} levels but {len(self.values)} values"
            )
        if self.op == "hinge" and self.knot is None:
            raise ReleaseError(f"feature {self.name!r}: a hinge needs a knot")
        if self.op == "level" and self.level is None:
            raise ReleaseError(f"feature {self.name!r}: op level needs a level")
        parts = {"date": get_args(DatePart), "text": get_args(TextPart)}.get(self.op)
        if parts is not None and self.part not in parts:
            raise ReleaseError(
                f"feature {self.name!r}: part must be one of {', '.join(parts)}, got {self.part!r}"
            )
        if self.part == "contains" and not self.word:
            raise ReleaseError(f"feature {self.name!r}: contains needs a word")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The features of a model, in the order of its input.

    >>> encoding = Encoding((Feature("age", "age", "value"), Feature("age?", "age", "missing")))
    >>> row_encoder(encoding, ["age"])((41.0,)).tolist()
    [41.0, 0.0]
    >>> Encoding.from_json(encoding.to_json()) == encoding
    True
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = self.feature_names
        twice = (
            sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        )
        if twice:
            raise ReleaseError(f"feature names must be unique, but these are there twice: {', '.join(twice)}")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded features, shape (d,)."""
        return tuple(feature.name for feature in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """The clean columns that are read, in order of first use."""
        return tuple(self.positions)

    @property
    def positions(self) -> dict[str, list[int]]:
        """For each clean column, in order of first use, the positions of the features that read it."""
        found: dict[str, list[int]] = {}
        for i, feature in enumerate(self.features):
            found.setdefault(feature.column, []).append(i)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as JSON data; fields that say nothing are left out."""
        return {"format": FORMAT, "features": [_feature_to_json(feature) for feature in self.features]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoding:
        """Read what to_json wrote. Raises ReleaseError for another format or an unknown operation."""
        if data.get("format") != FORMAT:
            raise ReleaseError(
                f"the encoding has the format {data.get('format')!r}; this version reads {FORMAT!r}",
                todo="use the version of tenure that wrote the release",
            )
        return cls(tuple(_feature_from_json(entry) for entry in data["features"]))


def encode_table(encoding: Encoding, clean: pl.DataFrame) -> Float32:
    """Encode clean columns, shape (n_rows, n_features), C order. Same bits as row_encoder, row by row."""
    from tenure.release.encoding_series import SeriesColumn
    from tenure.release.encoding_table import TableEncoder

    encode = TableEncoder(encoding)
    there = set(clean.columns)
    columns = {name: SeriesColumn(clean.get_column(name)) for name in encode.columns if name in there}
    return encode(columns, clean.height)


def row_encoder(encoding: Encoding, columns: Sequence[str]) -> Callable[[Sequence[Any]], Float32]:
    """Compile the encoding for one row: clean values in the order of columns -> float32, shape (d,).

    Raises ReleaseError if the encoding reads a column that is not in columns.
    """
    from tenure.release.encoding_row import compile_row

    return compile_row(encoding, columns)


def _feature_to_json(feature: Feature) -> dict[str, Any]:
    defaults = {spec.name: spec.default for spec in fields(Feature)}
    values = {spec.name: getattr(feature, spec.name) for spec in fields(Feature)}
    told = {name: value for name, value in values.items() if value != defaults[name]}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def _feature_from_json(entry: Mapping[str, Any]) -> Feature:
    known = {spec.name for spec in fields(Feature)}
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ReleaseError(f"an encoded feature has unknown fields: {', '.join(unknown)}")
    values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in entry.items()}
    return Feature(**values)
