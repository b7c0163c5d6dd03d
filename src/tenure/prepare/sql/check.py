"""Settle the kinds of a tree against a table's columns; what does not fit is refused with its place.

Where the meaning is beyond doubt a kind is made another: a boolean among numbers counts as 1 or 0; a constant
beside a boolean or a date is read as one ("Partner = 'Yes'", "start > '2024-01-01'").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NoReturn, cast

from tenure.errors import ExpressionError, nearest_names
from tenure.prepare.sql import scalars
from tenure.prepare.sql.calendar import PARTS, UNITS
from tenure.prepare.sql.row import folded
from tenure.prepare.sql.signatures import ALIKE, COMPARISONS, OPERATIONS
from tenure.prepare.sql.tree import Call, Column, Constant, Node, Span, ValueKind, columns_of, walk

_MOST_DIGITS = 15
_INSTEAD: dict[tuple[str, str], str] = {
    ("number", "text"): "turn it into a number with CAST(… AS DOUBLE)",
    ("number", "date"): "for the days between two dates write DATE_DIFF('day', start, end)",
    ("text", "number"): "turn it into text with CAST(… AS VARCHAR)",
    ("text", "boolean"): "turn it into text with CAST(… AS VARCHAR)",
    ("text", "date"): "turn it into text with CAST(… AS VARCHAR), or use EXTRACT",
    ("date", "text"): "turn it into a date with CAST(… AS DATE)",
    ("boolean", "number"): "compare it, as in x > 0",
    ("boolean", "text"): "compare it, as in x = 'word'",
    ("boolean", "date"): "compare it, as in x > DATE '2024-12-31'",
}


def check(
    tree: Node,
    kinds: Mapping[str, ValueKind],
    *,
    sql: str,
    where: str,
    unusable: Mapping[str, str] | None = None,
    want: ValueKind | None = None,
) -> Node:
    """The tree with the kind of every part, constants computed.

    kinds: the columns that an expression may read.  unusable: column -> why it may not be read.
    want: the kind that the whole must have.  sql, where: the text that tree came from and its place.
    Raises ExpressionError for unknown or unusable columns, for kinds that do not fit, and for an
    expression that is the same in every row.
    """
    checker = _Checker(kinds, unusable or {}, sql, where)
    checked = checker.node(tree)
    if want is not None and checked.kind != want:
        checker.refuse(
            f"a {want} is expected, and this is a {checked.kind}",
            tree.at,
            _INSTEAD.get((want, checked.kind), "write another expression"),
        )
    checker.refuse_constant(checked)
    return checked


def check_names(
    tree: Node,
    names: Iterable[str],
    *,
    sql: str,
    where: str,
    unusable: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The columns that a tree reads, before their kinds are known; sql, where, unusable: as for check.

    Raises ExpressionError for one that is none of the names, and for a tree that reads none.
    """
    checker = _Checker(dict.fromkeys(names, "unknown"), unusable or {}, sql, where)
    checker.refuse_constant(tree)
    return tuple(dict.fromkeys(checker.column(node).name for node in walk(tree) if isinstance(node, Column)))


class _Checker:
    def __init__(
        self, kinds: Mapping[str, ValueKind], unusable: Mapping[str, str], sql: str, where: str
    ) -> None:
        self.kinds = kinds
        self.unusable = unusable
        self.sql = sql
        self.where = where

    def refuse(self, what: str, at: Span, todo: str) -> NoReturn:
        raise ExpressionError(what, sql=self.sql, at=at, where=self.where, todo=todo)

    def refuse_constant(self, tree: Node) -> None:
        if not columns_of(tree):
            self.refuse("the expression is the same in every row", (0, len(self.sql)), "name a column in it")

    def node(self, node: Node) -> Node:
        if isinstance(node, Column):
            return self.column(node)
        if isinstance(node, Constant):
            return node
        if node.op in SHAPED:
            SHAPED[node.op](self, node)
        if node.op == "cast":
            return self.cast(node)
        checked: Node
        if node.op == "case":
            checked = self.case(node)
        elif node.op in ALIKE:
            checked = self.alike(node)
        else:
            checked = self.signed(node)
        return folded(checked)

    def column(self, node: Column) -> Column:
        kind = self.kinds.get(node.name)
        if kind is not None:
            return replace(node, kind=kind)
        if node.name in self.unusable:
            why = self.unusable[node.name]
            self.refuse(
                f"the column {node.name!r} cannot be used: {why}", node.at, "leave it out of the expression"
            )
        hints = nearest_names([node.name], self.kinds)
        todo = (
            f"did you mean {hints[0]!r}?" if hints else f"the columns are {', '.join(map(repr, self.kinds))}"
        )
        self.refuse(f"the column {node.name!r} is not known", node.at, todo)

    def signed(self, node: Call) -> Call:
        """An operation whose arguments have kinds of their own."""
        signature = OPERATIONS[node.op]
        args = [
            self.shaping(arg, takes) if takes in ("whole", "word", "part", "unit") else self.fit(arg, takes)
            for arg, takes in zip(node.args, signature.takes, strict=False)
        ]
        return replace(node, args=tuple(args), kind=signature.gives)

    def fit(self, arg: Node, wanted: str) -> Node:
        """The argument as a value of the kind that is wanted."""
        checked = self.node(arg)
        if checked.kind == wanted:
            return checked
        made = _constant_as(checked, cast(ValueKind, wanted)) if isinstance(checked, Constant) else None
        if made is not None:
            return made
        if wanted == "number" and checked.kind == "boolean":
            return folded(Call("boolean_number", (checked,), "number", checked.at))
        self.refuse(
            f"a {wanted} is expected here, and this is a {checked.kind}",
            arg.at,
            _INSTEAD.get((wanted, checked.kind), "write another expression"),
        )

    def shaping(self, arg: Node, takes: str) -> Constant:
        """A constant that shapes an operation."""
        checked = self.node(arg)
        words = {"part": PARTS, "unit": UNITS}.get(takes)
        if takes == "whole":
            value = checked.value if isinstance(checked, Constant) else None
            if not isinstance(value, float) or value != value // 1.0 or abs(value) > 1e6:
                self.refuse(
                    "a whole number is expected here, not an expression", arg.at, "write it in digits"
                )
            return Constant(value, "number", arg.at)
        value = checked.value if isinstance(checked, Constant) else None
        if not isinstance(value, str):
            self.refuse("a text in quotes is expected here", arg.at, "write it as 'text'")
        if words is None:
            return Constant(value, "text", arg.at)
        word = value.upper() if takes == "part" else value.lower()
        if word not in words:
            hints = nearest_names([word], words)
            todo = f"did you mean {hints[0]}?" if hints else f"there are {', '.join(words)}"
            self.refuse(f"the {takes} {value!r} is not known", arg.at, todo)
        return Constant(word, "text", arg.at)

    def alike(self, node: Call) -> Node:
        """An operation whose arguments are all of one kind."""
        args = self.unified([self.node(arg) for arg in node.args], node)
        kind = args[0].kind
        if node.op in ("lt", "le", "gt", "ge", "least", "greatest") and kind == "boolean":
            self.refuse(
                "booleans have no order", node.at, "compare them with = or <>, or cast them to numbers"
            )
        if node.op == "concat" and kind != "text":
            self.refuse(f"CONCAT joins texts, and this is a {kind}", args[0].at, _INSTEAD[("text", kind)])
        if node.op == "in" and not all(
            isinstance(arg, Constant) and arg.value is not None for arg in args[1:]
        ):
            equal = [Call("eq", (args[0], arg), "boolean", node.at) for arg in args[1:]]
            either = equal[0]
            for other in equal[1:]:
                either = Call("or", (either, other), "boolean", node.at)
            return either
        gives: ValueKind = "boolean" if node.op in (*COMPARISONS, "in", "is_null") else kind
        return replace(node, args=tuple(args), kind=gives)

    def case(self, node: Call) -> Call:
        """Conditions that are booleans, and results that are of one kind."""
        *branches, default = node.args
        asked = [self.fit(arg, "boolean") for arg in branches[0::2]]
        results = self.unified([self.node(arg) for arg in (*branches[1::2], default)], node)
        paired = [part for pair in zip(asked, results[:-1], strict=True) for part in pair]
        return replace(node, args=(*paired, results[-1]), kind=results[0].kind)

    def unified(self, args: list[Node], node: Call) -> list[Node]:
        """The arguments as values of one kind, which the first that is no constant decides."""
        known = [arg for arg in args if arg.kind != "unknown"]
        leading = next((arg for arg in known if not isinstance(arg, Constant)), known[0] if known else None)
        kind: ValueKind = "number" if leading is None else leading.kind
        made: list[Node] = []
        for arg in args:
            fitting = arg if arg.kind == kind else None
            if fitting is None and isinstance(arg, Constant):
                fitting = _constant_as(arg, kind)
            if fitting is None:
                self.refuse(
                    f"a {kind} and a {arg.kind} do not go together",
                    node.at,
                    _mixed(kind, arg),
                )
            made.append(fitting)
        return made

    def cast(self, node: Call) -> Node:
        value, asked = self.node(node.args[0]), node.args[1]
        wanted = str(asked.value) if isinstance(asked, Constant) else ""
        kind = cast(ValueKind, {"integer": "number", "day": "date"}.get(wanted, wanted))
        if value.kind == "unknown":
            made: Node = Constant(None, kind, node.at)
        elif value.kind == kind:
            made = value
        else:
            op = f"{value.kind}_{kind}"
            if op not in OPERATIONS:
                todo = (
                    "use EXTRACT or DATE_DIFF('day', start, end)"
                    if "date" in op
                    else "write another expression"
                )
                self.refuse(f"a {value.kind} cannot be cast to a {kind}", node.at, todo)
            made = folded(Call(op, (value,), kind, node.at))
            if isinstance(made, Constant) and made.value is None and value != made:
                self.refuse(f"the text is no {kind}", node.at, _written(kind))
        if wanted == "integer":
            return folded(Call("round", (made,), "number", node.at))
        return folded(Call("day", (made,), "date", node.at)) if wanted == "day" else made


def _check_round(checker: _Checker, node: Call) -> None:
    digits = node.args[1] if len(node.args) > 1 else None
    if digits is not None:
        value = checker.shaping(digits, "whole").value
        if isinstance(value, float) and abs(value) > _MOST_DIGITS:
            checker.refuse(f"ROUND rounds to at most {_MOST_DIGITS} digits", digits.at, "write fewer")


def _check_substr(checker: _Checker, node: Call) -> None:
    for number, arg, least in zip(("start", "length"), node.args[1:], (1, 0), strict=False):
        value = checker.shaping(arg, "whole").value
        if isinstance(value, float) and value < least:
            checker.refuse(f"SUBSTR's {number} is {value:g}, below {least}", arg.at, "positions count from 1")


def _check_replace(checker: _Checker, node: Call) -> None:
    if checker.shaping(node.args[1], "word").value == "":
        checker.refuse("an empty text cannot be replaced", node.args[1].at, "write the text to be replaced")


# What else must hold of the constants that shape an operation.
SHAPED: dict[str, Callable[[_Checker, Call], None]] = {
    "round": _check_round,
    "substr": _check_substr,
    "replace": _check_replace,
}


def _constant_as(constant: Constant, kind: ValueKind) -> Constant | None:
    """The constant as one of another kind where that is beyond doubt, else None."""
    value = constant.value
    if value is None:
        return replace(constant, kind=kind)
    made: object = None
    if kind == "boolean" and isinstance(value, str):
        made = scalars.text_boolean(value)
    elif kind == "boolean" and value in (0.0, 1.0):
        made = bool(value)
    elif kind == "date" and isinstance(value, str):
        made = scalars.text_date(value)
    elif kind == "number" and isinstance(value, bool):
        made = float(value)
    return replace(constant, value=made, kind=kind) if isinstance(made, (bool, int, float)) else None


def _mixed(kind: str, arg: Node) -> str:
    if kind == "boolean" and isinstance(arg, Constant):
        return "compare a yes/no column with 'yes', 'no', TRUE or FALSE"
    if kind == "date" and isinstance(arg, Constant):
        return "write the date as '2024-12-31'"
    return _INSTEAD.get((kind, arg.kind)) or _INSTEAD.get((arg.kind, kind)) or "cast one of them"


def _written(kind: str) -> str:
    examples = {"date": "write it as '2024-12-31'", "number": "write it in digits"}
    return examples.get(kind, "write TRUE or FALSE")
