"""L101: one column alone predicts the target too well."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tenure.prepare.leakage.checks.examples import examples_of
from tenure.prepare.leakage.findings import Finding
from tenure.prepare.leakage.strength import Strength
from tenure.prepare.leakage.table import Column, Table

# ROC-AUC or R² from which on a column alone is too good to be true, and strong enough to be asked about. A real
# measurement with many values may separate two classes well; a flag or a code that does is rarer.
_PERFECT = {"few values": 0.99, "numbers": 0.9995, "R²": 0.995}
_STRONG = {"few values": 0.90, "numbers": 0.985, "R²": 0.98}
_SURE = 0.85
# How much further from perfection the best of the other columns must be.
_FAR, _VERY_FAR = 3.0, 5.0
_FEWEST_ROWS = 50
_FEW_VALUES = 10


def check_too_good(table: Table) -> Iterator[Finding]:
    """Find columns whose held-out ROC-AUC (or R²) is near perfect and far above that of the others."""
    strengths = table.strengths
    target = table.recipe.target.name
    for column in table.columns:
        strength = strengths[column.name]
        value, low = strength.estimate.value, strength.estimate.low
        kind = _kind(column, strength.measure)
        if value < _STRONG[kind] or low < _SURE or len(table.y) < _FEWEST_ROWS:
            continue
        rest = best_of_the_rest(column.name, strengths)
        ratio = (1.0 - rest) / max(strength.error, 1e-9)
        critical = value >= _PERFECT[kind] and low >= 0.9 and ratio >= _VERY_FAR
        if ratio < _FAR:
            continue
        yield Finding(
            "L101",
            "critical" if critical else "warning",
            column.name,
            f"alone it predicts {target!r} with {strength.measure} {strength.estimate}; "
            f"the best of the other columns reaches {rest:.4f}",
            f"find out when it is written: if only with or after {target!r}, leave it out (data.exclude); "
            "if it is known before, waive L101 with that reason",
            {strength.measure: strength.estimate, f"{strength.measure} of the rest": rest},
            examples_of(table, column.name),
        )


def _kind(column: Column, measure: str) -> str:
    if measure == "R²":
        return measure
    return "few values" if column.numbers is None or column.n_codes <= _FEW_VALUES else "numbers"


def best_of_the_rest(name: str, strengths: Mapping[str, Strength], twins: Collection[str] = ()) -> float:
    """The best value among the other columns, leaving out those that may leak together with this one.

    Of the strongest columns a third, at most three, are set aside, so that two leaks do not hide each other.
    twins: others that are known to be the same column again.
    """
    n_aside = min(3, max(1, len(strengths) // 3))
    ranked = sorted(
        strengths.keys() - set(twins), key=lambda other: (-strengths[other].estimate.value, other)
    )
    rest = [other for other in ranked if other not in {*ranked[:n_aside], name}]
    if not rest:
        rest = [other for other in ranked if other != name]
    measure = strengths[name].measure
    chance = 0.5 if measure == "ROC-AUC" else 0.0
    return max([chance, *(strengths[other].estimate.value for other in rest)])
