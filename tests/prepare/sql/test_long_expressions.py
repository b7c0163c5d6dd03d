"""An expression of many columns costs as much as it is long: nothing in it is built, or computed, twice a step."""

from __future__ import annotations

import polars as pl
import pytest

from tenure.prepare.sql.columnar import compile_columns
from tenure.prepare.sql.expression import read_expression

NAMES = [f"v{i}" for i in range(40)]
TABLE = pl.DataFrame({name: [float(i), None if i == 7 else -float(i)] for i, name in enumerate(NAMES)})


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (" + ".join(NAMES), [780.0, None]),
        (" - ".join(NAMES), [-780.0, None]),
        (f"GREATEST({', '.join(NAMES)}, 20)", [39.0, None]),
        (f"LEAST({', '.join(reversed(NAMES))})", [0.0, None]),
    ],
    ids=["sum", "difference", "greatest", "least"],
)
def test_an_expression_of_forty_columns_is_done(sql: str, found: list[float | None]) -> None:
    tree = read_expression(sql, dict.fromkeys(NAMES, "number"), where="here").tree
    assert TABLE.lazy().with_columns(compile_columns(tree).alias("it")).collect()["it"].to_list() == found
