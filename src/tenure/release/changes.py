"""What may change about a row: columns, directions, and values that were seen in training, written as the data are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tenure.prepare.date_text import EPOCH
from tenure.prepare.recipe import ColumnRecipe
from tenure.prepare.rows import BadCellError, CleanValue, cell_cleaner, cell_reader
from tenure.prepare.summary import Summary
from tenure.release.scorer import Scorer

VALUES = 41
"""Quantiles of a number or date that are tried, both ends among them."""
ORDERED = ("number", "integer", "date")

# Format of the recipe -> how a moment is written in it, without and with a time.
_DATES = {
    "year-month-day": "%Y-%m-%d",
    "year/month/day": "%Y/%m/%d",
    "day/month/year": "%d/%m/%Y",
    "month/day/year": "%m/%d/%Y",
    "day month-name year": "%d %B %Y",
    "month-name day year": "%B %d %Y",
    "yearmonthday": "%Y%m%d",
    "year-month": "%Y-%m",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What tenure.yaml says about change, see config.explain. Columns that stand nowhere may change either way."""

    immutable: tuple[str, ...] = ()
    only_up: tuple[str, ...] = ()
    only_down: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, body: Mapping[str, Sequence[str]]) -> Limits:
        """Read what explanations.json holds under `changes`."""
        return cls(*(tuple(body.get(key, ())) for key in ("immutable", "only_up", "only_down")))

    def allow(self, column: str, before: Any, after: Any) -> bool:
        """Whether a number or date may go from one value to another."""
        if column in self.immutable:
            return False
        return not (
            (column in self.only_up and after < before) or (column in self.only_down and after > before)
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One column with another value.

    value: as it is written in the data, so that a row with it reads as that value.
    size: how far it is: of a number or date the share of the reference rows between the two values, else 1.
    """

    column: str
    value: object
    size: float


def steps_of(
    scorer: Scorer, reference: Mapping[str, Any], limits: Limits, row: Mapping[str, Any]
) -> list[Step]:
    """Every single change of a row that is allowed, the smallest of a column first.

    reference: reference.json of the release.  Values are the levels that training knows, and quantiles of the
    reference rows inside the training range. A text never changes, and nothing becomes missing.
    A number that is missing may become any, unless it may go one way only.
    """
    body = reference.get("rows")
    rows = Summary.from_dict(body) if body else Summary()
    found: list[Step] = []
    for column in scorer.recipe.inputs:
        if column.name in limits.immutable or column.kind == "text":
            continue
        if column.kind in ORDERED:
            steps = _ordered(column, rows, limits, row.get(column.name))
        else:
            steps = _named(column, limits, row.get(column.name))
        found += sorted(steps, key=lambda step: step.size)
    return found


def _ordered(column: ColumnRecipe, rows: Summary, limits: Limits, raw: object) -> list[Step]:
    summary = rows.columns.get(column.name)
    if summary is None or not summary.moments.n:
        return []  # what only expressions read has no reference
    read = _read(cell_reader(column), raw)
    before = float(read) if isinstance(read, (int, float)) else None
    one_way = column.name in (*limits.only_up, *limits.only_down)
    if before is None and one_way:
        return []
    low, high = column.bounds or (-np.inf, np.inf)
    values = [
        v for v in np.unique(summary.quantile(np.linspace(0.0, 1.0, VALUES))).tolist() if low <= v <= high
    ]
    written = _writer(column)
    found = []
    for value in values:
        if value == before or (before is not None and not limits.allow(column.name, before, value)):
            continue
        text = written(value)
        if text is not None:
            found.append(
                Step(column.name, text, 1.0 if before is None else _share_between(summary, before, value))
            )
    return found


def _share_between(summary: Any, before: float, after: float) -> float:
    shares = np.asarray(summary.cdf(np.array([before, after])))
    # two values of one bin of the reference are not the same value
    return float(max(abs(shares[1] - shares[0]), 1e-6))


def _named(column: ColumnRecipe, limits: Limits, raw: object) -> list[Step]:
    clean = cell_cleaner(column)
    before = _read(clean, raw)
    if column.name in (*limits.only_up, *limits.only_down):
        return []
    pairs: list[tuple[CleanValue, str]] = [(level, level) for level in column.levels]
    if column.kind == "boolean" and len(column.labels) == 2:
        pairs = [(bool(i), label) for i, label in enumerate(column.labels)]
    return [
        Step(column.name, text, 1.0)
        for value, text in pairs
        if value != before and _read(clean, text) == value
    ]


def _read(read: Callable[[object], CleanValue], raw: object) -> CleanValue:
    try:
        return read(raw)
    except BadCellError:
        return None


def _writer(column: ColumnRecipe) -> Callable[[float], object]:
    """How values of a number or date are written so that they read back as themselves; None where they can't be."""
    read = cell_reader(column)

    def written(value: float) -> object:
        for text in _texts(column, value):
            if _read(read, text) == value:
                return text
        return None

    return written


def _texts(column: ColumnRecipe, value: float) -> list[object]:
    if column.kind == "date":
        moment = EPOCH + timedelta(microseconds=int(value))
        return [text for name in column.date_formats for text in _dates(_DATES.get(name, "%Y-%m-%d"), moment)]
    number: object = int(value) if value == int(value) and abs(value) < 1e15 else value
    style = column.number_format
    if style is None or style.plain:
        return [number]
    return [str(number).replace(".", style.decimal), number]


def _dates(form: str, moment: datetime) -> list[str]:
    day = moment.astimezone(UTC)
    return [day.strftime(form), day.strftime(f"{form} %H:%M:%S"), day.strftime(f"{form} %H:%M:%S.%f")]
