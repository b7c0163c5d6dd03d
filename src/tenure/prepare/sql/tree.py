"""An expression as plain data: columns, constants and calls, each with the kind of value it gives.

Values are those of prepare.recipe: number float64, boolean bool, text str, date int64 microseconds since
1970-01-01 UTC; null is None. A number is never NaN nor beyond tokens.LARGEST_NUMBER.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tenure.errors import ReleaseError

ValueKind = Literal["number", "boolean", "text", "date", "unknown"]
Value = float | int | bool | str | None
Span = tuple[int, int]

NOWHERE: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column. kind: "unknown" until the table is known.  at: where it stands in the SQL."""

    name: str
    kind: ValueKind = "unknown"
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that is the same in every row. kind: of a null, what it stands beside."""

    value: Value
    kind: ValueKind
    at: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operation on the values of args. op: a key of signatures.OPERATIONS."""

    op: str
    args: tuple[Node, ...]
    kind: ValueKind = "unknown"
    at: Span = field(default=NOWHERE, compare=False, repr=False)


Node = Column | Constant | Call


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, from the left."""
    yield node
    if isinstance(node, Call):
        for arg in node.args:
            yield from walk(arg)


def columns_of(node: Node) -> tuple[str, ...]:
    """The columns that an expression reads, each once, from the left.

    >>> columns_of(Call("add", (Column("b"), Call("mul", (Column("a"), Column("b"))))))
    ('b', 'a')
    """
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Column)))


def to_json(node: Node) -> list[Any]:
    """The tree as nested lists: [op, kind, *args], with the ops "column" and "constant" at the leaves.

    >>> to_json(Call("neg", (Column("a", "number"),), "number"))
    ['neg', 'number', ['column', 'number', 'a']]
    """
    if isinstance(node, Column):
        return ["column", node.kind, node.name]
    if isinstance(node, Constant):
        return ["constant", node.kind, node.value]
    return [node.op, node.kind, *map(to_json, node.args)]


def from_json(body: list[Any]) -> Node:
    """Read what to_json wrote. Raises ValueError, TypeError or RecursionError for anything else."""
    op, kind, *rest = body
    if op == "column":
        (name,) = rest
        return Column(name, kind)
    if op == "constant":
        (value,) = rest
        return Constant(float(value) if kind == "number" and value is not None else value, kind)
    return Call(op, tuple(map(from_json, rest)), kind)


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
