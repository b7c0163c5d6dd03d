"""Derived features and rules in a recipe: learned, computed alike for tables and rows, refused where they cannot be."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenure.errors import ConfigError, ExpressionError, RowsRefused, SourceError
from tenure.prepare.columns import clean, find_problems
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.rows import RowCleaner
from tenure.prepare.split import PART, TRAIN
from tenure.prepare.sql.expression import Written
from tenure.prepare.sql.learn import with_expressions
from tenure.prepare.sql.rule_watch import RuleWatch
from tenure.prepare.survey import learn_anew
from tenure.prepare.typed import typed_columns


def written(**features: str) -> dict[str, Written]:
    return {name: Written(sql, f"tenure.yaml, line 9, features.{name}") for name, sql in features.items()}


TELCO = {
    "cost_per_month": "TotalCharges / NULLIF(tenure, 0)",
    "is_new": "tenure < 3",
    "kind": "CASE WHEN InternetService = 'Fiber optic' AND NOT is_new THEN 'fiber' ELSE LOWER(InternetService) END",
    "services": "(OnlineSecurity = 'Yes') + (OnlineBackup = 'Yes') + (TechSupport = 'Yes')",
    "power": "POWER(MonthlyCharges, 1.5) + LN(TotalCharges) + LOG10(tenure + 1) + EXP(-tenure / 10) + tenure % 7",
    "id_tail": "SUBSTR(PaymentMethod, 1, 4) || '-' || CAST(tenure AS VARCHAR)",
    "rounded": "ROUND(MonthlyCharges / 7, 2)",
}


@pytest.fixture(scope="module")
def telco(shared_data: Path) -> pl.DataFrame:
    return pl.read_csv(shared_data / "telco.csv", infer_schema=False)


def learn(
    raw: pl.DataFrame, features: dict[str, str], rules: list[str] | None = None, **special: str
) -> Recipe:
    target = special.pop("target", "Churn")
    recipe = learn_recipe(raw, learn_target(raw[target]), **special)
    tests = [(Written(rule, "data.rules"), "leave_out") for rule in rules or []]
    recipe = with_expressions(recipe, raw, written(**features), tests)
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    return again


def assert_alike(recipe: Recipe, raw: pl.DataFrame) -> None:
    table = clean(recipe, raw.lazy()).collect()
    refused = {(p.row, p.column, p.rule, p.value) for p in find_problems(recipe, raw, limit=10**9)}
    cleaner = RowCleaner(recipe)
    for position, row in enumerate(raw.to_dicts()):
        problems = cleaner.problems(row, position)
        assert {(p.row, p.column, p.rule, p.value) for p in problems} == {
            p for p in refused if p[0] == position
        }
        values, _ = cleaner.clean_anyway(row)
        for name, wanted, got in zip(table.columns, table.row(position), values, strict=True):
            same = got == wanted and type(got) is type(wanted)
            if isinstance(got, float) and isinstance(wanted, float):
                same = struct.pack("d", got) == struct.pack("d", wanted)
            assert same, (name, row, got, wanted)
        if problems:
            with pytest.raises(RowsRefused):
                cleaner.clean(row, position)
        else:
            assert cleaner.clean(row, position) == values


def test_a_real_table_is_derived_alike(telco: pl.DataFrame) -> None:
    recipe = learn(
        telco.head(3000), TELCO, ["tenure >= 1", "MonthlyCharges < 110 OR is_new"], id="customerID"
    )
    kinds = {column.name: column.kind for column in recipe.features}
    assert [kinds.get(name) for name in TELCO] == [
        *("number", "boolean", "category", "integer", "number", "category", "number")
    ]
    assert {"customerID", "Churn", *TELCO}.isdisjoint(column.name for column in recipe.inputs)
    assert_alike(recipe, telco.slice(2900, 600))


cells = st.one_of(
    st.none(), st.sampled_from(["", "x", "-0", "1e38", "-1e38", "0", "7", "1e-300", "?", "12/31/2020"])
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(cells, st.floats(-1e38, 1e38).map(repr)),
            st.one_of(cells, st.integers(-100, 100).map(str)),
            st.one_of(cells, st.sampled_from(["Red", " red", "RED  wine", "Blue", "unknown", "new"])),
            st.one_of(cells, st.dates().map(str)),
            st.one_of(cells, st.sampled_from(["yes", "No", "maybe"])),
        ),
        max_size=20,
    )
)
def test_messy_cells_are_derived_alike(rows: list[tuple[str | None, ...]]) -> None:
    names = ["x", "n", "word", "day", "flag"]
    tidy = [
        (str(i / 7), str(i), "Red" if i % 3 else "Blue", f"20{i:02}-01-15", "yes" if i % 2 else "no")
        for i in range(40)
    ]
    training = pl.DataFrame(tidy, schema=names, orient="row").with_columns(y=pl.Series(["a", "b"] * 20))
    recipe = learn(
        training,
        {
            "ratio": "x / n",
            "twice": "COALESCE(ratio, 0) * 2 + n % 3",
            "label": "UPPER(word) || '/' || COALESCE(CAST(flag AS VARCHAR), '?')",
            "since": "CAST(day AS DATE)",
            "month": "EXTRACT(MONTH FROM since) + DATE_DIFF('day', DATE '2020-02-29', day)",
            "both": "flag AND x > n",
        },
        ["x >= 0", "day > '2001-06-01' OR flag"],
        target="y",
    )
    assert_alike(recipe, pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))


def test_values_are_read_before_bounds_and_levels() -> None:
    raw = pl.DataFrame({"a": ["1", "2", "3"] * 10, "c": ["x", "y", "x"] * 10, "t": ["0", "1", "1"] * 10})
    recipe = learn(raw, {"double": "a * 2", "is_z": "c = 'z' OR c = 'x'"}, target="t")
    row = {"a": "100", "c": "z"}
    # a is clipped to 3 and c is no level, but the features saw 100 and z; the feature is clipped to its own range
    assert RowCleaner(recipe).clean(row) == (3.0, "(other)", 6.0, True)


def test_the_time_column_may_be_read_and_is_then_sent() -> None:
    raw = pl.DataFrame(
        {
            "d": [f"2024-0{i % 9 + 1}-10" for i in range(30)],
            "a": [i % 10 for i in range(30)],
            "t": [0, 1] * 15,
        }
    )
    recipe = learn(raw, {"month": "EXTRACT(MONTH FROM d)"}, time="d", target="t")
    assert [column.name for column in recipe.inputs] == ["a", "d"]
    assert [column.name for column in recipe.features] == ["a", "month"]
    assert RowCleaner(recipe).clean({"a": 3, "d": "2024-05-31"}) == (3.0, 5.0)


def test_what_identifies_rows_may_be_read_as_text() -> None:
    names = ["Ms. Ann", "Mr. Bob", "Mr. Cid", "Ms. Dee"]
    raw = pl.DataFrame(
        {"n": [f"{names[i % 4]}{i}" for i in range(40)], "a": [i % 10 for i in range(40)], "t": [0, 1] * 20}
    )
    recipe = learn(raw, {"is_man": "n LIKE 'Mr.%'"}, target="t")
    assert "n" in recipe.ignored
    assert [column.name for column in recipe.features] == ["a", "is_man"]
    assert RowCleaner(recipe).clean({"a": 1, "n": "Mr. New"}) == (1.0, True)


def test_a_feature_without_two_values_is_no_feature() -> None:
    raw = pl.DataFrame({"a": [i % 10 for i in range(30)], "t": [0, 1] * 15})
    recipe = learn(raw, {"same": "a * 0", "none": "a / 0", "after": "COALESCE(none, a)"}, target="t")
    assert recipe.ignored["same"] == "constant: it is always 0.0"
    assert recipe.ignored["none"] == "constant: it is always missing"
    assert [column.name for column in recipe.features] == ["a", "after"]


@pytest.mark.parametrize(
    ("features", "special", "error", "what"),
    [
        ({"x": "id + 1"}, {"id": "id"}, ExpressionError, "the id column"),
        ({"x": "g + 1"}, {"group": "g"}, ExpressionError, "the group column"),
        ({"x": "e + 1"}, {"exclude": {"e": "filled in later"}}, ExpressionError, "excluded: filled in later"),
        ({"x": "t + 1"}, {}, ExpressionError, "it is the target"),
        ({"x": "later + 1", "later": "a + 1"}, {}, ExpressionError, "'later' is not known"),
        ({"x": "x + 1"}, {}, ExpressionError, "'x' is not known"),
        ({"a": "g + 1"}, {}, ConfigError, "has the name of a column"),
        ({"x": "a || 'b'"}, {}, ExpressionError, "a text is expected here, and this is a number"),
    ],
)
def test_what_a_feature_may_not_read(
    features: dict[str, str], special: dict[str, str], error: type[Exception], what: str
) -> None:
    raw = pl.DataFrame(
        {name: [i % 10 for i in range(30)] for name in ("id", "g", "e", "a")} | {"t": [0, 1] * 15}
    )
    with pytest.raises(error, match=what) as caught:
        learn(raw, features, target="t", **special)
    assert "tenure.yaml, line 9" in str(caught.value)


def test_rules_leave_out_warn_and_refuse() -> None:
    raw = pl.DataFrame(
        {"a": [1.0, -5.0, None, 7.0, -1.0], "b": [0, 2, 3, None, 5], "t": ["0", "1", "0", "1", "1"]}
    )
    target = learn_target(raw["t"])
    recipe = learn_recipe(raw, target)
    rules = [
        (Written("a >= 0", "data.rules.0"), "leave_out"),
        (Written("b < 5", "data.rules.1"), "warn"),
        (Written("a > -100", "data.rules.2"), "refuse"),
    ]
    recipe = with_expressions(recipe, raw, {}, rules)
    typed = raw.lazy().select(typed_columns(recipe, raw.schema)).collect()
    watch = RuleWatch(recipe)
    part = watch.judge(typed, pl.Series(PART, [0, 0, 1, 2, -1], dtype=pl.Int8), start=1000)
    # a null neither keeps nor breaks a rule; the last row was left out before
    assert part.to_list() == [0, -1, 1, 2, -1]
    assert watch.warnings() == (
        "1 row(s), such as row 1001 (a = -5), break the rule 'a >= 0' and are left out",
    )
    cleaner = RowCleaner(recipe)
    with pytest.raises(RowsRefused, match="must satisfy the rule a >= 0, got a = -5"):
        cleaner.clean({"a": "-5", "b": "2"})
    assert cleaner.problems({"a": "5", "b": "9"}) == []
    strict = with_expressions(recipe, raw, {}, [(Written("a >= 0", "data.rules.0"), "refuse")])
    watch = RuleWatch(strict)
    watch.judge(typed, pl.Series(PART, np.zeros(5, dtype=np.int8)))
    with pytest.raises(SourceError, match="2 row\\(s\\)"):
        watch.warnings()


def test_a_retrained_recipe_learns_its_features_anew(telco: pl.DataFrame) -> None:
    recipe = learn(telco.head(500), {"cost": "TotalCharges / NULLIF(tenure, 0)"})
    typed = telco.lazy().select(typed_columns(recipe, telco.schema)).collect()
    again = learn_anew(recipe, typed.with_columns(pl.lit(TRAIN, dtype=pl.Int8).alias(PART)))
    wide, narrow = again.derived[0].column.bounds, recipe.derived[0].column.bounds
    assert wide is not None
    assert narrow is not None
    assert wide[0] <= narrow[0] < narrow[1] <= wide[1]
    assert wide != narrow
    assert_alike(again, telco.tail(100))
