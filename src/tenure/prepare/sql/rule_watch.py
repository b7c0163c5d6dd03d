"""The rules of the config over the rows of a table: which rows are left out, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from tenure.errors import SourceError
from tenure.prepare.recipe import Recipe, Rule
from tenure.prepare.split import LEFT_OUT
from tenure.prepare.sql.column_recipe import describe_broken, find_broken

_EXAMPLES = 3


@dataclass(slots=True)
class BrokenRule:
    """A rule, how many rows break it, and the first of them in words."""

    rule: Rule
    n: int = 0
    examples: list[str] = field(default_factory=list)


class RuleWatch:
    """Counts the rows that break each rule of a recipe, batch after batch, with the first examples."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._broken = [BrokenRule(rule) for rule in recipe.rules]

    def judge(self, typed: pl.DataFrame, part: pl.Series, start: int = 0) -> pl.Series:
        """The parts of a batch, with LEFT_OUT for rows that break a rule of that kind.

        typed: the inputs as read.  part: the part of each row; rows that are left out already are not judged.
        start: the number of the batch's first row, for messages.
        """
        left_out = self.count(typed, start, part != LEFT_OUT)
        return part.zip_with(~left_out, pl.Series(part.name, [LEFT_OUT], dtype=part.dtype))

    def count(self, typed: pl.DataFrame, start: int = 0, is_used: pl.Series | None = None) -> pl.Series:
        """Count the rows of a batch that break a rule, of those that are used; returns which are to be left out."""
        left_out = pl.repeat(False, typed.height, eager=True)
        for counted, (rule, marks) in zip(self._broken, find_broken(self._recipe, typed), strict=True):
            rows = (marks if is_used is None else marks & is_used).arg_true().to_list()
            counted.n += len(rows)
            for problem in describe_broken(
                self._recipe, typed, rule, rows[: _EXAMPLES - len(counted.examples)]
            ):
                counted.examples.append(f"row {problem.row + start} ({problem.value})")
            if rule.then == "leave_out":
                left_out |= marks
        return left_out

    def broken(self) -> list[BrokenRule]:
        """The rules that rows break."""
        return [broken for broken in self._broken if broken.n]

    def warnings(self, kept: str = "kept") -> tuple[str, ...]:
        """What is told of the rules that rows break. kept: what becomes of rows that are not left out.

        Raises SourceError for a rule that says so.
        """
        return tuple(_told(broken, kept) for broken in self.broken())


def _told(broken: BrokenRule, kept: str) -> str:
    sql, what = broken.rule.test.sql, _listed(broken.n, broken.examples)
    if broken.rule.then == "refuse":
        raise SourceError(
            f"{what} break the rule {sql!r}, which says `then: refuse`",
            where="data.rules in tenure.yaml",
            todo="mend the rows, or let the rule say `then: leave_out`",
        )
    done = "left out" if broken.rule.then == "leave_out" else kept
    return f"{what} break the rule {sql!r} and are {done}"


def _listed(n: int, examples: Sequence[str]) -> str:
    return f"{n} row(s), such as {', '.join(examples)},"
