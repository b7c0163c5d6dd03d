"""The expressions of a recipe for one row: derived features and rules, over the values that were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenure.prepare.recipe import Recipe, Rule
from tenure.prepare.rules import words_of
from tenure.prepare.sql.calendar import moment_text
from tenure.prepare.sql.row import Step, compile_row
from tenure.prepare.sql.tree import Value
from tenure.prepare.tokens import squeeze
from tenure.records import CellProblem


class RowExpressions:
    """The derived features and rules of a recipe, compiled; values stand in the order of recipe.inputs."""

    def __init__(self, recipe: Recipe) -> None:
        self.positions = {column.name: place for place, column in enumerate(recipe.inputs)}
        self._derived: list[Step] = []
        for derived in recipe.derived:
            self._derived.append(
                _finished(compile_row(derived.value.tree, self.positions), derived.value.kind)
            )
            self.positions[derived.column.name] = len(self.positions)
        self._kinds: dict[str, str] = {column.name: column.kind for column in recipe.inputs}
        self._kinds |= {derived.column.name: derived.value.kind for derived in recipe.derived}
        tests = [(rule, compile_row(rule.test.tree, self.positions)) for rule in recipe.rules]
        self._rules = [(rule, test) for rule, test in tests if rule.then != "warn"]
        self._doubts = [(rule, test) for rule, test in tests if rule.then == "warn"]

    def derive(self, values: Sequence[Value]) -> list[Value]:
        """The values with those of the derived features after them."""
        row = list(values)
        for step in self._derived:
            row.append(step(row))
        return row

    def broken(self, row: Sequence[Value]) -> list[Rule]:
        """The rules that a row which derive made breaks; not those that only warn."""
        return [rule for rule, test in self._rules if test(row) is False]

    def breaks_any(self, row: Sequence[Value]) -> bool:
        """Whether the row breaks a rule, or one that only warns."""
        return any(test(row) is False for _, test in (*self._rules, *self._doubts))

    def problems(self, row: Sequence[Value], position: int) -> list[CellProblem]:
        """The broken rules in words, with the values that break them."""
        return self._in_words(self.broken(row), row, position)

    def doubts(self, row: Sequence[Value], position: int) -> list[CellProblem]:
        """The same for the rules that only warn."""
        broken = [rule for rule, test in self._doubts if test(row) is False]
        return self._in_words(broken, row, position)

    def _in_words(self, broken: Sequence[Rule], row: Sequence[Value], position: int) -> list[CellProblem]:
        found = []
        for rule in broken:
            values = {name: row[self.positions[name]] for name in rule.test.columns}
            found.append(CellProblem(position, *rule_words(rule, values, self._kinds)))
        return found


def rule_words(rule: Rule, values: Mapping[str, Value], kinds: Mapping[str, str]) -> tuple[str, str, str]:
    """The columns of a broken rule, the rule, and the values that break it."""
    told = [f"{name} = {_told(value, kinds.get(name))}" for name, value in values.items()]
    return ", ".join(values), words_of(rule), ", ".join(told)


def told_value(value: Any, kind: str | None) -> object:
    """A value as a person reads it: a moment as its date."""
    return moment_text(value) if kind == "date" and isinstance(value, int) else value


def _told(value: Value, kind: str | None) -> str:
    if kind == "date":
        return str(told_value(value, kind))
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _finished(step: Step, kind: str) -> Step:
    """A value as a column holds it: zero without a sign, spaces squeezed, no empty text."""
    finish = _FINISH.get(kind)
    if finish is None:
        return step

    def finished(row: Sequence[Value]) -> Any:
        value = step(row)
        return None if value is None else finish(value)

    return finished


_FINISH: dict[str, Callable[[Any], Any]] = {
    "number": lambda value: value if value != 0.0 else 0.0,
    "text": lambda value: squeeze(value) or None,
}
