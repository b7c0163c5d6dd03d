"""L501 and L502: an identifier, or the order of the rows, carries the target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from tenure.prepare.expressions import text_of
from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.strength import Strength, strength_of
from tenure.prepare.leakage.table import Table, bin_numbers

# An identifier that is handed out in order of time may follow the target a little.
_AREA, _R2 = 0.7, 0.3
_N_BINS = 1024


def check_identifiers(table: Table) -> Iterator[Finding]:
    """Find identifiers (which are no features) whose number, spelling or presence tells the target."""
    for name in identifiers_of(table):
        best: tuple[str, Strength] | None = None
        for what, codes, n_codes, numbers in _views(table, name):
            strength = _strength(table, codes, n_codes, numbers)
            if best is None or strength.estimate.low > best[1].estimate.low:
                best = (what, strength)
        if best is None or not _carries(best[1]):
            continue
        what, strength = best
        target = table.recipe.target.name
        yield Finding(
            "L501",
            "warning",
            name,
            f"{what} tells {target!r} with {strength.measure} {strength.estimate}",
            "it is no feature, so the model is safe; but ask how the table was put together: rows that were gathered "
            "by outcome may differ in other columns too",
            {strength.measure: strength.estimate},
            examples_of(table, name),
        )


def check_row_order(table: Table) -> Iterator[Finding]:
    """Find tables whose rows are sorted by the target; not with a time column, where order is time."""
    if table.is_ordered:
        return
    codes, n_codes = bin_numbers(table.positions.astype(np.float64), _N_BINS)
    strength = _strength(table, codes, n_codes, table.positions.astype(np.float64))
    if not _carries(strength):
        return
    target = table.recipe.target.name
    yield Finding(
        "L502",
        "warning",
        None,
        f"the place of a row tells {target!r} with {strength.measure} {strength.estimate}",
        "shuffle the rows where the table is made, or name the column that they are ordered by as data.time; "
        "leave out columns that number the rows",
        {strength.measure: strength.estimate},
    )


def identifiers_of(table: Table) -> list[str]:
    """The id column, and those that the recipe found to identify a row; in table order."""
    recipe = table.recipe
    kinds = {column.name for column in recipe.columns if column.kind == "identifier"}
    return [name for name in table.names if name in kinds or name == recipe.id]


def _strength(table: Table, codes: np.ndarray, n_codes: int, numbers: np.ndarray | None) -> Strength:
    """How well a coding tells the target; of several classes, the one that it tells best."""
    if table.n_classes <= 2:
        return table.strength(codes, n_codes, numbers)
    found = [
        strength_of(codes, n_codes, numbers, (table.y == k).astype(np.float64), 2, table.folds, table.z)
        for k in range(table.n_classes)
    ]
    return max(found, key=lambda strength: strength.estimate.low)


def _carries(strength: Strength) -> bool:
    return strength.estimate.low >= (_AREA if strength.measure == "ROC-AUC" else _R2)


def _views(table: Table, name: str) -> Iterator[tuple[str, np.ndarray, int, np.ndarray | None]]:
    """Codings of an identifier: what, codes, how many, numbers."""
    series = table.typed[name].rename(name)
    text = series.to_frame().select(text_of(name, series.dtype)).to_series()
    filled = text.is_not_null() & (text != "")
    if not filled.all():
        yield "whether it is filled in", filled.fill_null(False).cast(pl.Int64).to_numpy(), 2, None
    number = text.str.extract(r"(\d{1,15})\D*$").cast(pl.Float64)
    if number.null_count() < 0.5 * len(number):
        values = number.fill_null(float("nan")).to_numpy()
        yield "its number", *bin_numbers(values, _N_BINS), values
    first = text.str.head(1)
    for what, part in (
        ("its first letters", text.str.head(2)),
        ("its first letter", first),
        ("its last letter", text.str.tail(1)),
        ("its length", text.str.len_chars().cast(pl.String)),
    ):
        codes = part.fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
        yield what, codes, int(codes.max(initial=0)) + 1, None
