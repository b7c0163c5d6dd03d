"""L401: another model's output among the columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenure.prepare.evidence import words_of
from tenure.prepare.leakage.blend import Others
from tenure.prepare.leakage.calibration import (
    LOG_ODDS,
    PROBABILITY,
    VALUE,
    Reading,
    best_agreement,
    readings_of,
)
from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.checks.too_good import best_of_the_rest
from tenure.prepare.leakage.findings import Finding, Number
from tenure.prepare.leakage.regression import share_given_back
from tenure.prepare.leakage.table import Column, Table

_WORDS = frozenset(
    ("pred", "prediction", "predicted", "proba", "prob", "probability", "score", "scored", "classifier")
).union(("model", "propensity", "likelihood", "yhat", "forecast", "bayes"))
FEWEST_VALUES = 20
_FEWEST_ROWS = 100
LEAVE_OUT = (
    "leave it out (data.exclude) unless that model is there when this one serves and never saw {!r} of these rows; "
    "then waive L401 with that reason"
)
# Agreement from which a reading counts as calibrated. A measurement of either sign is log odds by chance more
# easily than one between 0 and 1 is a probability.
_CALIBRATED = {LOG_ODDS: 0.94, VALUE: 0.92}
_CALIBRATED_SHARE = 0.85
# In standard errors: with less signal nothing can be said to be calibrated.
_CERTAIN = 4.0
# How much further from perfection the best of the other columns must be: with other signs, with one, with none.
_AHEAD, _WELL_AHEAD, _FAR_AHEAD = 1.02, 1.3, 2.5
_GIVEN_BACK = 0.85
_PARTS = 3
# Last month's value is calibrated too, but spread as widely as this one: then R² is high.
_MOST_R2 = 0.6
_TWINS = 0.95


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a model's output. All but the first two also occur in honest columns, one at a time.

    calibrated: how it comes true, in words, or None.  agreement: see calibration.Agreement.
    bounded: all cells lie between 0 and 1.  ahead: how many times as far from perfect the rest is.
    given_back: R² of the column from the others, of which it takes n_parts.
    partner: the column that it sums to 1 with.
    """

    calibrated: str | None
    agreement: float
    bounded: bool
    ahead: float
    given_back: float
    n_parts: int
    partner: str | None
    named: bool

    @property
    def others(self) -> bool:
        """Whether anything but calibration and strength speaks for it."""
        return self.given_back >= _GIVEN_BACK or self.partner is not None or self.named

    @property
    def suffice(self) -> bool:
        """Whether they amount to a finding."""
        if self.calibrated is not None:
            return self.others or self.ahead >= _WELL_AHEAD
        return self.bounded and (self.partner is not None or self.named)

    @property
    def are_critical(self) -> bool:
        """Whether they leave no other explanation."""
        if self.calibrated == LOG_ODDS:  # sums of measurements look like that, too
            return self.named
        shaped = self.calibrated is not None or self.partner is not None
        # a ratio of two columns that drives the target comes true as well
        is_blend = self.given_back >= _GIVEN_BACK and self.n_parts >= _PARTS
        return shaped and (is_blend or self.partner is not None or self.named or self.ahead >= _FAR_AHEAD)

    def in_words(self) -> str:
        """The signs, the most telling first."""
        times = f"{self.ahead:.1f}" if self.ahead < 100 else "over 100"
        found = [
            self.calibrated and f"as {self.calibrated} it comes true (agreement {self.agreement:.3f})",
            self.calibrated is None and "it is shaped as a probability",
            f"no other column is as strong (the rest is {times} times as far from perfect)",
            self.given_back >= _GIVEN_BACK
            and f"the other columns give {100 * self.given_back:.0f} % of it back",
            self.partner and f"with {_short(self.partner)} it sums to 1 in every row",
            self.named and "it is named like one",
        ]
        return "; ".join(sign for sign in found if sign)


def check_model_output(table: Table) -> Iterator[Finding]:
    """Find columns that hold probabilities of a class (or predictions of the number).

    Only the strongest column, or one that rises and falls with it, is looked at; for more than two classes as
    many as there are classes.
    """
    if len(table.y) < _FEWEST_ROWS:
        return
    columns = [c for c in table.columns if c.numbers is not None and c.n_codes >= FEWEST_VALUES]
    ranked = sorted(columns, key=lambda column: table.strengths[column.name].error)
    leading = ranked[: max(1, table.n_classes - 1)]
    for column in columns:
        if column.missing.mean() > 0.5 or not any(_go_together(table, column, leader) for leader in leading):
            continue
        signs = _signs(table, column)
        if signs is None or not signs.suffice:
            continue
        strength = table.strengths[column.name]
        numbers: dict[str, Number] = {strength.measure: strength.estimate, "times ahead": signs.ahead}
        if signs.calibrated is not None:
            numbers["agreement"] = signs.agreement
        if signs.given_back:
            numbers["given back by the others"] = signs.given_back
        yield Finding(
            "L401",
            "critical" if signs.are_critical else "warning",
            column.name,
            f"looks like another model's output: {signs.in_words()}",
            LEAVE_OUT.format(table.recipe.target.name),
            numbers,
            examples_of(table, column.name),
        )


def _signs(table: Table, column: Column) -> Signs | None:
    """The signs of one column; None when it is neither ahead of the others nor shaped as an output."""
    strength = table.strengths[column.name]
    twins = [c.name for c in table.columns if c is not column and _go_together(table, column, c)]
    rest = max(best_of_the_rest(column.name, table.strengths, twins), *_other_kinds(table, column))
    ahead = (1.0 - rest) / max(strength.error, 1e-9)
    if ahead < _AHEAD:
        return None
    assert column.numbers is not None
    filled = ~column.missing
    said = column.numbers[filled]
    readings = readings_of(said) if table.n_classes else [Reading(VALUE, said)]
    best = best_agreement(readings, table.y[filled], table.n_classes, column.codes[filled], column.n_codes)
    calibrated, agreed = None, 0.0
    if best is not None and best[1].certainty >= _CERTAIN:
        agreed = best[1].agreement
        if agreed >= _CALIBRATED.get(best[0].what, _CALIBRATED_SHARE):
            calibrated = best[0].what
    bounded = table.n_classes > 0 and said.min() >= 0.0 and said.max() <= 1.0
    if not bounded and calibrated is None:
        return None
    named = bool(_WORDS & set(words_of(column.name)))
    wanted = best[0].said if best is not None and best[0].what == PROBABILITY else said
    given_back = _given_back(table, column, wanted) if filled.all() else 0.0
    if not table.n_classes and strength.estimate.value > _MOST_R2 and given_back < _GIVEN_BACK and not named:
        return None
    partner = _complement(table, column) if bounded else None
    n_parts = _count_parts(table, column) if given_back >= _GIVEN_BACK else 0
    return Signs(calibrated, agreed, bounded, ahead, given_back, n_parts, partner, named)


def _count_parts(table: Table, column: Column) -> int:
    others = Others(table)
    blend = others.blend(column)
    return others.count_parts(column, blend.share) if blend is not None else 0


def _other_kinds(table: Table, column: Column) -> list[float]:
    """The strengths of the columns of words: no model's output, so none is set aside."""
    return [
        0.0,
        *(
            table.strengths[c.name].estimate.value
            for c in table.columns
            if c.numbers is None and c is not column
        ),
    ]


def _short(name: str) -> str:
    return repr(name) if len(name) <= 40 else f"'…{name[-30:]}'"


def _given_back(table: Table, column: Column, wanted: np.ndarray) -> float:
    """The share of the column (of its log odds, if it lies between 0 and 1) that the other columns give back."""
    if wanted.min() >= 0.0 and wanted.max() <= 1.0:
        shares = np.clip(wanted, 1e-4, 1.0 - 1e-4)
        wanted = np.log(shares / (1.0 - shares))
    ranked = sorted(table.columns, key=lambda other: table.strengths[other.name].error)
    return share_given_back(wanted, [other for other in ranked if not _twins(column, other)])


def _twins(column: Column, other: Column) -> bool:
    """Whether two columns rise or fall together, or are the same."""
    if other is column:
        return True
    if other.numbers is None or other.n_codes < FEWEST_VALUES:
        return False
    return abs(float(np.corrcoef(column.codes, other.codes)[0, 1])) > _TWINS


def _go_together(table: Table, column: Column, leader: Column) -> bool:
    if _twins(column, leader):
        return True
    # The pair itself first: in a wide table, looking through all columns for each pair takes for ever.
    return _sum_to_one(leader, column) and _complement(table, leader) == column.name


def _complement(table: Table, column: Column) -> str | None:
    """Another column that sums to 1 with this one in every row, to rounding."""
    return next((other.name for other in table.columns if _sum_to_one(column, other)), None)


def _sum_to_one(column: Column, other: Column) -> bool:
    if other.name == column.name or column.numbers is None or other.numbers is None:
        return False
    if other.n_codes < FEWEST_VALUES:
        return False
    with np.errstate(invalid="ignore"):
        if not np.all(np.abs(column.numbers[:1000] + other.numbers[:1000] - 1.0) <= 1e-3):
            return False
        return bool(np.nanmean(np.abs(column.numbers + other.numbers - 1.0) <= 1e-3) > 0.999)
