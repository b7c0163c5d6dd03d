"""Event tables in tenure.yaml: which moments the rows speak of, what is counted up to them, and the label's rule."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from tenure.config.sources import SourceConfig
from tenure.config.values import Duration, Misplaced, Strict, parse_duration

# The column of a panel that holds the moment each row speaks of.
CUTOFF = "cutoff"
EVERY = "all"
ROWS = "*"
_MOST_CUTOFFS = 1000
_LONGEST = timedelta(days=36_500)

Aggregate = Literal["count", "days_since_last", "sum", "mean", "min", "max", "last", "distinct", "trend"]
_USUAL: dict[str, list[Aggregate]] = {ROWS: ["count", "days_since_last"]}
_OF_ROWS = ("count", "days_since_last")
_OF_COLUMN = ("sum", "mean", "min", "max", "last", "distinct", "trend")


def parse_moment(value: Any) -> datetime:
    """Read a date or time as ISO 8601 writes it; without an offset it is UTC.

    >>> parse_moment("1997-10-01").isoformat(), parse_moment(19971001).isoformat()
    ('1997-10-01T00:00:00+00:00', '1997-10-01T00:00:00+00:00')
    """
    try:
        # str of a date or datetime, as YAML reads them, is ISO 8601
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(
            f"a date such as 1997-10-01 or a time such as 1997-10-01T12:00 is expected, got {value!r}"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _window(value: Any) -> str:
    text = f"{value}s" if isinstance(value, (int, float)) else str(value).strip().replace(" ", "")
    if text == EVERY:
        return text
    if not 0 < parse_duration(text) <= _LONGEST.total_seconds():
        raise ValueError(f"a window is longer than 0s and at most {_LONGEST.days}d, got {value!r}")
    return text


def _bounded(seconds: float) -> float:
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"at most {_LONGEST.days}d is expected")
    return seconds


Moment = Annotated[datetime, BeforeValidator(parse_moment, json_schema_input_type=str)]
Window = Annotated[str, BeforeValidator(_window, json_schema_input_type=str | float)]
Span = Annotated[Duration, AfterValidator(_bounded)]
# A part of the names that the features get.
TableName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


def window_length(window: str) -> timedelta | None:
    """How far a window reaches back; None: without an end.

    >>> window_length("2w"), window_length("all")
    (datetime.timedelta(days=14), None)
    """
    return None if window == EVERY else timedelta(seconds=parse_duration(window))


class CutoffsConfig(Strict):
    """The moments that the rows of a panel speak of: a list, or from, until and every."""

    at: list[Moment] | None = Field(None, min_length=1, description="the moments themselves")
    start: Moment | None = Field(None, alias="from", description="the first one")
    until: Moment | None = Field(None, description="none is later than this")
    every: Span | None = Field(None, description="from one to the next")

    @model_validator(mode="after")
    def _says_one_thing(self) -> CutoffsConfig:
        parts = {"from": self.start, "until": self.until, "every": self.every}
        missing = [name for name, part in parts.items() if part is None]
        if (self.at is None and missing) or (self.at is not None and len(missing) < len(parts)):
            raise ValueError(
                "a list of moments is expected, or from, until and every"
                + (f"; {', '.join(missing)} is missing" if self.at is None else ", not both")
            )
        if self.start is not None and self.until is not None and self.start > self.until:
            raise ValueError("from is later than until")
        if self.at is not None and len(set(self.at)) < len(self.at):
            twice = next(moment for moment, n in Counter(self.at).items() if n > 1)
            raise ValueError(f"{twice.isoformat()} stands twice")
        if self._count() > _MOST_CUTOFFS:
            raise ValueError(f"{self._count():,} cutoffs, more than {_MOST_CUTOFFS}; choose a longer every")
        return self

    def _count(self) -> int:
        if self.start is None or self.until is None or self.every is None:
            return len(self.at or ())
        return (self.until - self.start) // timedelta(seconds=self.every) + 1

    @property
    def moments(self) -> tuple[datetime, ...]:
        """Every cutoff, the earliest first.

        >>> config = CutoffsConfig.model_validate({"from": "1997-07-01", "until": "1997-09-01", "every": "30d"})
        >>> [moment.date().isoformat() for moment in config.moments]
        ['1997-07-01', '1997-07-31', '1997-08-30']
        """
        if self.start is None or self.every is None:
            return tuple(sorted(self.at or ()))
        step = timedelta(seconds=self.every)
        return tuple(self.start + number * step for number in range(self._count()))


def _list_is_at(value: Any) -> Any:
    return {"at": value} if isinstance(value, list) else value


Cutoffs = Annotated[
    CutoffsConfig | None,
    BeforeValidator(_list_is_at, json_schema_input_type=list[Moment] | CutoffsConfig | None),
]


class LabelAggregate(Strict):
    """A number to predict: an aggregate over the events of the label window."""

    column: str = Field(description="a column of the table, or *")
    by: Literal["count", "sum", "mean", "min", "max"] = "sum"

    @model_validator(mode="after")
    def _counts_rows_only(self) -> LabelAggregate:
        if (self.column == ROWS) != (self.by == "count"):
            raise ValueError(f'count goes with column "{ROWS}", every other aggregate with a column\'s name')
        return self


class LabelConfig(Strict):
    """The rule that makes the target from the events after the cutoff: yes or no, or a number."""

    table: str = Field(description="one of data.tables")
    within: Span = Field(description="how far the label window reaches beyond the cutoff")
    when: Literal["none", "any"] | None = Field(
        None, description="none: yes when there is no event in the label window; any: yes when there is one"
    )
    aggregate: LabelAggregate | None = Field(None, description="instead of when: a number to predict")
    where: str | None = Field(
        None, min_length=1, description="SQL condition; only events that meet it count for the label"
    )
    until: Moment | None = Field(
        None, description="the table is complete up to here; null: up to its last time known"
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> LabelConfig:
        if (self.when is None) == (self.aggregate is None):
            raise ValueError("either when (none, any) or aggregate (column, by) is expected")
        return self


class EventTableConfig(SourceConfig):
    """Rows with a key, a time and perhaps a later time at which they became known."""

    key: str = Field(description="the column that holds the values of data.id")
    time: str = Field(description="the column that says when the event was")
    known: str | None = Field(None, description="the column that says when the row became known; null: time")
    windows: list[Window] = Field(
        default_factory=lambda: ["30d", "90d", EVERY], min_length=1, description="lengths of time, or all"
    )
    aggregates: dict[str, list[Aggregate]] = Field(
        default_factory=_USUAL.copy,
        min_length=1,
        description='column: what is made of it; "*": of the rows',
    )
    duplicates: Literal["keep", "drop"] = Field(
        "keep", description="what becomes of rows that equal an earlier one in every column"
    )

    @field_validator("windows")
    @classmethod
    def _no_window_twice(cls, windows: list[str]) -> list[str]:
        lengths = Counter(map(window_length, windows))
        twice = [window for window in windows if lengths[window_length(window)] > 1]
        if twice:
            raise ValueError(f"the windows {', '.join(twice)} are equal")
        return windows

    @field_validator("aggregates")
    @classmethod
    def _aggregates_fit(cls, aggregates: dict[str, list[Aggregate]]) -> dict[str, list[Aggregate]]:
        for column, names in aggregates.items():
            fitting: tuple[str, ...] = _OF_ROWS if column == ROWS else _OF_COLUMN
            wrong = [name for name in names if name not in fitting]
            if wrong:
                what = "of rows" if column == ROWS else "of a column"
                raise Misplaced(f"{wrong[0]} is not {what}; valid here: {', '.join(fitting)}", column)
            if len(set(names)) < len(names):
                raise Misplaced(f"an aggregate of {column!r} stands twice", column)
        return aggregates

    def features(self, table: str) -> list[tuple[str, str, str, str]]:
        """Name, window, column and aggregate of each feature, in the order of the config.

        >>> table = EventTableConfig(source="a.csv", key="id", time="date", windows=["90d"])
        >>> [name for name, *_ in table.features("calls")]
        ['calls_count_90d', 'calls_days_since_last_90d']
        """
        return [
            (
                "_".join((table, *(() if column == ROWS else (column,)), aggregate, window)),
                window,
                column,
                aggregate,
            )
            for column, aggregates in self.aggregates.items()
            for aggregate in aggregates
            for window in self.windows
        ]
