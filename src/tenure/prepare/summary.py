"""Column summaries from one pass over a table; two of them merge, and they travel as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenure.errors import SourceError
from tenure.prepare.sketches import DistinctCount, FrequentValues, Moments, QuantileSketch, Value

if TYPE_CHECKING:
    import polars as pl

FORMAT = "tenure-summary/2"
Holds = Literal["text", "number", "boolean"]


@dataclass(slots=True)
class ColumnSummary:
    """What one pass knows of a column.

    holds: what its cells are; dates count as numbers, microseconds since the epoch.
    n: rows.  nulls: null cells (NaN among them).  null_tokens: texts such as "?" or "n/a", folded -> count.
    n_infinite: infinite numbers and those beyond 1e38, left out of moments and quantiles.
    n_numbers, n_dates, n_booleans: text cells that can be read as such.
    length_total, length_low, length_high: characters of text cells.
    moments and quantiles: of numbers, of booleans as 0 and 1, and of text cells that read as numbers.
    """

    name: str
    holds: Holds = "text"
    n: int = 0
    nulls: int = 0
    null_tokens: dict[str, int] = field(default_factory=dict)
    n_infinite: int = 0
    n_numbers: int = 0
    n_dates: int = 0
    n_booleans: int = 0
    length_total: int = 0
    length_low: int | None = None
    length_high: int | None = None
    moments: Moments = field(default_factory=Moments)
    quantiles: QuantileSketch = field(default_factory=QuantileSketch)
    frequent: FrequentValues = field(default_factory=FrequentValues)
    distincts: DistinctCount = field(default_factory=DistinctCount)

    @property
    def filled(self) -> int:
        """Cells that are not null."""
        return self.n - self.nulls

    @property
    def distinct(self) -> int:
        """Number of different values; see distincts.relative_error."""
        return self.distincts.count

    @property
    def top(self) -> list[tuple[Value, int]]:
        """Values with counts, the most frequent first; each count is at most frequent.error too low."""
        return self.frequent.top

    @property
    def mean(self) -> float:
        """Mean of the numbers; NaN when there are none."""
        return self.moments.mean if self.moments.n else math.nan

    @property
    def std(self) -> float:
        """Sample standard deviation of the numbers; NaN for fewer than two."""
        return self.moments.std

    @property
    def minimum(self) -> float:
        """Smallest number; NaN when there are none."""
        return self.moments.low if self.moments.n else math.nan

    @property
    def maximum(self) -> float:
        """Largest number; NaN when there are none."""
        return self.moments.high if self.moments.n else math.nan

    @property
    def length_mean(self) -> float:
        """Mean number of characters of the text cells; NaN when there are none."""
        return self.length_total / self.filled if self.holds == "text" and self.filled else math.nan

    @property
    def rank_error(self) -> float:
        """Bound on the error of quantile and cdf, as a share of the numbers."""
        return self.quantiles.rank_error

    def quantile(self, q: float | np.ndarray) -> Any:
        """The q-quantile of the numbers, q in [0, 1]; exact at 0 and 1. A float for a float."""
        values = np.asarray(self.quantiles.quantile(q), dtype=np.float64)
        ends = np.where(
            np.asarray(q) <= 0.0, self.minimum, np.where(np.asarray(q) >= 1.0, self.maximum, values)
        )
        return float(ends) if np.ndim(q) == 0 else ends

    def cdf(self, x: float | np.ndarray) -> Any:
        """The share of the numbers at or below x. A float for a float, else an array."""
        shares = np.asarray(self.quantiles.cdf(x), dtype=np.float64)
        shares = np.where(np.asarray(x) >= self.maximum, 1.0, shares) if self.moments.n else shares
        return float(shares) if np.ndim(x) == 0 else shares

    def merge(self, other: ColumnSummary) -> None:
        """Add the cells of another summary of the same column."""
        if self.n and other.n and self.holds != other.holds:
            raise SourceError(
                f"column {self.name!r} holds {self.holds} here and {other.holds} there",
                todo="summarise both tables in the same form",
            )
        self.holds = other.holds if other.n else self.holds
        for count in ("n", "nulls", "n_infinite", "n_numbers", "n_dates", "n_booleans", "length_total"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        for token, cells in other.null_tokens.items():
            self.null_tokens[token] = self.null_tokens.get(token, 0) + cells
        lows = [low for low in (self.length_low, other.length_low) if low is not None]
        highs = [high for high in (self.length_high, other.length_high) if high is not None]
        self.length_low, self.length_high = min(lows, default=None), max(highs, default=None)
        self.moments.merge(other.moments)
        self.quantiles.merge(other.quantiles)
        self.frequent.merge(other.frequent)
        self.distincts.merge(other.distincts)

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        body = {name: getattr(self, name) for name in _PLAIN}
        body["null_tokens"] = dict(sorted(self.null_tokens.items()))
        return body | {name: getattr(self, name).to_dict() for name in _SKETCHES}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> ColumnSummary:
        """Read what to_dict wrote."""
        sketches = {name: sketch.from_dict(body[name]) for name, sketch in _SKETCHES.items()}
        return cls(**{name: body[name] for name in _PLAIN}, **sketches)


_SKETCHES: dict[str, Any] = {
    "moments": Moments,
    "quantiles": QuantileSketch,
    "frequent": FrequentValues,
    "distincts": DistinctCount,
}
_PLAIN = tuple(name for name in ColumnSummary.__dataclass_fields__ if name not in _SKETCHES)


@dataclass(slots=True)
class Summary:
    """Summaries of the columns of one table, in table order."""

    n_rows: int = 0
    columns: dict[str, ColumnSummary] = field(default_factory=dict)

    def __getitem__(self, name: str) -> ColumnSummary:
        return self.columns[name]

    def merge(self, other: Summary) -> Summary:
        """A new summary of the rows of both. Raises SourceError when the columns differ."""
        if self.columns and other.columns and list(self.columns) != list(other.columns):
            raise SourceError(
                f"summaries of {list(self.columns)} and of {list(other.columns)} cannot be merged",
                todo="summarise the same columns of both tables",
            )
        merged = Summary.from_dict(self.to_dict())
        merged.n_rows += other.n_rows
        for name, column in other.columns.items():
            if name in merged.columns:
                merged.columns[name].merge(column)
            else:
                merged.columns[name] = ColumnSummary.from_dict(column.to_dict())
        return merged

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "format": FORMAT,
            "n_rows": self.n_rows,
            "columns": [column.to_dict() for column in self.columns.values()],
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Summary:
        """Read what to_dict wrote. Raises SourceError for another format."""
        if body.get("format") != FORMAT:
            raise SourceError(
                f"the summary's format is {body.get('format')!r}, this version reads {FORMAT!r}"
            )
        columns = [ColumnSummary.from_dict(column) for column in body["columns"]]
        return cls(body["n_rows"], {column.name: column for column in columns})


def summarise(frames: pl.DataFrame | pl.LazyFrame | Iterable[pl.DataFrame]) -> Summary:
    """Summarise a table in one pass; memory does not grow with its rows.

    frames: a frame, a lazy frame (read in batches), or frames of the same columns, raw or clean.
    How the rows are cut into frames changes nothing.  Raises SourceError for nested columns.
    """
    from tenure.prepare.summarise import summarise_frames

    return summarise_frames(frames)
