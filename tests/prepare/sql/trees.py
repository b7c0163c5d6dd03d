"""Generated typed trees of the language, and rows of values for them to read."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from tenure.prepare.sql.calendar import PARTS, UNITS
from tenure.prepare.sql.row import folded
from tenure.prepare.sql.tree import Call, Column, Constant, Node, ValueKind

KINDS: dict[str, ValueKind] = {
    "a": "number",
    "b": "number",
    "p": "boolean",
    "q": "boolean",
    "s": "text",
    "t": "text",
    "d": "date",
    "e": "date",
}

numbers = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 2.675, 1e38, -1e38, 5e-324, 1e-300, 2.0**53, 100.0]
    ),
    st.integers(-1000, 1000).map(float),
    st.floats(-1e38, 1e38, allow_nan=False),
    st.floats(-20, 20),
)
texts = st.one_of(
    st.sampled_from(
        ["", "a", "A", " a ", "Yes", "no", "12", "-0.5", "1e400", "2024-02-29", "2024-02-30 10:00"]
    ),
    st.sampled_from(
        ["a\n", "\na", "$1", "a%b_c", "İ", "ß", "ǅ", "\u00a0x", "1_000", "１２", "a.b*c", "\\", "^a$"]
    ),
    st.text(max_size=8),
)
dates = st.one_of(
    st.sampled_from([0, -1, 1, 951_782_400_000_000, -62_135_596_800_000_000, 253_402_300_799_999_999]),
    st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999),
)
VALUES = {"number": numbers, "boolean": st.booleans(), "text": texts, "date": dates}
rows = st.lists(
    st.tuples(*(st.one_of(VALUES[kind], VALUES[kind], st.none()) for kind in KINDS.values())),
    min_size=1,
    max_size=12,
)


@cache
def leaves(kind: ValueKind) -> st.SearchStrategy[Node]:
    columns = st.sampled_from([Column(name, kind) for name, of in KINDS.items() if of == kind])
    constants = st.one_of(VALUES[kind], st.none()).map(lambda value: Constant(value, kind))
    return st.one_of(columns, columns, columns, constants)


def _word(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    return strategy.map(lambda text: Constant(text, "text"))


def _whole(low: int, high: int) -> st.SearchStrategy[Node]:
    return st.integers(low, high).map(lambda number: Constant(float(number), "number"))


@cache
def trees(kind: ValueKind, depth: int) -> st.SearchStrategy[Node]:
    """Trees of one kind, of one to depth operations above each other."""
    if depth == 0:
        return leaves(kind)
    below = {k: st.one_of(leaves(k), trees(k, depth - 1)) for k in _OPERATIONS}
    return st.one_of(*_OPERATIONS[kind](below))


def _call(op: str, kind: ValueKind, *args: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.tuples(*args).map(lambda made: folded(Call(op, made, kind)))


def _any_kind(below: dict[str, st.SearchStrategy[Node]], kind: ValueKind) -> list[st.SearchStrategy[Node]]:
    same, asked = below[kind], below["boolean"]
    found = [
        _call("coalesce", kind, same, same),
        _call("coalesce", kind, same, same, same),
        _call("nullif", kind, same, same),
        _call("case", kind, asked, same, same),
        _call("case", kind, asked, same, asked, same, same),
    ]
    if kind != "boolean":
        found += [_call("least", kind, same, same), _call("greatest", kind, same, same, same)]
    return found


def _numbers(below: dict[str, st.SearchStrategy[Node]]) -> list[st.SearchStrategy[Node]]:
    number, moment = below["number"], below["date"]
    two = ("add", "sub", "mul", "div", "mod", "power")
    one = ("neg", "abs", "floor", "ceil", "sign", "sqrt", "ln", "log10", "exp", "round")
    return [
        *(_call(op, "number", number, number) for op in two),
        *(_call(op, "number", number) for op in one),
        _call("round", "number", number, _whole(-15, 15)),
        _call("length", "number", below["text"]),
        _call("extract", "number", _word(st.sampled_from(list(PARTS))), moment),
        _call("date_diff", "number", _word(st.sampled_from(list(UNITS))), moment, moment),
        _call("boolean_number", "number", below["boolean"]),
        _call("text_number", "number", below["text"]),
        *_any_kind(below, "number"),
    ]


def _booleans(below: dict[str, st.SearchStrategy[Node]]) -> list[st.SearchStrategy[Node]]:
    boolean = below["boolean"]
    found = [
        _call("and", "boolean", boolean, boolean),
        _call("or", "boolean", boolean, boolean),
        _call("not", "boolean", boolean),
        _call("like", "boolean", below["text"], _word(st.text("aA%_$1.\n", max_size=5))),
        _call("number_boolean", "boolean", below["number"]),
        _call("text_boolean", "boolean", below["text"]),
        *_any_kind(below, "boolean"),
    ]
    for kind in ("number", "text", "date"):
        same, value = below[kind], VALUES[kind].map(lambda value, kind=kind: Constant(value, kind))
        found += [_call(op, "boolean", same, same) for op in ("eq", "ne", "lt", "le", "gt", "ge")]
        found += [_call("is_null", "boolean", same), _call("in", "boolean", same, value, value)]
    return [*found, _call("eq", "boolean", boolean, boolean), _call("is_null", "boolean", boolean)]


def _texts(below: dict[str, st.SearchStrategy[Node]]) -> list[st.SearchStrategy[Node]]:
    text = below["text"]
    word = _word(st.one_of(st.sampled_from(["a", "$0", "\\1", "."]), st.text(min_size=1, max_size=2)))
    return [
        *(_call(op, "text", text) for op in ("lower", "upper", "trim")),
        _call("substr", "text", text, _whole(1, 5)),
        _call("substr", "text", text, _whole(1, 5), _whole(0, 5)),
        _call("replace", "text", text, word, _word(st.sampled_from(["", "$1", "${0}", "bb"]))),
        _call("join", "text", text, text),
        _call("concat", "text", text, text),
        _call("number_text", "text", below["number"]),
        _call("boolean_text", "text", below["boolean"]),
        _call("date_text", "text", below["date"]),
        *_any_kind(below, "text"),
    ]


def _dates(below: dict[str, st.SearchStrategy[Node]]) -> list[st.SearchStrategy[Node]]:
    return [
        _call("day", "date", below["date"]),
        _call("text_date", "date", below["text"]),
        *_any_kind(below, "date"),
    ]


_OPERATIONS = {"number": _numbers, "boolean": _booleans, "text": _texts, "date": _dates}
