"""An expression of tenure.yaml: its SQL, and the tree that both executors run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tenure.errors import ReleaseError
from tenure.prepare.sql.check import check
from tenure.prepare.sql.tree import Node, ValueKind, columns_of, from_json, to_json


@dataclass(frozen=True)
class Expression:
    """sql: as the user wrote it.  tree: the same with the kind of every part."""

    sql: str
    tree: Node

    @property
    def kind(self) -> ValueKind:
        """The kind of value it gives."""
        return self.tree.kind

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return columns_of(self.tree)

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {"sql": self.sql, "tree": to_json(self.tree)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Expression:
        """Read what to_json wrote. Raises ReleaseError for anything else."""
        try:
            return cls(body["sql"], from_json(body["tree"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ReleaseError(f"an expression cannot be read: {error}", todo="train again") from error


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
