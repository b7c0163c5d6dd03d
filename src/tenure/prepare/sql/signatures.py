"""The operations of the language: what each takes and gives. docs/expressions.md says what each means.

Besides the kinds of values an argument can be a constant that shapes the operation: a "whole" number, a
"word" (text), a "part" of a date or a "unit" of time.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenure.prepare.sql.tree import ValueKind


@dataclass(frozen=True, slots=True)
class Signature:
    """takes: one word an argument.  optional: how many of the last may be absent.  gives: the kind of value."""

    takes: tuple[str, ...]
    gives: ValueKind
    optional: int = 0


_NUMBERS = ("number", "number")

# Operations whose arguments have kinds of their own; those of ALIKE share one kind.
OPERATIONS: dict[str, Signature] = {
    **{op: Signature(_NUMBERS, "number") for op in ("add", "sub", "mul", "div", "mod", "power")},
    **{op: Signature(("number",), "number") for op in ("neg", "abs", "floor", "ceil", "sign")},
    **{op: Signature(("number",), "number") for op in ("sqrt", "ln", "log10", "exp")},
    "round": Signature(("number", "whole"), "number", optional=1),
    "and": Signature(("boolean", "boolean"), "boolean"),
    "or": Signature(("boolean", "boolean"), "boolean"),
    "not": Signature(("boolean",), "boolean"),
    "like": Signature(("text", "word"), "boolean"),
    "length": Signature(("text",), "number"),
    **{op: Signature(("text",), "text") for op in ("lower", "upper", "trim")},
    "substr": Signature(("text", "whole", "whole"), "text", optional=1),
    "replace": Signature(("text", "word", "word"), "text"),
    "join": Signature(("text", "text"), "text"),
    "extract": Signature(("part", "date"), "number"),
    "date_diff": Signature(("unit", "date", "date"), "number"),
    # What CAST becomes once the kind of its argument is known.
    "boolean_number": Signature(("boolean",), "number"),
    "text_number": Signature(("text",), "number"),
    "number_boolean": Signature(("number",), "boolean"),
    "text_boolean": Signature(("text",), "boolean"),
    "number_text": Signature(("number",), "text"),
    "boolean_text": Signature(("boolean",), "text"),
    "date_text": Signature(("date",), "text"),
    "text_date": Signature(("text",), "date"),
    "day": Signature(("date",), "date"),
}

# Operations whose arguments (for case: whose results) are all of one kind.
COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
ALIKE = (*COMPARISONS, "in", "coalesce", "nullif", "least", "greatest", "case", "concat", "is_null")

# The functions as they are written; mod, cast and the operators have signs or words of their own.
FUNCTIONS: dict[str, str] = {
    **{
        name: name.lower() for name in ("ABS", "ROUND", "FLOOR", "CEIL", "SIGN", "SQRT", "LN", "LOG10", "EXP")
    },
    **{name: name.lower() for name in ("POWER", "MOD", "LENGTH", "LOWER", "UPPER", "TRIM", "SUBSTR")},
    **{name: name.lower() for name in ("REPLACE", "CONCAT", "COALESCE", "NULLIF", "LEAST", "GREATEST")},
    **{name: name.lower() for name in ("DATE_DIFF", "IF", "EXTRACT", "CAST")},
    "CEILING": "ceil",
    "POW": "power",
    "SUBSTRING": "substr",
}

# At least so many arguments; two or more are fine for all of them.
LEAST_ARGUMENTS = {"coalesce": 1, "concat": 1, "nullif": 2, "least": 2, "greatest": 2, "if": 2}
MOST_ARGUMENTS = {"nullif": 2, "if": 3}

# SQL's type names that CAST knows, to kinds; "integer" is a number that is rounded.
TYPES: dict[str, str] = {
    **dict.fromkeys(("DOUBLE", "FLOAT", "DECIMAL", "NUMERIC", "REAL"), "number"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT"), "integer"),
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR", "STRING"), "text"),
    **dict.fromkeys(("BOOLEAN", "BOOL"), "boolean"),
    "DATE": "day",
    **dict.fromkeys(("TIMESTAMP", "DATETIME"), "date"),
}

AGGREGATES = frozenset(
    (
        *("SUM", "AVG", "MEAN", "COUNT", "MIN", "MAX", "MEDIAN", "STDDEV", "VARIANCE", "MODE", "CORR"),
        *("STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP", "ARRAY_AGG", "STRING_AGG", "LIST", "QUANTILE"),
        *("APPROX_COUNT_DISTINCT", "PERCENTILE_CONT", "FIRST", "LAST", "ANY_VALUE", "BOOL_AND", "BOOL_OR"),
    )
)
CLOCKS = frozenset(
    (
        *("NOW", "TODAY", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_DATETIME"),
        *("GETDATE", "SYSDATE", "LOCALTIMESTAMP", "LOCALTIME"),
    )
)
RANDOM = frozenset(("RANDOM", "RAND", "UUID", "GEN_RANDOM_UUID", "NEWID"))

# What to write in place of functions that people know from elsewhere.
INSTEAD: dict[str, str] = {
    **{part: f"write EXTRACT({part} FROM …)" for part in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR")},
    "DAYOFWEEK": "write EXTRACT(DOW FROM …)",
    "WEEKDAY": "write EXTRACT(DOW FROM …)",
    "DATEDIFF": "write DATE_DIFF('day', start, end)",
    "AGE": "write DATE_DIFF('year', start, end)",
    "DATE": "write CAST(… AS DATE), or DATE '2024-12-31'",
    "TRY_CAST": "write CAST(… AS …): a cell that cannot be cast is null",
    "IFNULL": "write COALESCE(…, …)",
    "NVL": "write COALESCE(…, …)",
    "ISNULL": "write … IS NULL",
    "LOG": "write LN(…) or LOG10(…)",
    "LOG2": "write LN(…) / LN(2)",
    "LEFT": "write SUBSTR(…, 1, n)",
    "IIF": "write IF(condition, then, else)",
    "CONTAINS": "write … LIKE '%word%'",
    "STARTS_WITH": "write … LIKE 'word%'",
    "LEN": "write LENGTH(…)",
    "CHAR_LENGTH": "write LENGTH(…)",
    "LCASE": "write LOWER(…)",
    "UCASE": "write UPPER(…)",
}
