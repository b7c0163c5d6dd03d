"""The row executor of an expression: closures on a sequence of values, without Polars or NumPy."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenure.prepare.date_text import DAY
from tenure.prepare.sql import scalars
from tenure.prepare.sql.calendar import PARTS, UNITS, moment_text
from tenure.prepare.sql.tree import Call, Column, Constant, Node, Value
from tenure.prepare.tokens import SPACES

Row = Sequence[Value]
# Any: which of the values an operation gets is settled by the kinds in the tree.
Step = Callable[[Row], Any]


def compile_row(node: Node, positions: Mapping[str, int]) -> Step:
    """A function from the values of a row to the value of a typed tree. positions: column -> index in the row.

    >>> compile_row(Call("div", (Column("a", "number"), Constant(4.0, "number")), "number"), {"a": 0})((3.0,))
    0.75
    """
    if isinstance(node, Column):
        return operator.itemgetter(positions[node.name])
    if isinstance(node, Constant):
        value = node.value
        return lambda row: value
    return _BUILDERS[node.op](node, [compile_row(arg, positions) for arg in node.args])


def folded(node: Node) -> Node:
    """A call of constants as the constant it gives; every other node as it is."""
    if not isinstance(node, Call) or not all(isinstance(arg, Constant) for arg in node.args):
        return node
    return Constant(compile_row(node, {})(()), node.kind, node.at)


def constant(node: Node) -> Any:
    """The value of an argument that shapes the operation. Raises TypeError when it is none."""
    if not isinstance(node, Constant):
        raise TypeError("a constant is expected")
    return node.value


Builder = Callable[[Call, list[Step]], Step]


def _lift(function: Callable[[Any], Any]) -> Builder:
    """A function of one value; null gives null."""

    def build(node: Call, args: list[Step]) -> Step:
        first = args[0]

        def step(row: Row) -> Any:
            value = first(row)
            return None if value is None else function(value)

        return step

    return build


def _lift2(function: Callable[[Any, Any], Any]) -> Builder:
    """A function of two values; a null gives null."""

    def build(node: Call, args: list[Step]) -> Step:
        first, second = args

        def step(row: Row) -> Any:
            left = first(row)
            if left is None:
                return None
            right = second(row)
            return None if right is None else function(left, right)

        return step

    return build


def _arithmetic(function: Callable[[Any, Any], float]) -> Builder:
    """As _lift2, and null beyond the range of numbers."""
    return _lift2(lambda left, right: scalars.in_range(function(left, right)))


def _divide(left: float, right: float) -> float | None:
    return scalars.in_range(left / right) if right else None


def _modulo(left: float, right: float) -> float | None:
    return math.fmod(left, right) if right else None


def _and(node: Call, args: list[Step]) -> Step:
    first, second = args

    def step(row: Row) -> bool | None:
        left = first(row)
        if left is False:
            return False
        right = second(row)
        return False if right is False else None if left is None or right is None else True

    return step


def _or(node: Call, args: list[Step]) -> Step:
    first, second = args

    def step(row: Row) -> bool | None:
        left = first(row)
        if left is True:
            return True
        right = second(row)
        return True if right is True else None if left is None or right is None else False

    return step


def _is_null(node: Call, args: list[Step]) -> Step:
    (first,) = args
    return lambda row: first(row) is None


def _in(node: Call, args: list[Step]) -> Step:
    first, values = args[0], frozenset(map(constant, node.args[1:]))

    def step(row: Row) -> bool | None:
        value = first(row)
        return None if value is None else value in values

    return step


def _case(node: Call, args: list[Step]) -> Step:
    branches, default = list(zip(args[0::2], args[1::2], strict=False)), args[-1]

    def step(row: Row) -> Any:
        for asked, result in branches:
            if asked(row):
                return result(row)
        return default(row)

    return step


def _coalesce(node: Call, args: list[Step]) -> Step:
    def step(row: Row) -> Any:
        for arg in args:
            value = arg(row)
            if value is not None:
                return value
        return None

    return step


def _extreme(choose: Callable[..., Any]) -> Builder:
    def build(node: Call, args: list[Step]) -> Step:
        def step(row: Row) -> Any:
            values = [arg(row) for arg in args]
            return None if None in values else choose(values)

        return step

    return build


def _round(node: Call, args: list[Step]) -> Step:
    digits = int(constant(node.args[1])) if len(node.args) > 1 else 0
    return _lift(lambda value: scalars.rounded(value, digits))(node, args)


def _like(node: Call, args: list[Step]) -> Step:
    match = re.compile(scalars.like_pattern(constant(node.args[1])), re.DOTALL).fullmatch
    return _lift(lambda text: match(text) is not None)(node, args)


def _substr(node: Call, args: list[Step]) -> Step:
    begin = int(constant(node.args[1])) - 1
    end = begin + int(constant(node.args[2])) if len(node.args) > 2 else None
    return _lift(operator.itemgetter(slice(begin, end)))(node, args)


def _replace(node: Call, args: list[Step]) -> Step:
    old, new = map(constant, node.args[1:])
    return _lift(lambda text: text.replace(old, new))(node, args)


def _concat(node: Call, args: list[Step]) -> Step:
    return lambda row: "".join([arg(row) or "" for arg in args])


def _extract(node: Call, args: list[Step]) -> Step:
    part = PARTS[constant(node.args[0])]
    return _lift(lambda moment: float(part(moment)))(node, args[1:])


def _date_diff(node: Call, args: list[Step]) -> Step:
    unit = UNITS[constant(node.args[0])]
    return _lift2(lambda start, end: float(unit(end) - unit(start)))(node, args[1:])


_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER = str.maketrans(_UPPER, _UPPER.lower())
_TO_UPPER = str.maketrans(_UPPER.lower(), _UPPER)

_BUILDERS: dict[str, Builder] = {
    **{op: _arithmetic(getattr(operator, op)) for op in ("add", "sub", "mul")},
    "div": _lift2(_divide),
    "mod": _lift2(_modulo),
    "power": _lift2(scalars.power),
    **{op: _lift2(getattr(operator, op)) for op in ("eq", "ne", "lt", "le", "gt", "ge")},
    "neg": _lift(operator.neg),
    "not": _lift(operator.not_),
    "abs": _lift(abs),
    "floor": _lift(lambda value: value // 1.0),
    "ceil": _lift(lambda value: -(-value // 1.0)),
    "sign": _lift(lambda value: 1.0 if value > 0.0 else -1.0 if value < 0.0 else 0.0),
    "sqrt": _lift(lambda value: math.sqrt(value) if value >= 0.0 else None),
    "ln": _lift(scalars.ln),
    "log10": _lift(scalars.log10),
    "exp": _lift(scalars.exp),
    "round": _round,
    "and": _and,
    "or": _or,
    "is_null": _is_null,
    "in": _in,
    "case": _case,
    "coalesce": _coalesce,
    "nullif": lambda node, args: _nullif(args),
    "least": _extreme(min),
    "greatest": _extreme(max),
    "like": _like,
    "length": _lift(lambda text: float(len(text))),
    "lower": _lift(lambda text: text.translate(_TO_LOWER)),
    "upper": _lift(lambda text: text.translate(_TO_UPPER)),
    "trim": _lift(lambda text: text.strip(SPACES)),
    "substr": _substr,
    "replace": _replace,
    "join": _lift2(operator.add),
    "concat": _concat,
    "extract": _extract,
    "date_diff": _date_diff,
    "boolean_number": _lift(float),
    "text_number": _lift(scalars.text_number),
    "number_boolean": _lift(bool),
    "text_boolean": _lift(scalars.text_boolean),
    "number_text": _lift(scalars.number_text),
    "boolean_text": _lift(lambda value: "true" if value else "false"),
    "date_text": _lift(moment_text),
    "text_date": _lift(scalars.text_date),
    "day": _lift(lambda moment: moment // DAY * DAY),
}


def _nullif(args: list[Step]) -> Step:
    first, second = args

    def step(row: Row) -> Any:
        value = first(row)
        return None if value is not None and value == second(row) else value

    return step
