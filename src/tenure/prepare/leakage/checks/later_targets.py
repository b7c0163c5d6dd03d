"""L702: a column that holds the target of a later row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from tenure.prepare.columns import time_values
from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.strength import Strength, strength_of
from tenure.prepare.leakage.table import Column, Table

# Rows in a row that are looked at.
_WINDOW = 20_000
_STEPS = (1, 2, 3)
_FEWEST_PAIRS = 100
# A column that does not even correlate so much with a later target is not looked at more closely.
_WORTH_A_LOOK = 0.3
_STRONG, _NEARLY, _SURE = 0.9, 0.99, 0.85
# How much further from perfection the present and the past target must be.
_FAR = 2.0


def check_later_targets(table: Table) -> Iterator[Finding]:
    """Find columns that tell the target of a later row better than the row's own or an earlier one's.

    Rows are taken in the order of time, else of the table; within a group, if there is one.
    """
    order, places = sequence_of(table)
    y = table.y[order]
    pairs = {step: _neighbours(places, step) for step in (*_STEPS, *(-step for step in _STEPS))}
    if min(len(before) for before, _ in pairs.values()) < _FEWEST_PAIRS:
        return
    for column in table.columns:
        if column.numbers is not None and not _may_know(column.numbers[order], y, pairs):
            continue
        found = {step: _strength(table, column, order, y, *pair) for step, pair in pairs.items()}
        step = max(_STEPS, key=lambda step: found[step].estimate.value)
        ahead = found[step]
        other = min(table.strengths[column.name].error, *(found[-step].error for step in _STEPS))
        if ahead.estimate.value < _STRONG or ahead.estimate.low < _SURE or other < _FAR * ahead.error:
            continue
        yield _finding(table, column, step, ahead)


def sequence_of(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """The sampled training rows in sequence: their order, int [m], and the place of each among all rows.

    Rows of the other parts lie between them: only places that differ by 1 are neighbours. A new group leaves a gap.
    """
    recipe, n_rows = table.recipe, len(table.parts)
    place = np.arange(n_rows)
    if recipe.time is not None or recipe.group is not None:
        times = place.astype(np.float64) if recipe.time is None else time_values(table.cells(recipe.time))
        groups = np.zeros(n_rows, dtype=np.int64)
        if recipe.group is not None:
            groups = table.cells(recipe.group).rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        order = np.lexsort((times, groups))
        place = np.empty(n_rows, dtype=np.int64)
        place[order] = np.arange(n_rows)
        place = place + (max(_STEPS) + 1) * groups
    own = place[table.positions]
    first = np.argsort(own, kind="stable")[:_WINDOW]
    return first, own[first]


def _neighbours(places: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that are step places apart: indices of the row, and of the one that its target is taken from."""
    target = np.minimum(np.searchsorted(places, places + step), len(places) - 1)
    here = np.flatnonzero(places[target] == places + step)
    return here, target[here]


def _may_know(numbers: np.ndarray, y: np.ndarray, pairs: dict[int, tuple[np.ndarray, np.ndarray]]) -> bool:
    for step in _STEPS:
        here, there = pairs[step]
        filled = ~np.isnan(numbers[here])
        a, b = numbers[here][filled], y[there][filled]
        if len(a) > 2 and a.std() > 0 and b.std() > 0 and abs(np.corrcoef(a, b)[0, 1]) >= _WORTH_A_LOOK:
            return True
    return False


def _strength(
    table: Table, column: Column, order: np.ndarray, y: np.ndarray, here: np.ndarray, there: np.ndarray
) -> Strength:
    rows = order[here]
    numbers = None if column.numbers is None else column.numbers[rows]
    codes, folds = column.codes[rows], table.folds[rows]
    return strength_of(codes, column.n_codes, numbers, y[there], table.n_classes, folds, table.z)


def _finding(table: Table, column: Column, step: int, ahead: Strength) -> Finding:
    target = table.recipe.target.name
    own = table.strengths[column.name].estimate
    by = f"by {table.recipe.time!r}" if table.recipe.time else "in the order of the table"
    return Finding(
        "L702",
        "critical" if ahead.estimate.value >= _NEARLY else "warning",
        column.name,
        f"tells {target!r} of {step} row(s) later ({by}) with {ahead.measure} {ahead.estimate}, "
        f"the row's own with {own.value:.4f}",
        "leave it out (data.exclude), or shift it the other way: at the row's time only earlier rows are known",
        {f"{ahead.measure} of the later target": ahead.estimate, f"{ahead.measure} of the row's own": own},
        examples_of(table, column.name),
    )
