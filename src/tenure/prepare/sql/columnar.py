"""The columnar executor of an expression: Polars expressions over columns of values.

What the text itself decides is left to Polars. Not left to it: division by a constant (it multiplies by the
reciprocal), powers and logarithms (its own differ in the last bit from the C library's), numbers as text, and
arithmetic (see _exact). Those run the definitions of prepare.sql.scalars, or NumPy's exactly rounded operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.prepare.date_text import DAY
from tenure.prepare.expressions import date_of, folded, number_of
from tenure.prepare.recipe import NumberFormat
from tenure.prepare.sql import scalars
from tenure.prepare.sql.calendar import PARTS, UNITS, moment_text
from tenure.prepare.sql.row import constant
from tenure.prepare.sql.tree import Call, Column, Constant, Node
from tenure.prepare.tokens import FALSE_WORDS, LARGEST_NUMBER, LOWER, SPACES, TRUE_WORDS, UPPER

DTYPES: dict[str, type[pl.DataType]] = {
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "text": pl.String,
    "date": pl.Int64,
}

Floats = npt.NDArray[np.float64]
Builder = Callable[[Call, list[pl.Expr]], pl.Expr]


def compile_columns(node: Node) -> pl.Expr:
    """The Polars expression of a typed tree over columns of DTYPES: the bits that row.compile_row gives.

    Parts that read no column are constants, as check leaves them. For with_columns: where Polars sees that all
    rows give one value (FALSE AND p), a select alone would be one row long.
    """
    if isinstance(node, Column):
        return pl.col(node.name)
    if isinstance(node, Constant):
        return pl.lit(node.value, dtype=DTYPES[node.kind])
    return _BUILDERS[node.op](node, [compile_columns(arg) for arg in node.args])


def _native(function: Callable[..., pl.Expr]) -> Builder:
    return lambda node, args: function(*args)


def _batches(node: Call, args: list[pl.Expr], function: Callable[..., pl.Series]) -> pl.Expr:
    """A function of whole series; an argument that is a constant comes as its value."""
    dtype = DTYPES[node.kind]
    varying = [i for i, arg in enumerate(node.args) if not isinstance(arg, Constant)]
    given = [arg.value if isinstance(arg, Constant) else None for arg in node.args]
    if len(varying) == 1:
        (place,) = varying

        def one(series: pl.Series) -> pl.Series:
            return function(*[series if i == place else value for i, value in enumerate(given)])

        return args[place].map_batches(one, return_dtype=dtype, is_elementwise=True)

    def several(table: pl.Series) -> pl.Series:
        columns: list[Any] = list(given)
        for position, place in enumerate(varying):
            columns[place] = table.struct.field(str(position))
        return function(*columns)

    together = pl.struct(args[place].alias(str(position)) for position, place in enumerate(varying))
    return together.map_batches(several, return_dtype=dtype, is_elementwise=True)


def _scalar(function: Callable[..., Any], n_values: int) -> Builder:
    """One of scalars' functions of the first n_values arguments, called for each row; null gives null."""

    def run(dtype: pl.DataType | type[pl.DataType], columns: tuple[Any, ...]) -> pl.Series:
        length = next(len(column) for column in columns if isinstance(column, pl.Series))
        lists = [c.to_list() if isinstance(c, pl.Series) else [c] * length for c in columns[:n_values]]
        found = [None if None in values else function(*values) for values in zip(*lists, strict=True)]
        return pl.Series(found, dtype=dtype)

    def build(node: Call, args: list[pl.Expr]) -> pl.Expr:
        return _batches(node, args, lambda *columns: run(DTYPES[node.kind], columns))

    return build


def _exact(function: Callable[..., Floats]) -> Builder:
    """A function of float64 arrays, or of arrays and floats, in which NaN stands for null on both sides.

    Sums and products are among these, though IEEE 754 decides them: an expression that tests its own value for its
    range holds it twice, and a sum of thirty columns would hold its first one a thousand million times.
    """

    def run(*columns: Any) -> pl.Series:
        arrays = [_array(column) for column in columns]
        with np.errstate(all="ignore"):
            found = function(*arrays)
            kept = np.where(np.abs(found) <= LARGEST_NUMBER, found, np.nan)
        return pl.Series(kept, dtype=pl.Float64).fill_nan(None)

    return lambda node, args: _batches(node, args, run)


def _array(column: Any) -> Any:
    if isinstance(column, pl.Series):
        return column.to_numpy()  # nulls become NaN
    return np.nan if column is None else column


def _divide(left: Any, right: Any) -> Floats:
    quotient: Floats = np.where(right == 0.0, np.nan, np.divide(left, right))
    return quotient


def _round(node: Call, args: list[pl.Expr]) -> pl.Expr:
    digits = int(constant(node.args[1])) if len(node.args) > 1 else 0
    factor = 10.0 ** abs(digits)

    def rounded(value: Floats) -> Floats:
        scaled = value * factor if digits >= 0 else value / factor
        whole = scaled - np.fmod(scaled, 1.0)
        whole = np.where(np.abs(scaled - whole) >= 0.5, whole + np.copysign(1.0, scaled), whole)
        found: Floats = whole / factor if digits >= 0 else whole * factor
        return found

    value = Call("round", node.args[:1], node.kind)
    return _exact(rounded)(value, args[:1])


def _sign(value: pl.Expr) -> pl.Expr:
    zero = pl.when(value.is_not_null()).then(0.0)
    return pl.when(value > 0.0).then(1.0).when(value < 0.0).then(-1.0).otherwise(zero)


def _case(node: Call, args: list[pl.Expr]) -> pl.Expr:
    branches = list(zip(args[0::2], args[1::2], strict=False))
    return reduce(
        lambda rest, branch: pl.when(branch[0]).then(branch[1]).otherwise(rest), reversed(branches), args[-1]
    )


def _coalesce(node: Call, args: list[pl.Expr]) -> pl.Expr:
    *first, last = args
    return reduce(
        lambda rest, arg: pl.when(arg.is_not_null()).then(arg).otherwise(rest), reversed(first), last
    )


def _nullif(node: Call, args: list[pl.Expr]) -> pl.Expr:
    return pl.when(args[0] == args[1]).then(pl.lit(None, dtype=DTYPES[node.kind])).otherwise(args[0])


def _extreme(smaller: bool) -> Builder:
    left, right = pl.col("left"), pl.col("right")
    first = left <= right if smaller else left >= right
    chosen = pl.when(left.is_not_null() & right.is_not_null()).then(
        pl.when(first).then(left).otherwise(right)
    )

    def choose(a: pl.Series, b: pl.Series) -> pl.Series:
        return pl.select(left=a, right=b).select(chosen).to_series()

    def build(node: Call, args: list[pl.Expr]) -> pl.Expr:
        def run(*columns: Any) -> pl.Series:
            length = next(len(column) for column in columns if isinstance(column, pl.Series))
            return reduce(choose, (_whole(column, length, DTYPES[node.kind]) for column in columns))

        return _batches(node, args, run)

    return build


def _whole(column: Any, length: int, dtype: type[pl.DataType]) -> pl.Series:
    return (
        column
        if isinstance(column, pl.Series)
        else pl.Series([column], dtype=dtype).new_from_index(0, length)
    )


def _in(node: Call, args: list[pl.Expr]) -> pl.Expr:
    values = [constant(arg) for arg in node.args[1:]]
    return args[0].is_in(pl.Series(values, dtype=DTYPES[node.args[0].kind]).implode())


def _like(node: Call, args: list[pl.Expr]) -> pl.Expr:
    return args[0].str.contains(f"(?s)^(?:{scalars.like_pattern(constant(node.args[1]))})$")


def _substr(node: Call, args: list[pl.Expr]) -> pl.Expr:
    length = int(constant(node.args[2])) if len(node.args) > 2 else None
    return args[0].str.slice(int(constant(node.args[1])) - 1, length)


def _replace(node: Call, args: list[pl.Expr]) -> pl.Expr:
    old, new = map(constant, node.args[1:])
    return args[0].str.replace_all(old, new, literal=True)


def _extract(node: Call, args: list[pl.Expr]) -> pl.Expr:
    part: pl.Expr = PARTS[constant(node.args[0])](args[1])
    return part.cast(pl.Float64)


def _date_diff(node: Call, args: list[pl.Expr]) -> pl.Expr:
    unit = UNITS[constant(node.args[0])]
    distance: pl.Expr = unit(args[2]) - unit(args[1])
    return distance.cast(pl.Float64)


def _text_boolean(text: pl.Expr) -> pl.Expr:
    word = folded(text.str.strip_chars(SPACES))
    true = word.is_in(list(TRUE_WORDS))
    return pl.when(true | word.is_in(list(FALSE_WORDS))).then(true)


_BUILDERS: dict[str, Builder] = {
    "add": _exact(np.add),
    "sub": _exact(np.subtract),
    "mul": _exact(np.multiply),
    "div": _exact(_divide),
    "mod": _exact(np.fmod),
    "power": _scalar(scalars.power, 2),
    "eq": _native(lambda left, right: left == right),
    "ne": _native(lambda left, right: left != right),
    "lt": _native(lambda left, right: left < right),
    "le": _native(lambda left, right: left <= right),
    "gt": _native(lambda left, right: left > right),
    "ge": _native(lambda left, right: left >= right),
    "neg": _native(lambda value: -value),
    "not": _native(lambda value: ~value),
    "abs": _native(pl.Expr.abs),
    "floor": _native(pl.Expr.floor),
    "ceil": _native(pl.Expr.ceil),
    "sign": _native(_sign),
    "sqrt": _native(lambda value: pl.when(value >= 0.0).then(value.sqrt())),
    "ln": _scalar(scalars.ln, 1),
    "log10": _scalar(scalars.log10, 1),
    "exp": _scalar(scalars.exp, 1),
    "round": _round,
    "and": _native(lambda left, right: left & right),
    "or": _native(lambda left, right: left | right),
    "is_null": _native(pl.Expr.is_null),
    "in": _in,
    "case": _case,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "least": _extreme(True),
    "greatest": _extreme(False),
    "like": _like,
    "length": _native(lambda text: text.str.len_chars().cast(pl.Float64)),
    "lower": _native(lambda text: text.str.replace_many(UPPER, LOWER)),
    "upper": _native(lambda text: text.str.replace_many(LOWER, UPPER)),
    "trim": _native(lambda text: text.str.strip_chars(SPACES)),
    "substr": _substr,
    "replace": _replace,
    "join": _native(pl.concat_str),
    "concat": lambda node, args: pl.concat_str(args, ignore_nulls=True),
    "extract": _extract,
    "date_diff": _date_diff,
    "boolean_number": _native(lambda value: value.cast(pl.Float64)),
    "text_number": _native(lambda text: number_of(text.str.strip_chars(SPACES), NumberFormat())),
    "number_boolean": _native(lambda value: value != 0.0),
    "text_boolean": _native(_text_boolean),
    "number_text": _scalar(scalars.number_text, 1),
    "boolean_text": _native(lambda value: value.cast(pl.String)),
    "date_text": _scalar(moment_text, 1),
    "text_date": _native(lambda text: date_of(text.str.strip_chars(SPACES), scalars.ISO)),
    "day": _native(lambda moment: moment // DAY * DAY),
}
