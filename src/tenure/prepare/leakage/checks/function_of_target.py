"""L201 and L202: a copy, recoding or function of the target."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.intervals import wilson
from tenure.prepare.leakage.table import Column, Table
from tenure.records import Estimate

# Values that are seen less often than this say nothing about what they determine.
_SEEN = 3
_COVERED = 0.95
# Share of the rows that may contradict a function: a few mistyped ones.
_CONTRADICTIONS = 0.001
_SURE, _LIKELY = 0.9, 0.7
_FEWEST_ROWS = 50
_SAME_ORDER = 0.99999
_STRAIGHT = 1.0 - 1e-9


def check_function_of_target(table: Table) -> Iterator[Finding]:
    """Find columns in which each value goes with one class, or with one range or order of the number."""
    for column in table.columns:
        found = _of_classes(table, column) if table.n_classes else _of_number(table, column)
        if found is not None:
            yield found


def _of_classes(table: Table, column: Column) -> Finding | None:
    """Each value goes with one class, and the classes that are rarer are told as surely as the largest."""
    filled = ~column.missing
    if not column.exact or (not filled.all() and len(np.unique(table.y[filled])) < 2):  # the gap tells: L301
        return None
    n_classes, y = table.n_classes, table.y.astype(np.int64)
    counts = np.bincount(column.codes * n_classes + y, minlength=column.n_codes * n_classes)
    counts = counts.reshape(column.n_codes, n_classes)
    counts = counts[counts.sum(axis=1) >= _SEEN]
    n_rows = int(counts.sum())
    if n_rows < max(20, _COVERED * len(y)):
        return None
    told = counts.max(axis=1)
    if n_rows - int(told.sum()) > _CONTRADICTIONS * n_rows:
        return None
    largest = int(counts.sum(axis=0).argmax())
    rare = n_rows - int(counts[:, largest].sum())
    rare_told = int(told[counts.argmax(axis=1) != largest].sum())
    low = min(
        wilson(rare_told / max(rare, 1), rare, table.z)[0],
        wilson(float(told.sum()) / n_rows, n_rows - rare, table.z)[0],
    )
    values = int(column.n_codes)
    one_to_one = values == n_classes
    if low < _SURE and not (one_to_one and low >= _LIKELY):
        return None
    target = table.recipe.target.name
    what = (
        f"is {target!r} under another name" if one_to_one else f"each of its {values} values means one class"
    )
    share = float(told.sum()) / n_rows
    return Finding(
        "L201",
        "critical" if low >= _SURE else "warning",
        column.name,
        f"{what}: {n_rows - int(told.sum())} of {n_rows} training rows contradict it",
        _todo("L201", target),
        {"rows that agree": Estimate(share, min(low, share), 1.0), "values": values},
        examples_of(table, column.name),
    )


def _of_number(table: Table, column: Column) -> Finding | None:
    if len(table.y) < _FEWEST_ROWS:
        return None
    if column.numbers is not None and column.n_codes > _FEWEST_ROWS // 2:
        return _same_order(table, column, column.numbers)
    return _bands(table, column)


def _same_order(table: Table, column: Column, numbers: np.ndarray) -> Finding | None:
    """The numbers rise (or fall) with the target, row for row."""
    filled = ~column.missing
    if filled.sum() < max(_FEWEST_ROWS, 0.5 * len(filled)):
        return None
    x, y = numbers[filled], table.y[filled]
    order = float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])
    if abs(order) < _SAME_ORDER:
        return None
    target = table.recipe.target.name
    line = float(np.corrcoef(x, y)[0, 1])
    what = f"rises and falls with {target!r} in every row"
    if abs(line) > _STRAIGHT:
        slope = line * float(y.std() / x.std())
        start = float(y.mean()) - slope * float(x.mean())
        what = f"{target!r} is {slope:.6g} times it{f', plus {start:.6g}' if abs(start) > 1e-6 * y.std() else ''}"
    numbers_found = {"rank correlation": order, "correlation": line, "rows": len(x)}
    todo = _todo("L202", target)
    return Finding(
        "L202", "critical", column.name, what, todo, numbers_found, examples_of(table, column.name)
    )


def _bands(table: Table, column: Column) -> Finding | None:
    """Each value stands for a range of the target that no other value shares."""
    sizes = np.bincount(column.codes, minlength=column.n_codes)
    used = np.flatnonzero(sizes >= _SEEN)
    if not column.exact or len(used) < 2 or sizes[used].sum() < _COVERED * len(table.y):
        return None
    if np.sort(sizes[used])[-2] < 20 or len(table.y) / len(used) < 5:
        return None
    ranges = []
    for code in used:
        inside = table.y[column.codes == code]
        ranges.append((float(inside.min()), float(inside.max())))
    ranges.sort()
    if any(after[0] < before[1] for before, after in pairwise(ranges)):
        return None
    target = table.recipe.target.name
    return Finding(
        "L202",
        "critical",
        column.name,
        f"each of its {len(used)} values stands for a range of {target!r} that no other value shares",
        _todo("L202", target),
        {"values": len(used), "rows": int(sizes[used].sum())},
        examples_of(table, column.name),
    )


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * counts)[inverse]


def _todo(code: str, target: str) -> str:
    return (
        f"leave it out (data.exclude): it is made from {target!r}; if {target!r} is made from it by a known rule, "
        f"no model is needed, or waive {code} with that reason"
    )
