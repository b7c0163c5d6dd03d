"""L401: a column made of the others to tell the target, as a model's output is, though it need not come true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenure.prepare.leakage.blend import Blend, Others
from tenure.prepare.leakage.calibration import (
    LOG_ODDS,
    PROBABILITY,
    VALUE,
    Reading,
    best_agreement,
    readings_of,
)
from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.checks.model_output import FEWEST_VALUES, LEAVE_OUT
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.table import Column, Table

_FEWEST_ROWS = 300
# Only the strongest columns are asked about, and those that are shaped as a sure model's output.
_STRONGEST = 10
# A model that is too sure of itself says "nearly 0" of some rows and "nearly 1" of others, in many ways each.
_NEAR, _NEAR_SHARE, _NEAR_ROWS, _ENDS_SHARE = 0.01, 0.004, 10, 0.2
# On average it says the rate of the outcome, to so many standard errors.
_ON_AVERAGE = 3.0
# Agreement below which a reading is refuted, where there is signal enough to say so (in standard errors).
_NOT_REFUTED, _CERTAIN = 0.8, 3.0
_TRUE, _FEWEST_VALUE = 0.94, 0.92
# How much of it the others give back, how many of them it takes, and how well it must tell the target beside them.
_GIVEN_BACK, _PARTS, _PARTS_IF_TRUE = 0.8, 3, 2
_SHARE_OF_VALUE = 0.6
_STANDING = {PROBABILITY: 0.85, LOG_ODDS: 0.9, VALUE: 0.85}
# A column that tells so much more than all others was fitted to these very rows; then it need not come true.
_BEYOND_ALL = 1.5
# An honest share that lies in both ends is rarely made of so many columns so closely.
_PLAIN, _PLAIN_STANDING = 0.9, 0.7


@dataclass(frozen=True, slots=True)
class Look:
    """What a column's numbers look like by themselves.

    what: how they are read, see calibration.  refuted: they do not come true, beyond noise.
    comes_true: they do, beyond noise.
    on_average: their mean is the rate (the mean) of the target, to noise.  is_sure: see _NEAR.
    """

    what: str
    refuted: bool
    comes_true: bool
    on_average: bool
    is_sure: bool


def check_blended_output(table: Table) -> Iterator[Finding]:
    """Find columns that several others give back, which tell the target as well as all of these together.

    So is a model's output that is badly calibrated (naive Bayes), or too weak to show that it is calibrated. Honest
    columns that others give back (a sum, a ratio) tell less than all others; honest strong ones are not given back.
    """
    if len(table.y) < _FEWEST_ROWS or len(table.columns) <= _PARTS:
        return
    columns = [c for c in table.columns if c.numbers is not None and c.n_codes >= FEWEST_VALUES]
    columns = [c for c in columns if c.missing.mean() <= 0.5]
    ranked = sorted(columns, key=lambda column: table.strengths[column.name].error)
    strongest = {column.name for column in ranked[:_STRONGEST]}
    others: Others | None = None
    for column in columns:
        if column.name not in strongest and not (table.n_classes and _is_sure(column)):
            continue
        look = _look(table, column)
        if look is None or not (look.is_sure or look.on_average or look.what == PROBABILITY):
            continue
        others = others or Others(table)
        blend = others.blend(column)
        if blend is None or not _is_like_an_output(table, column, look, blend, others):
            continue
        plain = look.is_sure and blend.given_back >= _PLAIN and blend.standing >= _PLAIN_STANDING
        strength = table.strengths[column.name]
        yield Finding(
            "L401",
            "critical" if plain else "warning",
            column.name,
            f"looks like another model's output: {_in_words(look, blend, table.n_classes > 0)}",
            LEAVE_OUT.format(table.recipe.target.name),
            {
                strength.measure: strength.estimate,
                "given back by the others": blend.given_back,
                "share of what all others tell": blend.standing,
            },
            examples_of(table, column.name),
        )


def _is_like_an_output(table: Table, column: Column, look: Look, blend: Blend, others: Others) -> bool:
    if blend.given_back < _GIVEN_BACK:
        return False
    if look.is_sure:
        return table.strengths[column.name].estimate.low > 0.5
    is_beyond = look.what == PROBABILITY and blend.standing >= _BEYOND_ALL
    if not is_beyond and (look.refuted or not look.on_average or blend.standing < _STANDING[look.what]):
        return False
    if look.what == VALUE and blend.share < _SHARE_OF_VALUE:
        return False
    fewest = _PARTS_IF_TRUE if look.comes_true else _PARTS
    return others.count_parts(column, blend.share) >= fewest


def _look(table: Table, column: Column) -> Look | None:
    """What the filled cells look like; None when they are read as no output."""
    assert column.numbers is not None
    filled = ~column.missing
    said, y = column.numbers[filled], table.y[filled]
    readings = readings_of(said) if table.n_classes else [Reading(VALUE, said)]
    best = best_agreement(readings, y, table.n_classes, column.codes[filled], column.n_codes)
    if best is None:
        return None
    reading, found = best
    is_certain = found.certainty >= _CERTAIN
    return Look(
        reading.what,
        # a number that no rate bounds must show that it comes true
        found.agreement < _FEWEST_VALUE or not is_certain
        if reading.what == VALUE
        else is_certain and found.agreement < _NOT_REFUTED,
        is_certain and found.agreement >= _TRUE,
        any(_is_on_average(r.said, y, table.n_classes) for r in readings),
        table.n_classes > 0 and _is_sure(column),
    )


def _is_on_average(said: np.ndarray, y: np.ndarray, n_classes: int) -> bool:
    outcomes = [(y == k).astype(np.float64) for k in range(n_classes)] or [y]
    return any(
        abs(said.mean() - outcome.mean()) <= _ON_AVERAGE * outcome.std() / len(y) ** 0.5
        for outcome in outcomes
    )


def _is_sure(column: Column) -> bool:
    assert column.numbers is not None
    said = column.numbers[~column.missing]
    if said.min() < 0.0 or said.max() > 1.0:
        return False
    low, high = (said > 0.0) & (said < _NEAR), (said > 1.0 - _NEAR) & (said < 1.0)
    fewest = max(_NEAR_ROWS, _NEAR_SHARE * len(said))
    if (
        min(low.sum(), high.sum()) < fewest
        or min(len(np.unique(said[at])) for at in (low, high)) < _NEAR_ROWS
    ):
        return False
    return bool(((said < _NEAR) | (said > 1.0 - _NEAR)).mean() >= _ENDS_SHARE)


def _in_words(look: Look, blend: Blend, is_share: bool) -> str:
    found = [
        look.is_sure and "it is nearly 0 in many rows and nearly 1 in many, as a sure model says it",
        not look.is_sure and look.on_average and f"as {look.what} it is right on average",
        f"the other columns give it back (ROC-AUC {blend.given_back:.3f})"
        if is_share
        else f"the other columns give {100 * blend.share:.0f} % of it back",
        f"alone it tells {min(100, round(100 * blend.standing))} % of what all of them tell together",
    ]
    return "; ".join(sign for sign in found if sign)
