"""L701: a date that lies after the row's own time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding, Number
from tenure.prepare.leakage.intervals import area_bounds, wilson
from tenure.prepare.leakage.table import Table
from tenure.records import Estimate

_DAY = 86_400_000_000  # microseconds
_SOME = 0.01
_FEWEST = 5
_TELLS = 0.75


def check_late_dates(table: Table) -> Iterator[Finding]:
    """Find date columns that lie after the row's own time, by a day or more (L701); needs data.time."""
    times = table.times
    if times is None or np.isnan(times).all() or not np.nanmax(np.abs(times)) > 1e12:  # numbers, not dates
        return
    for column in table.columns:
        if column.recipe.kind != "date" or column.numbers is None:
            continue
        with np.errstate(invalid="ignore"):
            late = column.numbers >= times + _DAY
        n = int(late.sum())
        if n < max(_FEWEST, _SOME * int((~column.missing).sum())):
            continue
        share = late.mean()
        low, high = wilson(float(share), len(late), table.z)
        tells = _telling(table, late)
        critical = tells is not None and tells.low >= _TELLS
        target = table.recipe.target.name
        evidence: dict[str, Number] = {"share of the rows": Estimate(float(share), low, high)}
        if tells is not None:
            evidence["ROC-AUC of being late"] = tells
        what = f"lies after {table.recipe.time!r} in {n} of {len(late)} rows"
        if critical:
            what += f", and whether it does tells {target!r} (ROC-AUC {tells})"
        yield Finding(
            "L701",
            "critical" if critical else "warning",
            column.name,
            what,
            "leave it out (data.exclude), or join what was known at the row's time; if it is a plan that was known "
            "then, such as the end of a contract, waive L701 with that reason",
            evidence,
            examples_of(table, column.name, np.flatnonzero(late)),
        )


def _telling(table: Table, late: np.ndarray) -> Estimate | None:
    """ROC-AUC of "late" against the class that it tells best; None for regression or where it never differs."""
    if not table.n_classes or late.all():
        return None
    best: Estimate | None = None
    for k in range(table.n_classes):
        inside, outside = late[table.y == k], late[table.y != k]
        if not len(inside) or not len(outside):
            continue
        area = 0.5 + 0.5 * abs(float(inside.mean()) - float(outside.mean()))
        low, high = area_bounds(area, len(inside), len(outside), table.z)
        if best is None or area > best.value:
            best = Estimate(area, low, high)
    return best
