"""Check one row in plain Python, for the service: what check_cells does to tables, at no cost for a good row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import contains
from typing import Any

from tenure.config.schema import TableSchema, text_of_micros
from tenure.errors import RowsRefused
from tenure.prepare.recipe import OTHER, Recipe
from tenure.prepare.rows import Cell, CleanValue, cell_reader
from tenure.prepare.rules import A_RULE, MISSING_KEY
from tenure.prepare.schema.terms import Terms, terms_of
from tenure.prepare.tokens import shown
from tenure.records import CellProblem

Found = tuple[str, str, bool]
"""The rule in words, the value as it is shown, and whether it is an error."""


class RowGuard:
    """A schema made ready to judge rows that a recipe has cleaned; make it once, it may be shared by threads.

    A cell can break its range only if its clean value is an end of the training range, or lies where the schema is
    narrower than training was; its levels only if it is cleaned to (other), or to a level that the schema lacks.
    So a good row costs one look-up a feature, and only suspects are read again.
    suspects: for each of the recipe's features, the clean values that may hide a broken rule.  is_plain: whether check
    finds nothing in a row without any of them.
    """

    def __init__(self, recipe: Recipe, schema: TableSchema, beside: Collection[str] = ()) -> None:
        # beside: columns that are no features, and wanted all the same
        terms = {t.column.name: t for t in terms_of(schema, recipe, "serve")}
        self._names = [column.name for column in recipe.features]
        # A derived feature is asked nothing: what it was made from is.
        self.suspects = tuple(_suspects(terms[n]) if n in terms else frozenset() for n in self._names)
        self._narrow = tuple(
            place for place, n in enumerate(self._names) if n in terms and _is_narrower(terms[n])
        )
        self._readers = {name: cell_reader(t.column) for name, t in terms.items()}
        self._judges = {name: _judge(t, self._readers[name]) for name, t in terms.items()}
        self._severities = {name: t.severities for name, t in terms.items()}
        self._known = frozenset([*schema.columns, *(column.name for column in recipe.inputs), *beside])
        self._extra = schema.severity_of("new_columns", "serve")
        # Nothing is asked that the suspects do not tell.
        self.is_plain = self._extra == "off" and not self._narrow

    def check(self, row: Mapping[str, object], values: Sequence[CleanValue]) -> tuple[CellProblem, ...]:
        """What of a row breaks a rule whose severity is warning; () for nearly every row.

        values: the clean values of the row, in the order of the recipe's features.
        Raises RowsRefused that names every cell which breaks a rule whose severity is error.
        """
        if not any(map(contains, self.suspects, values)) and self.is_plain:
            return ()
        return self._look(row, values)

    def mend(
        self, row: Mapping[str, object], problems: Sequence[CellProblem]
    ) -> tuple[dict[str, Any], list[CellProblem]]:
        """Leave cells empty that cannot be read, or are not there, where the schema takes that for no error.

        problems: what the recipe refused.  Returns the row to be cleaned again, and warnings.
        Raises RowsRefused with the problems that stay errors.
        """
        mended: dict[str, Any] = dict(row)
        warnings: list[CellProblem] = []
        errors: list[CellProblem] = []
        for problem in problems:
            if problem.rule.startswith(A_RULE):
                errors.append(problem)
                continue
            absent = problem.rule == MISSING_KEY
            severities = self._severities.get(problem.column)
            severity = severities["presence" if absent else "type"] if severities is not None else "error"
            if severity == "error":
                errors.append(problem)
            elif severity == "warning":
                warnings.append(problem)
            mended[problem.column] = None
        if errors:
            raise RowsRefused(errors + self._other_errors(row, {problem.column for problem in problems}))
        return mended, warnings

    def _other_errors(self, row: Mapping[str, object], named: Collection[str]) -> list[CellProblem]:
        """What else of a row that is refused is an error, so that all bad cells are named at once."""
        found = []
        for name, judge in self._judges.items():
            if name not in named and name in row:
                told = judge(row[name], self._readers[name](row[name]))
                found += [CellProblem(0, name, told[0], told[1])] if told is not None and told[2] else []
        return found

    def _look(self, row: Mapping[str, object], values: Sequence[CleanValue]) -> tuple[CellProblem, ...]:
        """Read the suspects again and judge them; the slow way."""
        warnings: list[CellProblem] = []
        errors: list[CellProblem] = []
        places = [
            p for p, (value, hiding) in enumerate(zip(values, self.suspects, strict=False)) if value in hiding
        ]
        for place in sorted({*places, *self._narrow}):
            name = self._names[place]
            found = self._judges[name](row.get(name), values[place])
            if found is not None:
                (errors if found[2] else warnings).append(CellProblem(0, name, found[0], found[1]))
        if self._extra != "off":
            for name in row:
                if name not in self._known:
                    problem = CellProblem(0, name, "is no column of schema.json", shown(row[name]))
                    (errors if self._extra == "error" else warnings).append(problem)
        if errors:
            raise RowsRefused(errors)
        return tuple(warnings)


def _suspects(t: Terms) -> frozenset[CleanValue]:
    """The clean values that may hide a broken rule."""
    found: set[CleanValue] = {None} if t.nulls == 0 else set()
    if t.keys is not None:
        found |= {OTHER, *(level for level in t.column.levels if t.key_of(level) not in t.keys)}
    if t.column.bounds is not None:
        low, high = t.column.bounds
        found |= {low} if t.low is not None else set()
        found |= {high} if t.high is not None else set()
    return frozenset(found)


def _is_narrower(t: Terms) -> bool:
    """Whether the schema's range is narrower than the training range: values need not be clipped to break it."""
    low, high = t.column.bounds or (float("-inf"), float("inf"))
    return (t.low is not None and t.low > low) or (t.high is not None and t.high < high)


def _judge(t: Terms, read: Cell) -> Callable[[object, CleanValue], Found | None]:
    """The function that says which rule a cell breaks, if any; its arguments are the raw and the clean value."""
    nulls = (t.texts["nulls"], t.severities["nulls"] == "error") if t.nulls == 0 else None
    is_date = t.column.kind == "date"

    def judge(raw: object, value: CleanValue) -> Found | None:
        if value is None:
            return None if nulls is None else (nulls[0], shown(raw), nulls[1])
        said: Any = read(raw)
        if t.keys is not None and t.key_of(said) not in t.keys:
            return t.texts["levels"], shown(said), t.severities["levels"] == "error"
        if (t.low is not None and said < t.low) or (t.high is not None and said > t.high):
            return (
                t.texts["range"],
                text_of_micros(said) if is_date else shown(said),
                t.severities["range"] == "error",
            )
        return None

    return judge
