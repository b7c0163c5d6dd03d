"""L301 and L302: a column that is filled in, or leaves its usual value, only after the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.intervals import area_bounds, simultaneous_z, wilson
from tenure.prepare.leakage.table import Column, Table
from tenure.records import Estimate

# How far the share of one outcome goes from its base rate to certainty, at its lower bound.
_SURE, _LIKELY = 0.9, 0.8
# ROC-AUC of "filled or not" alone: real gaps in data seldom reach the first.
_AREA_LIKELY, _AREA_SURE = 0.75, 0.9
_FEWEST_ROWS = 20
# A usual value is held by at least this share of the rows.
_USUAL = 0.2
_RARE_VALUE = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that may come of a row. rows: bool [n].  name: as it ends a sentence."""

    name: str
    rows: np.ndarray


def check_after_outcome(table: Table) -> Iterator[Finding]:
    """Find columns whose gaps tell the target (L301), or whose usual value does (L302)."""
    outcomes = outcomes_of(table)
    z = simultaneous_z(len(table.columns) * max(1, len(outcomes)) * 3)
    for column in table.columns:
        filled = ~column.missing
        found = _told_by(table, column, filled, outcomes, z, "L301") if column.missing.any() else None
        if found is None and (departed := _departed(column)) is not None:
            found = _told_by(table, column, departed, outcomes, z, "L302")
        if found is not None:
            yield found


def outcomes_of(table: Table) -> list[Outcome]:
    """What a column can tell: each class; or of a number its most frequent value, and its upper and lower parts."""
    target, y = table.recipe.target, table.y
    if table.n_classes:
        return [Outcome(f"{target.name} = {label}", y == k) for k, label in enumerate(target.classes)]
    values, counts = np.unique(y, return_counts=True)
    usual = values[counts.argmax()]
    found = []
    if _RARE_VALUE <= counts.max() / len(y) <= 1 - _RARE_VALUE and counts.max() >= _FEWEST_ROWS:
        found = [
            Outcome(f"{target.name} = {usual:g}", y == usual),
            Outcome(f"{target.name} other than {usual:g}", y != usual),
        ]
    low, middle, high = np.quantile(y, [0.25, 0.5, 0.75])
    cuts = [
        Outcome(f"{target.name} above {middle:g}", y > middle),
        Outcome(f"{target.name} up to {middle:g}", y <= middle),
        Outcome(f"{target.name} above {high:g}", y > high),
        Outcome(f"{target.name} below {low:g}", y < low),
    ]
    return found + [cut for cut in cuts if 0.1 <= cut.rows.mean() <= 0.9]


def _departed(column: Column) -> np.ndarray | None:
    """The rows that are filled and differ from the most frequent value, where that is frequent enough."""
    sizes = np.bincount(column.codes[~column.missing], minlength=column.n_codes)
    if not len(sizes) or sizes.max() < _USUAL * len(column.codes):
        return None
    usual = int(sizes.argmax())
    if column.numbers is not None and not column.exact:
        values = column.numbers[column.codes == usual]
        if values.min() != values.max():
            return None
    departed: np.ndarray = ~column.missing & (column.codes != usual)
    return departed


def _told_by(
    table: Table, column: Column, marked: np.ndarray, outcomes: list[Outcome], z: float, code: str
) -> Finding | None:
    """The finding that marked rows (filled, or unusual), or the others, have one outcome only; None if not so."""
    best: tuple[float, Outcome, bool, Estimate] | None = None
    for outcome in outcomes:
        base = float(outcome.rows.mean())
        # For L302 only the departure counts: that the usual value has a usual outcome is no news.
        for is_marked in (True, False) if code == "L301" else (True,):
            side = marked if is_marked else ~marked
            n = int(side.sum())
            if n < _FEWEST_ROWS or base in (0.0, 1.0):
                continue
            share = float(outcome.rows[side].mean())
            low, high = wilson(share, n, z)
            excess = (low - base) / (1.0 - base)
            if share >= 0.95 and excess >= _LIKELY and (best is None or excess > best[0]):
                best = (excess, outcome, is_marked, Estimate(share, low, high))
    certain = None if best is None else _finding(table, column, marked, best, code)
    if code == "L302" or (certain is not None and certain.severity == "critical"):
        return certain
    telling = _gaps_that_tell(table, column, marked, outcomes, z)
    return telling if certain is None or (telling is not None and telling.severity == "critical") else certain


def _finding(
    table: Table,
    column: Column,
    marked: np.ndarray,
    best: tuple[float, Outcome, bool, Estimate],
    code: str,
) -> Finding:
    excess, outcome, is_marked, share = best
    side = marked if is_marked else ~marked
    how = {"L301": "filled in" if is_marked else "missing", "L302": "anything but its usual value"}[code]
    n = int(side.sum())
    what = f"where it is {how} ({n} rows), {100 * share.value:.4g} % have {outcome.name}"
    critical = excess >= _SURE and share.value >= 0.99
    return Finding(
        code,
        "critical" if critical else "warning",
        column.name,
        f"{what}; overall {100 * outcome.rows.mean():.3g} % do",
        _todo(code, table.recipe.target.name),
        {"share with the outcome": share, "rows": n, "base rate": float(outcome.rows.mean())},
        examples_of(table, column.name, np.flatnonzero(side & outcome.rows)),
    )


def _gaps_that_tell(
    table: Table, column: Column, filled: np.ndarray, outcomes: list[Outcome], z: float
) -> Finding | None:
    for outcome in outcomes:
        inside, outside = filled[outcome.rows], filled[~outcome.rows]
        if min(len(inside), len(outside)) < _FEWEST_ROWS:
            continue
        area = 0.5 + 0.5 * (float(inside.mean()) - float(outside.mean()))
        area = max(area, 1.0 - area)
        low, high = area_bounds(area, len(inside), len(outside), z)
        if low >= _AREA_LIKELY:
            return Finding(
                "L301",
                "critical" if low >= _AREA_SURE else "warning",
                column.name,
                f"is filled in for {100 * inside.mean():.3g} % of the rows with {outcome.name} and for "
                f"{100 * outside.mean():.3g} % of the others",
                _todo("L301", table.recipe.target.name),
                {"ROC-AUC of being filled in": Estimate(area, low, high)},
                examples_of(table, column.name, np.flatnonzero(filled & outcome.rows)),
            )
    return None


def _todo(code: str, target: str) -> str:
    return (
        f"ask who writes it and when: if {target!r} brings it about, leave it out (data.exclude); "
        f"if it is known before, waive {code} with that reason"
    )
