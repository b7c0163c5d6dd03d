"""L401: another model's output among the columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tenure.prepare.evidence import words_of
from tenure.prepare.leakage.calibration import Agreement, agreement
from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.checks.too_good import best_of_the_rest
from tenure.prepare.leakage.findings import Finding, Number
from tenure.prepare.leakage.regression import share_given_back
from tenure.prepare.leakage.table import Column, Table

_WORDS = frozenset(
    ("pred", "prediction", "predicted", "proba", "prob", "probability", "score", "scored", "classifier")
).union(("model", "propensity", "likelihood", "yhat", "forecast", "bayes"))
_FEWEST_VALUES = 20
_FEWEST_ROWS = 100
# It says what comes true, up to this share of the spread.
_CALIBRATED = 0.9
_LOGITS_CALIBRATED = 0.99
# In standard errors: less is too little signal to say that anything is calibrated.
_CERTAIN = 4.0
# How much further from perfection the best other column must be.
_AHEAD, _FAR_AHEAD = 1.1, 2.5
_GIVEN_BACK = 0.85
_TOP = 3
_TWINS = 0.95


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a column as probabilities of a class. said: float [n].  what: for the message."""

    what: str
    said: np.ndarray
    needed: float


def check_model_output(table: Table) -> Iterator[Finding]:
    """Find columns that hold probabilities of a class (or predictions of the number) that come true.

    One sign alone proves nothing: a column must be the strongest and calibrated, or the strongest by far and
    shaped as a probability, or the strongest and given back by the other columns. Names only add to that.
    """
    strengths = table.strengths
    if len(table.y) < _FEWEST_ROWS:
        return
    strongest = sorted(strengths, key=lambda name: strengths[name].error)[:_TOP]
    for column in table.columns:
        if column.name not in strongest or column.numbers is None or column.n_codes < _FEWEST_VALUES:
            continue
        error = max(strengths[column.name].error, 1e-9)
        ahead = (1.0 - best_of_the_rest(column.name, strengths)) / error
        if ahead >= _AHEAD and column.missing.mean() < 0.5:
            found = _judge(table, column, ahead)
            if found is not None:
                yield found


def _judge(table: Table, column: Column, ahead: float) -> Finding | None:
    assert column.numbers is not None
    filled = ~column.missing
    said = column.numbers[filled]
    readings = _readings(said) if table.n_classes else [Reading("a prediction", said, 0.95)]
    best = _best_agreement(table, column, readings, filled)
    calibrated = best is not None and best[1].agreement >= best[0].needed and best[1].certainty >= _CERTAIN
    bounded = table.n_classes > 0 and said.min() >= 0.0 and said.max() <= 1.0
    if not calibrated and not bounded:
        return None
    given_back = _given_back(table, column, said, filled, bounded)
    partner = _complement(table, column) if bounded else None
    named = bool(_WORDS & set(words_of(column.name)))
    more = given_back >= _GIVEN_BACK or partner is not None or named
    if not table.n_classes and not more:  # last month's value is calibrated as well
        return None
    if not calibrated and not (
        ahead >= _FAR_AHEAD or given_back >= _GIVEN_BACK or (named and ahead >= _AHEAD)
    ):
        return None
    signs: list[str] = []
    numbers: dict[str, Number] = {table.strengths[column.name].measure: table.strengths[column.name].estimate}
    if calibrated and best is not None:
        signs.append(f"as {best[0].what} it comes true (agreement {best[1].agreement:.3f})")
        numbers["agreement"] = best[1].agreement
    elif bounded:
        signs.append("it is shaped as a probability")
    times = f"{ahead:.1f}" if ahead < 100 else "over 100"
    signs.append(f"no other column is as strong (the rest is {times} times as far from perfect)")
    if given_back >= _GIVEN_BACK:
        signs.append(f"the other columns give {100 * given_back:.0f} % of it back")
        numbers["given back by the others"] = given_back
    if partner is not None:
        signs.append(f"with {_short(partner)} it sums to 1 in every row")
    if named:
        signs.append("it is named like one")
    return Finding(
        "L401",
        "critical" if (calibrated or partner is not None) and (more or ahead >= _FAR_AHEAD) else "warning",
        column.name,
        "looks like another model's output: " + "; ".join(signs),
        f"leave it out (data.exclude) unless that model is there when this one serves and never saw these rows' "
        f"{table.recipe.target.name!r}; then waive L401 with that reason",
        numbers,
        examples_of(table, column.name),
    )


def _short(name: str) -> str:
    return repr(name) if len(name) <= 40 else f"'…{name[-30:]}'"


def _readings(said: np.ndarray) -> list[Reading]:
    """The ways to read numbers as probabilities: as they are, in percent, of the other class, as log odds."""
    low, high = float(said.min()), float(said.max())
    if low >= 0.0 and high <= 1.0:
        shares = said
    elif low >= 0.0 and 1.5 < high <= 100.0 and bool(np.any(said != np.floor(said))):
        shares = said / 100.0
    elif low < 0.0 < high:
        odds = 1.0 / (1.0 + np.exp(-np.clip(said, -40.0, 40.0)))
        return [Reading("log odds", p, _LOGITS_CALIBRATED) for p in (odds, 1.0 - odds)]
    else:
        return []
    return [Reading("a probability", p, _CALIBRATED) for p in (shares, 1.0 - shares)]


def _best_agreement(
    table: Table, column: Column, readings: list[Reading], filled: np.ndarray
) -> tuple[Reading, Agreement] | None:
    y, codes = table.y[filled], column.codes[filled]
    outcomes = [y] if not table.n_classes else [(y == k).astype(np.float64) for k in range(table.n_classes)]
    if table.n_classes == 2:
        outcomes = outcomes[1:]
    found = [
        (reading, agreement(reading.said, outcome, codes, column.n_codes))
        for reading in readings
        for outcome in outcomes
    ]
    return max(found, key=lambda pair: pair[1].agreement, default=None)


def _given_back(table: Table, column: Column, said: np.ndarray, filled: np.ndarray, bounded: bool) -> float:
    """The share of the column (of its log odds, if it is a probability) that the weaker columns give back."""
    if not filled.all():
        return 0.0
    wanted = said
    if bounded:
        shares = np.clip(said, 1e-4, 1.0 - 1e-4)
        wanted = np.log(shares / (1.0 - shares))
    ranked = sorted(table.columns, key=lambda other: table.strengths[other.name].error)
    return share_given_back(wanted, [other for other in ranked if not _twins(column, other)])


def _twins(column: Column, other: Column) -> bool:
    """Whether two columns rise or fall together, or are the same."""
    if other.numbers is None or other.n_codes < _FEWEST_VALUES:
        return False
    return abs(float(np.corrcoef(column.codes, other.codes)[0, 1])) > _TWINS


def _complement(table: Table, column: Column) -> str | None:
    """Another column that sums to 1 with this one in every row, to rounding."""
    assert column.numbers is not None
    for other in table.columns:
        if other.name == column.name or other.numbers is None or other.n_codes < _FEWEST_VALUES:
            continue
        with np.errstate(invalid="ignore"):
            sums = np.abs(column.numbers[:1000] + other.numbers[:1000] - 1.0)
            if not np.all(sums <= 1e-3):
                continue
            if np.nanmean(np.abs(column.numbers + other.numbers - 1.0) <= 1e-3) > 0.999:
                return other.name
    return None
