"""The leakage gate: every check, in one call, before any training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from tenure.prepare.glance import Glance
from tenure.prepare.leakage.checks.after_outcome import check_after_outcome
from tenure.prepare.leakage.checks.blended_output import check_blended_output
from tenure.prepare.leakage.checks.function_of_target import check_function_of_target
from tenure.prepare.leakage.checks.late_dates import check_late_dates
from tenure.prepare.leakage.checks.later_targets import check_later_targets
from tenure.prepare.leakage.checks.model_output import check_model_output
from tenure.prepare.leakage.checks.order import check_identifiers, check_row_order
from tenure.prepare.leakage.checks.serving import check_serving
from tenure.prepare.leakage.checks.shared_rows import check_shared_entities, check_shared_rows
from tenure.prepare.leakage.checks.too_good import check_too_good
from tenure.prepare.leakage.findings import Finding, Findings, settle
from tenure.prepare.leakage.table import Table
from tenure.prepare.recipe import Recipe

Check = Callable[[Table], Iterable[Finding]]

# Of one column's own values the first finding explains the others: a copy predicts too well, too.
VALUE_CHECKS: tuple[Check, ...] = (
    check_function_of_target,
    check_after_outcome,
    check_model_output,
    check_blended_output,
    check_too_good,
)
OTHER_CHECKS: tuple[Check, ...] = (
    check_identifiers,
    check_row_order,
    check_shared_rows,
    check_shared_entities,
    check_late_dates,
    check_later_targets,
    check_serving,
)


def check_leakage(
    recipe: Recipe,
    rows: pl.LazyFrame,
    *,
    waive: Mapping[str, Mapping[str, str]] | None = None,
    serving: pl.DataFrame | None = None,
    is_whole: bool = True,
    by_time: bool = False,
    glance: Glance | None = None,
) -> Findings:
    """Look for leaks in split rows.

    rows: as they are kept, see prepare.typed; the target is read in the training part only.
    waive: code -> column (or "*") -> reason.
    serving: raw rows as the service gets them.  is_whole: they hold every column that will be sent.
    by_time: the rows stand in order of time, and the test rows are the latest.
    glance: a sample of the training rows, where it was taken already.
    """
    table = Table(recipe, rows, serving, is_whole, by_time, glance)
    found = _explained([finding for check in VALUE_CHECKS for finding in check(table)])
    found += [finding for check in OTHER_CHECKS for finding in check(table)]
    return settle(found, _not_run(table), waive or {})


def _explained(found: list[Finding]) -> list[Finding]:
    """One finding a column: the gravest, of equals the most telling, which stands first."""
    kept: dict[str | None, Finding] = {}
    for finding in found:
        held = kept.get(finding.column)
        if held is None or (held.severity == "warning" and finding.severity == "critical"):
            kept[finding.column] = finding
    return list(kept.values())


def _not_run(table: Table) -> dict[str, str]:
    """Checks that had nothing to look at, with the reason."""
    reasons: dict[str, str] = {}
    if table.serving is None or table.serving.height < 30:
        n = 0 if table.serving is None else table.serving.height
        why = (
            f"{n} rows from serving are too few to compare with"
            if n
            else "there are no rows from serving yet"
        )
        reasons |= {"L801": why, "L802": why}
    if table.recipe.time is None:
        reasons["L701"] = "there is no time column (data.time)"
    return reasons
