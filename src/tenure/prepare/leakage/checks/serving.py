"""L801 and L802: a column that is absent, empty or different where the model will serve."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from tenure.prepare.expressions import clean_cell
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.intervals import simultaneous_z
from tenure.prepare.leakage.table import Column, Table
from tenure.records import Estimate

_FEWEST_ROWS = 30
# Filled in training for more than this share of the rows, and at serving never.
_FILLED = 0.05
# Distance of the two distributions, from 0 (equal) to 1 (nothing in common), at its lower bound.
_APART = 0.3


def check_serving(table: Table) -> Iterator[Finding]:
    """Compare the features of the training part with rows as the service gets them.

    Derived features are computed from the columns that are compared.
    """
    serving = table.serving
    if serving is None or serving.height < _FEWEST_ROWS:
        return
    z = simultaneous_z(len(table.columns))
    own = {column.name for column in table.recipe.own_features}
    for column in table.columns:
        if column.name not in own:
            continue
        if column.name not in serving.columns:
            yield _absent(table, column, serving.height)
            continue
        raw = serving[column.name]
        live = serving.select(clean_cell(column.recipe, raw.dtype)).to_series()
        filled = float((~column.missing).mean())
        if live.null_count() == len(live):
            if filled > _FILLED:
                yield _empty(column, filled, len(live))
            continue
        distance = _distance(table.features[column.name], live)
        half = z * math.sqrt(0.25 / len(live) + 0.25 / len(column.codes))
        if distance - half >= _APART:
            yield _different(
                column, Estimate(distance, max(0.0, distance - half), min(1.0, distance + half)), live
            )


def _absent(table: Table, column: Column, n_rows: int) -> Finding:
    return Finding(
        "L801",
        "critical" if table.is_whole else "warning",
        column.name,
        f"is not among the columns of the {n_rows} rows from serving",
        "leave it out (data.exclude), or have the caller send it; a column that will only be sent from now on "
        "is waived with that reason",
        {"rows": n_rows},
    )


def _empty(column: Column, filled: float, n_rows: int) -> Finding:
    return Finding(
        "L801",
        "critical",
        column.name,
        f"is empty in all {n_rows} rows from serving, and filled in for {100 * filled:.3g} % of the training rows",
        "find out when it is written: most likely after the prediction is needed; then leave it out (data.exclude)",
        {"rows": n_rows, "filled in training": filled},
    )


def _different(column: Column, distance: Estimate, live: pl.Series) -> Finding:
    return Finding(
        "L802",
        "warning",
        column.name,
        f"is distributed otherwise in the {len(live)} rows from serving than in training (distance {distance}, of 1)",
        "find out whether it is still being written when the prediction is needed, or means something else there",
        {"distance": distance, "rows": len(live)},
        tuple({"at serving": value} for value in live.head(3).to_list()),
    )


def _distance(training: pl.Series, live: pl.Series) -> float:
    """Kolmogorov-Smirnov distance of numbers and dates, total variation of levels; missing cells count as one."""
    if training.dtype in (pl.String, pl.Boolean):
        a, b = (_shares(series) for series in (training, live))
        return 0.5 * sum(abs(a.get(level, 0.0) - b.get(level, 0.0)) for level in {*a, *b})
    x, y = (np.sort(s.cast(pl.Float64).fill_null(-math.inf).to_numpy()) for s in (training, live))
    points = np.concatenate([x, y])
    return float(
        np.abs(
            np.searchsorted(x, points, "right") / len(x) - np.searchsorted(y, points, "right") / len(y)
        ).max()
    )


def _shares(series: pl.Series) -> dict[object, float]:
    counts = series.alias("level").value_counts(name="n")
    return dict(zip(counts["level"].to_list(), (counts["n"] / len(series)).to_list(), strict=True))
