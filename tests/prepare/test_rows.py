"""The row executor: all faults of a row at once, extra keys ignored, nothing coerced silently."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from tenure.errors import ColumnsMissing, RowsRefused, SourceError
from tenure.prepare.recipe import ColumnRecipe, NumberFormat, Recipe, TargetRecipe
from tenure.prepare.rows import RowCleaner

RECIPE = Recipe(
    TargetRecipe("y", "binary", ("0", "1"), "1"),
    (
        ColumnRecipe(
            "fee", "number", ("", "n/a"), number_format=NumberFormat(thousands=","), bounds=(0.0, 2000.0)
        ),
        ColumnRecipe("plan", "category", ("", "n/a"), levels=("Basic", "Pro")),
        ColumnRecipe(
            "paid", "boolean", ("",), labels=("No", "Yes"), false_tokens=("no",), true_tokens=("yes", "y")
        ),
        ColumnRecipe("since", "date", ("",), date_formats=("year-month-day",)),
    ),
)
GOOD = {"fee": 1.5, "plan": "basic", "paid": True, "since": "1970-01-02"}


def test_a_good_row() -> None:
    cleaner = RowCleaner(RECIPE)
    assert cleaner.clean(GOOD | {"other": [1]}) == (1.5, "Basic", True, 86_400_000_000)
    assert cleaner.clean({"fee": "1,234.50", "plan": " PRO", "paid": "Y", "since": None}) == (
        1234.5,
        "Pro",
        True,
        None,
    )
    assert cleaner.clean(GOOD | {"fee": 10**6, "plan": 3}) == (2000.0, "(other)", True, 86_400_000_000)
    assert cleaner.clean(dict.fromkeys(GOOD)) == (None, None, None, None)
    assert math.copysign(1.0, cleaner.clean(GOOD | {"fee": -0.0})[0]) == 1.0


@pytest.mark.parametrize("first", [True, 1, 1.0, "1", "true"])
def test_cells_that_are_equal_and_do_not_mean_the_same_are_told_apart(first: object) -> None:
    """Whatever was cleaned before, and is remembered."""
    column = ColumnRecipe("kind", "category", levels=("1", "true", "1.5"), case_sensitive=True)
    cleaner = RowCleaner(Recipe(RECIPE.target, (column,)))
    cells = [first, True, 1, 1.0, "1", "true", 2, False, 0]
    said = {"True": "true", "true": "true", "1": "1", "1.0": "1"}
    wanted = [said.get(str(cell), "(other)") for cell in cells]
    assert [cleaner.clean({"kind": cell})[0] for cell in cells] == wanted
    columns, odd = cleaner.clean_columns([{"kind": cell} for cell in [*cells, [1], {}]] + [{}])
    assert (list(columns[0])[: len(cells)], odd) == (wanted, {9, 10, 11})


def test_every_bad_cell_is_named_at_once() -> None:
    with pytest.raises(RowsRefused) as error:
        RowCleaner(RECIPE).clean({"fee": "cheap", "plan": ["Basic"], "paid": "perhaps"}, position=7)
    named = [(p.row, p.column, p.rule, p.value) for p in error.value.problems]
    assert named == [
        (7, "fee", "must be a number within ±1e38", "'cheap'"),
        (7, "plan", "must be a text or a whole number", "['Basic']"),
        (7, "paid", "must be No or Yes", "'perhaps'"),
        (7, "since", "is missing", "nothing"),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("fee", math.nan),
        ("fee", math.inf),
        ("fee", True),
        ("fee", 10**400),
        ("fee", {}),
        ("fee", "1_000"),
        ("plan", 1.5),
        ("plan", {"a": 1}),
        ("paid", 1),
        ("paid", 0.5),
        ("since", 19700102),
        ("since", "1970-02-30"),
    ],
)
def test_bad_values(column: str, value: object) -> None:
    with pytest.raises(RowsRefused) as error:
        RowCleaner(RECIPE).clean(GOOD | {column: value})
    assert [problem.column for problem in error.value.problems] == [column]


def test_the_service_path_loads_no_table_library() -> None:
    code = (
        "import sys, tenure.prepare.rows, tenure.prepare.recipe, tenure.prepare.summary;"
        "sys.exit(any(name in sys.modules for name in ('polars', 'sklearn', 'scipy', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tables_without_the_columns_are_refused() -> None:
    pl = pytest.importorskip("polars")
    from tenure.prepare.columns import clean, count_problems, find_problems, time_values

    with pytest.raises(ColumnsMissing, match="'since'"):
        clean(RECIPE, pl.LazyFrame({"fee": [1.0], "plan": ["a"], "paid": ["yes"], "Since": ["1970-01-01"]}))
    with pytest.raises(SourceError, match="'fee' holds"):
        clean(RECIPE, pl.LazyFrame({name: [[1]] for name in GOOD}))
    rows = {"fee": ["1", "x", "y"], "plan": ["a"] * 3, "paid": ["yes", "no", "?"], "since": [None] * 3}
    frame = pl.DataFrame(rows, schema_overrides={"since": pl.String})
    assert [(p.row, p.column) for p in find_problems(RECIPE, frame)] == [(1, "fee"), (2, "fee"), (2, "paid")]
    assert len(find_problems(RECIPE, frame, limit=2)) == 2
    assert count_problems(RECIPE, frame.lazy()) == {"fee": 2, "paid": 1}
    assert time_values(pl.Series("when", ["19700102", "19700103", "?"])).tolist()[:2] == [8.64e10, 1.728e11]
