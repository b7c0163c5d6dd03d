"""SQL text to a tree, by sqlglot's grammar; what the language does not have is refused by name.

sqlglot's own table of functions is left out, so that the functions are those of signatures.FUNCTIONS, however
sqlglot's versions rename and rewrite theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, NoReturn

from tenure.errors import ExpressionError, ExtraMissing, nearest_names
from tenure.prepare.sql.signatures import (
    AGGREGATES,
    CLOCKS,
    FUNCTIONS,
    INSTEAD,
    LEAST_ARGUMENTS,
    MOST_ARGUMENTS,
    OPERATIONS,
    RANDOM,
    TYPES,
)
from tenure.prepare.sql.tree import Call, Column, Constant, Node, Span
from tenure.prepare.tokens import LARGEST_NUMBER

# A node of sqlglot's, told apart by the name of its class: sqlglot's classes are no stable types.
Parsed = Any

MOST_CHARACTERS = 10_000
_MOST_DEPTH = 100


def parse(sql: str, where: str) -> Node:
    """The tree of an expression, its kinds not yet known.

    where: the place in tenure.yaml, for messages.
    Raises ExpressionError for wrong syntax and for what the language does not have, with the place in sql;
    ExtraMissing without sqlglot.
    """
    return _Reader(sql, where).read()


@cache
def _dialect() -> Any:
    try:
        from sqlglot.dialects.dialect import Dialect
        from sqlglot.parser import Parser as Grammar
    except ImportError:
        raise ExtraMissing("sqlglot", "train") from None

    class Language(Dialect):
        class Parser(Grammar):
            FUNCTIONS: ClassVar[Any] = {}
            FUNCTION_PARSERS: ClassVar[Any] = {
                name: Grammar.FUNCTION_PARSERS[name] for name in ("CAST", "EXTRACT")
            }
            NO_PAREN_FUNCTION_PARSERS: ClassVar[Any] = {"CASE": Grammar.NO_PAREN_FUNCTION_PARSERS["CASE"]}
            NO_PAREN_FUNCTIONS: ClassVar[Any] = {}

    return Language


class _Reader:
    """Turns what sqlglot read of one expression into a tree."""

    def __init__(self, sql: str, where: str) -> None:
        self.sql = sql
        self.where = where
        self.depth = 0

    def read(self) -> Node:
        if not self.sql.strip():
            self.refuse("the expression is empty", (0, 0), "write an expression of columns")
        if len(self.sql) > MOST_CHARACTERS:
            self.refuse(f"the expression is longer than {MOST_CHARACTERS:,} characters", (0, 1), "shorten it")
        try:
            return self.node(self._parsed())
        except RecursionError:
            self.refuse("the expression is nested too deeply", (0, 1), "split it into features of their own")

    def _parsed(self) -> Parsed:
        import sqlglot
        from sqlglot.errors import ParseError, TokenError

        dialect = _dialect()
        try:
            statements = sqlglot.parse(self.sql, read=dialect)
        except ParseError as error:
            detail = error.errors[0]
            end = _offset(self.sql, detail["line"], detail["col"])
            begin = max(0, end - len(detail["highlight"] or " "))
            what = re.sub(r"Required keyword: '\w+' missing.*", "something is missing", detail["description"])
            self.refuse(
                f"not valid SQL: {_lowered(what)}", (begin, end), "correct the expression at the mark"
            )
        except TokenError:
            begin = max(self.sql.rfind(quote) for quote in "'\"")
            self.refuse(
                "not valid SQL: a quotation is not closed", (max(begin, 0), len(self.sql)), "close it"
            )
        if len(statements) != 1 or statements[0] is None:
            self.refuse("one expression is expected, without ;", (0, len(self.sql)), "write one expression")
        return statements[0]

    def refuse(self, what: str, at: Span, todo: str) -> NoReturn:
        raise ExpressionError(what, sql=self.sql, at=at, where=self.where, todo=todo)

    def node(self, parsed: Parsed) -> Node:
        """The tree of one of sqlglot's nodes; dispatches on its class."""
        reader = _READERS.get(type(parsed).__name__)
        said = {name for name, value in parsed.args.items() if value} - _UNDERSTOOD
        if reader is None or said:  # what is not read here must not be passed over
            self.refuse_form(parsed)
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            self.refuse(
                "the expression is nested too deeply",
                self.span(parsed),
                "split it into features of their own",
            )
        node = reader(self, parsed)
        self.depth -= 1
        return node

    def span(self, parsed: Parsed) -> Span:
        """From the first to the last sign of the node that sqlglot knows the place of."""
        places = [part.meta for part in parsed.walk() if "start" in part.meta]
        if not places:
            return (0, len(self.sql))
        return min(place["start"] for place in places), max(place["end"] for place in places) + 1

    def call(self, op: str, parsed: Parsed, *args: Node) -> Call:
        return Call(op, args, at=self.span(parsed))

    def refuse_form(self, parsed: Parsed) -> NoReturn:
        form = type(parsed).__name__
        what, todo = _FORMS.get(form, (f"{form.upper()} is not part of the language", _SEE))
        self.refuse(what, self.span(parsed), todo)

    # One method a form of sqlglot's that has more to it than its arguments.

    def column(self, parsed: Parsed) -> Node:
        name, place = parsed.this, self.span(parsed)
        if parsed.args.get("table") is not None:
            dotted = self.sql[slice(*place)]
            self.refuse(
                f"{dotted!r} names a table",
                place,
                f'write a column whose name has dots in quotes: "{dotted}"',
            )
        text = name.this if hasattr(name, "this") else str(name)
        if text.upper() in CLOCKS and not name.args.get("quoted"):
            self.refuse_clock(text, place)
        return Column(text, at=place)

    def literal(self, parsed: Parsed) -> Node:
        if parsed.is_string:
            return Constant(parsed.this, "text", self.span(parsed))
        value = float(parsed.this)
        if not value <= LARGEST_NUMBER:
            self.refuse("the number is beyond 1e38", self.span(parsed), "write a smaller one")
        return Constant(value, "number", self.span(parsed))

    def like(self, parsed: Parsed) -> Node:
        found = self.call("like", parsed, self.node(parsed.this), self.node(parsed.expression))
        return self.call("not", parsed, found) if parsed.args.get("negate") else found

    def is_(self, parsed: Parsed) -> Node:
        asked = type(parsed.expression).__name__
        subject = self.node(parsed.this)
        if asked == "Null":
            return self.call("is_null", parsed, subject)
        if asked != "Boolean":
            self.refuse("IS is followed by NULL, TRUE or FALSE", self.span(parsed), "compare with = or <>")
        right = subject if parsed.expression.this else self.call("not", parsed, subject)
        return self.call("coalesce", parsed, right, Constant(False, "boolean"))

    def between(self, parsed: Parsed) -> Node:
        if parsed.args.get("symmetric"):
            self.refuse("BETWEEN SYMMETRIC is not part of the language", self.span(parsed), _SEE)
        subject = self.node(parsed.this)
        low, high = self.node(parsed.args["low"]), self.node(parsed.args["high"])
        return self.call(
            "and", parsed, self.call("ge", parsed, subject, low), self.call("le", parsed, subject, high)
        )

    def in_(self, parsed: Parsed) -> Node:
        if parsed.args.get("query") is not None:
            self.refuse_form(parsed.args["query"])
        if not parsed.expressions:
            self.refuse("IN is followed by a list of values", self.span(parsed), "write IN ('a', 'b')")
        return self.call("in", parsed, self.node(parsed.this), *map(self.node, parsed.expressions))

    def case(self, parsed: Parsed) -> Node:
        subject = None if parsed.this is None else self.node(parsed.this)
        args: list[Node] = []
        for branch in parsed.args["ifs"]:
            asked = self.node(branch.this)
            args.append(asked if subject is None else self.call("eq", branch, subject, asked))
            args.append(self.node(branch.args["true"]))
        default = parsed.args.get("default")
        args.append(Constant(None, "unknown", self.span(parsed)) if default is None else self.node(default))
        return self.call("case", parsed, *args)

    def cast(self, parsed: Parsed) -> Node:
        written = parsed.to.sql() if parsed.to.args.get("kind") is None else str(parsed.to.args["kind"])
        kind = TYPES.get(written.upper().split("(")[0])
        if kind is None:
            known = ", ".join(dict.fromkeys(("DOUBLE", "INTEGER", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP")))
            self.refuse(f"the type {written} is not known", self.span(parsed), f"cast to one of {known}")
        return self.call("cast", parsed, self.node(parsed.this), Constant(kind, "text"))

    def extract(self, parsed: Parsed) -> Node:
        part = Constant(str(parsed.this.this).upper(), "text", self.span(parsed))
        return self.call("extract", parsed, part, self.node(parsed.expression))

    def function(self, parsed: Parsed) -> Node:
        name = str(parsed.this).upper()
        op, place = FUNCTIONS.get(name), self.span(parsed)
        if op is None:
            self.refuse_function(name, place)
        args = [self.node(argument) for argument in parsed.expressions]
        least, most = _arguments(op)
        if not least <= len(args) <= (most or len(args)):
            wanted = (
                f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            )
            self.refuse(f"{name} takes {wanted} argument(s), not {len(args)}", place, _SEE)
        if op == "if":
            rest = args[2:] or [Constant(None, "unknown", place)]
            return self.call("case", parsed, args[0], args[1], *rest)
        return self.call(op, parsed, *args)

    def refuse_function(self, name: str, place: Span) -> NoReturn:
        begin = place[0]
        place = (begin, begin + len(name))
        if name in AGGREGATES:
            self.refuse(
                f"{name} is an aggregate: it looks at other rows", place, "a feature reads its own row only"
            )
        if name in CLOCKS:
            self.refuse_clock(name, place)
        if name in RANDOM:
            self.refuse(f"{name} gives another value each time it is asked", place, "leave it out")
        hints = nearest_names([name], FUNCTIONS)
        todo = INSTEAD.get(name) or (f"did you mean {hints[0]}?" if hints else None)
        self.refuse(
            f"the function {name} is not known", place, todo or f"the functions are {', '.join(FUNCTIONS)}"
        )

    def refuse_clock(self, name: str, place: Span) -> NoReturn:
        self.refuse(
            f"{name.upper()} differs from day to day, and training and service must give one value",
            place,
            "use a date column of the row, such as data.time",
        )


# Every part of sqlglot's nodes that the methods above read.
_UNDERSTOOD = {
    *("this", "expression", "expressions", "table", "is_string", "negate", "low", "high", "symmetric"),
    *("query", "ifs", "true", "default", "to", "_type", "safe"),
}
_SEE = "docs/expressions.md lists what can be written"
_ROWS = ("a feature reads its own row only", "join other tables with data.tables")
_FORMS = {
    **dict.fromkeys(("Subquery", "Select", "Exists"), (f"a subquery is not allowed: {_ROWS[0]}", _ROWS[1])),
    "Window": ("a window (OVER) is not allowed: it looks at other rows", _ROWS[0]),
    "Alias": (
        "one expression is expected, and another word follows it",
        "write one expression; its key names it",
    ),
    "Star": ("* alone is no value", "name the columns"),
    "Distinct": ("DISTINCT is not part of the language", _SEE),
    "Placeholder": ("a placeholder is not allowed", "write the value itself"),
    "Interval": ("INTERVAL is not part of the language", "compare with DATE_DIFF('day', start, end)"),
    "ILike": ("ILIKE is not part of the language", "write LOWER(…) LIKE '…'"),
    "Escape": ("ESCAPE is not part of the language", _SEE),
    "BitwiseXor": ("^ is not part of the language", "write POWER(x, y)"),
}


def _arguments(op: str) -> tuple[int, int | None]:
    signature = OPERATIONS.get(op)
    if signature is None:
        return LEAST_ARGUMENTS[op], MOST_ARGUMENTS.get(op)
    return len(signature.takes) - signature.optional, len(signature.takes)


def _offset(sql: str, line: int, column: int) -> int:
    """The position after the sign at a line and column that count from 1."""
    lines = sql.splitlines(keepends=True)
    return min(len(sql), sum(map(len, lines[: line - 1])) + column)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _binary(op: str) -> Callable[[_Reader, Any], Node]:
    return lambda reader, parsed: reader.call(
        op, parsed, reader.node(parsed.this), reader.node(parsed.expression)
    )


def _unary(op: str) -> Callable[[_Reader, Any], Node]:
    return lambda reader, parsed: reader.call(op, parsed, reader.node(parsed.this))


_READERS: dict[str, Callable[[_Reader, Any], Node]] = {
    **{form: _binary(form.lower()) for form in ("Add", "Sub", "Mul", "Div", "Mod", "And", "Or")},
    **{op.upper(): _binary(op) for op in ("eq", "lt", "gt")},
    "NEQ": _binary("ne"),
    "LTE": _binary("le"),
    "GTE": _binary("ge"),
    "DPipe": _binary("join"),
    "Neg": _unary("neg"),
    "Not": _unary("not"),
    "Paren": lambda reader, parsed: reader.node(parsed.this),
    "Null": lambda reader, parsed: Constant(None, "unknown", reader.span(parsed)),
    "Boolean": lambda reader, parsed: Constant(bool(parsed.this), "boolean", reader.span(parsed)),
    "Column": _Reader.column,
    "Literal": _Reader.literal,
    "Like": _Reader.like,
    "Is": _Reader.is_,
    "Between": _Reader.between,
    "In": _Reader.in_,
    "Case": _Reader.case,
    "Cast": _Reader.cast,
    "Extract": _Reader.extract,
    "Anonymous": _Reader.function,
}
