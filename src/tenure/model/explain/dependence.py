"""Dependence: the mean effect of a column on the score, by level or by range, with its spread and its rows.

The effects are exact Shapley values (Lundberg et al. 2020, "From local explanations to global understanding with
explainable AI for trees", section on dependence plots), here gathered in bins that a person can read as a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.recipe import OTHER, ColumnRecipe
from tenure.prepare.sql.calendar import moment_text

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MOST_COLUMNS = 10
MOST_BINS = 10
MISSING = "(missing)"
REST = "(other levels)"


def dependence(
    columns: Sequence[ColumnRecipe], clean: pl.DataFrame, effects: Float64, outcome: str | None
) -> list[dict[str, Any]]:
    """The strongest columns, each with its bins, as JSON data.

    columns: the features.  clean: rows as the recipe has cleaned them.  effects: shape (n, d) on the score.
    outcome: the class that the score is the chance of; None for a number.
    """
    sizes = np.abs(effects).mean(axis=0)
    order = [int(j) for j in np.argsort(-sizes, kind="stable") if sizes[j] > 0.0][:MOST_COLUMNS]
    return [
        {
            "column": columns[j].name,
            "kind": columns[j].kind,
            "outcome": outcome,
            "mean_size": float(sizes[j]),
            "bins": [
                {**told, **_spread(effects[mask, j])}
                for told, mask in bins_of(columns[j], clean[columns[j].name])
            ],
        }
        for j in order
    ]


def bins_of(column: ColumnRecipe, cells: pl.Series) -> list[tuple[dict[str, Any], Bools]]:
    """Levels or ranges that have rows, in their order, each with a label; the missing cells last.

    low, high: the ends of a range, as numbers; None of a level. Of a text its length is told.
    """
    if column.kind in ("number", "integer", "date"):
        found = list(_ranges(cells.cast(pl.Float64), column.kind))
    elif column.kind == "text":
        found = list(_ranges(cells.str.len_chars().cast(pl.Float64), "length"))
    elif column.kind == "boolean":
        labels = column.labels if len(column.labels) == 2 else ("false", "true")
        found = [({"label": labels[i]}, _true(cells == bool(i))) for i in (0, 1)]
    else:
        found = list(_levels(column, cells))
    found.append(({"label": MISSING}, cells.is_null().to_numpy()))
    return [(body, mask) for body, mask in found if mask.any()]


def _ranges(values: pl.Series, kind: str) -> Iterator[tuple[dict[str, Any], Bools]]:
    """Each value its own where there are few, else ranges with about equal numbers of rows."""
    known = values.drop_nulls().to_numpy()
    if not len(known):
        return
    distinct = np.unique(known)
    if len(distinct) <= MOST_BINS:
        for value in distinct.tolist():
            yield {"label": _written(value, kind), "low": value, "high": value}, _true(values == value)
        return
    cuts = np.unique(np.quantile(known, np.arange(1, MOST_BINS) / MOST_BINS, method="inverted_cdf"))
    places = np.searchsorted(cuts, values.fill_null(np.nan).to_numpy(), side="left")
    present = values.is_not_null().to_numpy()
    for place in range(len(cuts) + 1):
        mask = present & (places == place)
        if mask.any():
            inside = values.filter(mask)
            low, high = float(inside.min()), float(inside.max())  # type: ignore[arg-type]
            yield {"label": range_label(low, high, kind), "low": low, "high": high}, mask


def _levels(column: ColumnRecipe, cells: pl.Series) -> Iterator[tuple[dict[str, Any], Bools]]:
    told = column.levels[:MOST_BINS]
    for level in told:
        yield {"label": level}, _true(cells == level)
    rest = [*column.levels[MOST_BINS:], OTHER]
    yield {"label": REST if len(column.levels) > MOST_BINS else OTHER}, _true(cells.is_in(rest))


def range_label(low: float, high: float, kind: str) -> str:
    """A range in words.

    >>> range_label(12.0, 24.0, "integer")
    '12 to 24'
    """
    first, last = _written(low, kind), _written(high, kind)
    return first if first == last else f"{first} to {last}"


def _written(value: float, kind: str) -> str:
    if kind == "date":
        return moment_text(int(value))
    text = f"{value:.6g}" if abs(value) < 1e6 or value != int(value) else str(int(value))
    return f"{text} characters" if kind == "length" else text


def _true(marks: pl.Series) -> Bools:
    return np.asarray(marks.fill_null(False).to_numpy(), dtype=np.bool_)


def _spread(effects: Float64) -> dict[str, Any]:
    low, high = np.quantile(effects, [0.1, 0.9])
    return {
        "rows": len(effects),
        "mean": float(effects.mean()),
        "p10": float(low),
        "p90": float(high),
    }
