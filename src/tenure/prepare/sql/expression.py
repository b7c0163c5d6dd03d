"""Read an expression of tenure.yaml: its SQL to the tree that both executors run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.prepare.sql.check import check
from tenure.prepare.sql.tree import Expression, ValueKind


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as it stands in tenure.yaml. where: file, line and key, for messages."""

    sql: str
    where: str


def read_expression(
    sql: str,
    kinds: Mapping[str, ValueKind],
    *,
    where: str = "the expression",
    unusable: Mapping[str, str] | None = None,
    want: ValueKind | None = None,
) -> Expression:
    """Parse and check an expression over columns of these kinds; see parse and check for what is raised.

    >>> read_expression("tenure < 3", {"tenure": "number"}).kind
    'boolean'
    """
    from tenure.prepare.sql.parse import parse

    tree = check(parse(sql, where), kinds, sql=sql, where=where, unusable=unusable, want=want)
    return Expression(sql, tree)
