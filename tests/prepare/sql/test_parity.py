"""The columnar and the row executor of an expression agree on every value, bit for bit."""

from __future__ import annotations

import json
import struct

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tenure.prepare.sql.columnar import DTYPES, compile_columns
from tenure.prepare.sql.row import compile_row
from tenure.prepare.sql.tree import (
    Call,
    Column,
    Constant,
    Node,
    Value,
    ValueKind,
    columns_of,
    from_json,
    to_json,
)
from tests.prepare.sql import trees

POSITIONS = {name: position for position, name in enumerate(trees.KINDS)}


def frame_of(rows: list[tuple[Value, ...]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(name, [row[position] for row in rows], dtype=DTYPES[trees.KINDS[name]])
            for name, position in POSITIONS.items()
        ]
    )


def bits(value: Value) -> object:
    """The value such that equal means the same bits; zeros are one, as where a feature is kept."""
    return (float, struct.pack("d", value + 0.0)) if isinstance(value, float) else (type(value), value)


def assert_agree(tree: Node, rows: list[tuple[Value, ...]]) -> list[Value]:
    step = compile_row(tree, POSITIONS)
    found = [step(row) for row in rows]
    table = frame_of(rows).lazy().with_columns(x=compile_columns(tree)).collect()["x"]
    assert table.dtype == DTYPES[tree.kind]
    assert [bits(value) for value in table.to_list()] == [bits(value) for value in found], tree
    return found


@pytest.mark.parametrize("kind", ["number", "boolean", "text", "date"])
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_both_executors_give_the_same_bits(kind: ValueKind, data: st.DataObject) -> None:
    tree = data.draw(trees.trees(kind, 3))
    assume(columns_of(tree))
    rows = data.draw(trees.rows)
    again = from_json(json.loads(json.dumps(to_json(tree))))
    assert again == tree
    for value in assert_agree(again, rows):
        assert value is None or not isinstance(value, float) or abs(value) <= 1e38


A, B = Column("a", "number"), Column("b", "number")


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "mod", "power"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(rows=st.lists(st.tuples(trees.numbers, trees.numbers), min_size=200, max_size=300))
def test_arithmetic_on_many_numbers(op: str, rows: list[tuple[float, float]]) -> None:
    """Also with a constant on either side, which Polars treats apart."""
    wide: list[tuple[Value, ...]] = [(*row, None, None, None, None, None, None) for row in rows]
    assert_agree(Call(op, (A, B), "number"), wide)
    for value in (7.0, 0.1, 100.0, 2.0, 0.5, -3.0, 0.0):
        assert_agree(Call(op, (A, Constant(value, "number")), "number"), wide)
        assert_agree(Call(op, (Constant(value, "number"), B), "number"), wide)


@pytest.mark.parametrize("op", ["sqrt", "ln", "log10", "exp", "floor", "ceil", "number_text"])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(values=st.lists(trees.numbers, min_size=200, max_size=400))
def test_functions_on_many_numbers(op: str, values: list[float]) -> None:
    wide: list[tuple[Value, ...]] = [(value, *([None] * 7)) for value in values]
    assert_agree(Call(op, (A,), "text" if op == "number_text" else "number"), wide)


def test_the_row_executor_imports_neither_polars_nor_numpy_nor_sqlglot() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tenure.prepare.recipe import Recipe; import tenure.prepare.rows;"
        "print([name for name in ('polars', 'numpy', 'sqlglot') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
