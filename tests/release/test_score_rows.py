"""A list of rows is scored by columns, with the bits, warnings and refusals that each row gets alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.config.schema import TableSchema
from tenure.errors import RowsRefused
from tenure.prepare.recipe import OTHER
from tenure.prepare.schema.infer import schema_of_recipe
from tenure.prepare.sql.expression import Written
from tenure.prepare.sql.learn import with_expressions
from tenure.records import Score, Task
from tenure.release import scorer as scorer_module
from tenure.release.decide import GroupThresholds
from tenure.release.groups import GroupColumn
from tenure.release.linear import LinearPredictor
from tenure.release.scorer import Scorer, load_predictor
from tests.builders import make_encoding, make_parts, make_recipe, make_table
from tests.serve import messy_rows
from tests.serve.messy_rows import Row

GOOD: list[Row] = json.loads(json.dumps(make_table(60, seed=9).drop("churn").to_dicts()))
TEXTS: list[Row] = [{n: None if c is None else str(c) for n, c in row.items()} for row in GOOD]


def plain(task: Task, *, linear: bool = False) -> Scorer:
    parts = make_parts(task, linear=linear)
    model = {"linear.json" if linear else "model.txt": parts.model.encode()}
    return Scorer(parts.recipe, parts.encoding, load_predictor(model), parts.calibration)


def with_schema(severity: dict[str, str], **columns: dict[str, Any]) -> Scorer:
    scorer = plain("binary")
    document = schema_of_recipe(scorer.recipe).to_document()
    document["severity"] = severity
    for name, facts in columns.items():
        document["columns"][name] |= facts
    schema = TableSchema.model_validate(document)
    return Scorer(scorer.recipe, scorer.encoding, scorer.predictor, scorer.calibration, schema=schema)


def with_groups() -> Scorer:
    scorer = plain("binary")
    by_group = GroupThresholds((GroupColumn("partner"),), {"True": 0.1, "Yes": 0.1, "No": 0.9})
    calibration = replace(scorer.calibration, by_group=by_group)
    return Scorer(scorer.recipe, scorer.encoding, scorer.predictor, calibration)


def with_sql() -> Scorer:
    """Derived features of several kinds, a rule that refuses and one that warns, in a linear model of them all."""
    raw = make_table()
    features = {
        "per_month": "charges / NULLIF(months, 0)",
        "is_new": "months < 3",
        "how": "contract || '-' || CAST(months > 20 AS VARCHAR)",
    }
    rules = [("months <= 70", "refuse"), ("charges > 60 OR months > 40", "warn")]
    recipe = with_expressions(
        make_recipe(raw),
        raw,
        {name: Written(sql, f"features.{name}") for name, sql in features.items()},
        [(Written(sql, "data.rules"), then) for sql, then in rules],
    )
    encoding = make_encoding(recipe)
    encoding = replace(encoding, features=tuple(replace(f, fill=0.0) for f in encoding.features))
    d = len(encoding.features)
    rng = np.random.default_rng(0)
    predictor = LinearPredictor(rng.normal(size=d) / 10, [0.1], rng.normal(size=d))
    parts = make_parts()
    return Scorer(recipe, encoding, predictor, parts.calibration)


SCORERS: dict[str, Callable[[], Scorer]] = {
    "binary": lambda: plain("binary"),
    "multiclass": lambda: plain("multiclass"),
    "regression": lambda: plain("regression"),
    "linear": lambda: plain("binary", linear=True),
    "mild schema": lambda: with_schema({"type": "warning", "presence": "warning", "new_columns": "warning"}),
    "strict schema": lambda: with_schema(
        {"levels": "error", "range": "error", "nulls": "error", "new_columns": "error"},
        charges={"nulls": 0.0},
    ),
    "narrow schema": lambda: with_schema({}, months={"minimum": 5, "maximum": 40}),
    "groups": with_groups,
    "sql": with_sql,
}


@pytest.fixture(scope="module", params=SCORERS)
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return SCORERS[request.param]()


def alone(scorer: Scorer, row: Row) -> Score | RowsRefused:
    try:
        return scorer.score_row(row)
    except RowsRefused as refused:
        return refused


def check(scorer: Scorer, rows: list[Row]) -> None:
    before = json.dumps(rows)
    for row, found in zip(rows, scorer.score_rows(rows), strict=True):
        wanted, explained = alone(scorer, row), scorer.score_explained(row, 2)
        if isinstance(wanted, RowsRefused):
            assert isinstance(found, RowsRefused), (row, found)
            assert isinstance(explained, RowsRefused)
            assert found.problems == wanted.problems == explained.problems
            continue
        assert not isinstance(found, RowsRefused), (row, found)
        assert not isinstance(explained, RowsRefused), (row, explained)
        assert repr(explained[:2]) == repr(found[:2])
        assert explained.explanation == scorer.explain_row(row, 2)
        assert repr(found.score) == repr(wanted)  # repr of a float tells every bit
        values = tuple(scorer.clean_row(row).values())
        assert found.gaps == (values if None in values or OTHER in values else None)
    assert json.dumps(rows) == before


EXAMPLES = settings(max_examples=int(os.environ.get("TENURE_EXAMPLES", "60")), deadline=None)


def test_rows_of_any_cells(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer_module, "_LONG_LIST", 1)

    @EXAMPLES
    @given(st.lists(messy_rows.rows(GOOD), min_size=1, max_size=8))
    def agree(rows: list[Row]) -> None:
        check(scorer, rows)

    agree()


def test_rows_of_texts(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer_module, "_LONG_LIST", 1)

    @EXAMPLES
    @given(st.lists(messy_rows.rows(TEXTS, st.none() | messy_rows.texts), min_size=1, max_size=8))
    def agree(rows: list[Row]) -> None:
        check(scorer, rows)

    agree()


def test_a_long_list_goes_by_columns_at_its_own_length(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [dict(row) for row in GOOD]
    rows[3]["months"], rows[7]["contract"], rows[50]["charges"] = "many", ["Weekly"], {}
    del rows[20]["joined"]
    check(scorer, rows)
    by_itself: list[Row] = []
    monkeypatch.setattr(scorer, "_score_alone", by_itself.append)
    scorer.score_rows(rows)
    assert 0 < len(by_itself) < len(rows) / 2
    by_itself.clear()
    scorer.score_rows(rows[:5])
    assert len(by_itself) == 5


def test_cells_that_are_equal_and_do_not_mean_the_same_are_told_apart() -> None:
    scorer = plain("binary")
    cells = [True, 1, 1.0, "1", False, 0, 0.0, "0", None, "true"] * 3
    for column in ("senior", "partner", "contract", "months"):
        check(scorer, [{**GOOD[0], column: cell} for cell in cells])


def test_a_list_scored_before_changes_nothing() -> None:
    """What the cleaner remembers of cells that it met is what it would find again."""
    scorer, fresh = plain("binary"), plain("binary")
    odd = [{**GOOD[0], "contract": f"kind {n}", "senior": n, "partner": str(n)} for n in range(6000)]
    scorer.score_rows(odd)
    check(scorer, GOOD)
    told = [repr(found) for found in scorer.score_rows(odd[:50] + GOOD)]
    assert told == [repr(found) for found in fresh.score_rows(odd[:50] + GOOD)]


def test_a_table_gives_the_bits_of_the_list() -> None:
    scorer = plain("multiclass")
    found = scorer.score_rows(TEXTS)
    table = scorer.score_table(pl.DataFrame(TEXTS))
    assert [list(one.score.margins) for one in found] == table.margins.tolist()
    assert [list(one.score.probabilities.values()) for one in found] == table.probabilities.tolist()
