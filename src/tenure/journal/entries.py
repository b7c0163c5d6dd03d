"""What the journal holds, as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NewPrediction(NamedTuple):
    """A prediction as it is written: the columns of the table, in its order.

    at: microseconds since the epoch (UTC).  input: the raw row as JSON; it decodes to the same bits.
    margins: a JSON list of the model's raw outputs.  probabilities: a JSON object, label to
    probability (multiclass only).  seconds: from the arrival of the request to its score.
    """

    id: str
    row_id: str | None
    at: int
    model: str
    version: str
    release: str
    input: str
    prediction: str | float
    probability: float | None
    margins: str
    probabilities: str | None
    seconds: float


class NewShadow(NamedTuple):
    """What a version that only listens would have answered: the columns of the table, in its order.

    prediction_id: of the answer that was given.  The rest as in NewPrediction.
    """

    prediction_id: str
    version: str
    release: str
    prediction: str | float
    probability: float | None
    margins: str
    probabilities: str | None
    seconds: float


class NewRefusal(NamedTuple):
    """A request that was refused. at: microseconds since the epoch (UTC).  problems: a JSON list."""

    at: int
    status: int
    problems: str


class GivenOutcome(NamedTuple):
    """The true label of a row, named by its prediction's id, by its row id, or by both.

    outcome: the label as written in the data, or the number for regression.
    With both given, the prediction id decides, and the row id only if that one is unknown.
    """

    id: str | None
    row_id: str | None
    outcome: str | float


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answered prediction. row: the raw row as the client gave it.  seconds: time to its score."""

    id: str
    row_id: str | None
    at: datetime
    model: str
    version: str
    release: str
    row: dict[str, Any]
    prediction: str | float
    probability: float | None
    margins: tuple[float, ...]
    probabilities: dict[str, float] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The true label of a predicted row. at: when it was given.

    earlier: the values it had before, the oldest first, each with the time it was given.
    """

    prediction_id: str
    outcome: str | float
    at: datetime
    earlier: tuple[tuple[str | float, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """What became of given outcomes: counts, and the names of those that match no prediction.

    already: the same value was there before.  corrected: another value was, and is kept as history.
    """

    recorded: int
    already: int
    corrected: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A run, promotion, check, review or batch. body: a JSON object."""

    id: str
    at: datetime
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused. problems: one object a bad cell, or one with the reason."""

    at: datetime
    status: int
    problems: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Health:
    """The service over a window of time.

    seconds: quantile ("p50", "p90", "p99", "max") to time to the score in seconds; empty without predictions.
    """

    since: datetime | None
    until: datetime | None
    predictions: int
    outcomes: int
    refusals: int
    refusals_by_status: dict[int, int]
    predictions_by_version: dict[str, int]
    first: datetime | None
    last: datetime | None
    seconds: dict[str, float]


def to_micros(when: datetime) -> int:
    """Return a time as microseconds since the epoch; a time without a zone is taken as UTC.

    >>> to_micros(datetime(1970, 1, 1, 0, 0, 1))
    1000000
    """
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time of microseconds since the epoch, in UTC.

    >>> from_micros(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=micros)


def row_key(value: object) -> str | None:
    """Return the text under which a row id is found again, or None if there is no usable one.

    A number and its digits are the same row: files hold text where clients send numbers.

    >>> row_key(17), row_key("17"), row_key(17.0), row_key(None), row_key("")
    ('17', '17', '17', None, None)
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if value is None or isinstance(value, (dict, list)):
        return None
    return str(value)


def names_a_row(value: object) -> bool:
    """Whether a value can be a row id, or stands for none: text, a number, or null.

    Text with a NUL character is none: not every database can hold it.

    >>> names_a_row("A-17"), names_a_row(None), names_a_row(True), names_a_row({}), names_a_row("A\\0")
    (True, True, False, False, False)
    """
    if isinstance(value, str):
        return "\0" not in value
    return value is None or isinstance(value, float) or type(value) is int


A_ROW_ID = "must be text (without NUL) or a number that names the row, or null"
