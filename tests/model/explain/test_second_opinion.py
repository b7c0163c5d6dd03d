"""LIME, the real library, beside Shapley effects of models whose formula is known."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from tenure.errors import ExtraMissing
from tenure.model.explain.second_opinion import second_opinion
from tenure.prepare.columns import clean
from tests.builders import make_parts, make_table
from tests.model.explain.worlds import linear_scorer, number_rows


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lime.lime_tabular", None)
    with pytest.raises(ExtraMissing, match=r"lime"):
        second_opinion(linear_scorer([1.0, 0.0, 0.0]), number_rows(50), number_rows(1), 0)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_it_agrees_on_a_linear_model(task):
    pytest.importorskip("lime", reason="the extra `lime` is not installed")
    row = pl.DataFrame({"a": [2.0], "b": [2.0], "c": [-2.0]})
    found = second_opinion(linear_scorer([1.0, -0.5, 0.2], task=task), number_rows(500), row, 0)
    assert [name for name, _, _ in found.columns] == ["a", "b", "c"]
    assert [np.sign(weight) for _, _, weight in found.columns] == [1.0, -1.0, -1.0]
    assert found.ranks == pytest.approx(1.0)
    assert found.same_sign == 1.0
    assert 0.0 < found.fit <= 1.0
    again = second_opinion(linear_scorer([1.0, -0.5, 0.2], task=task), number_rows(500), row, 0)
    assert again == found


def test_a_column_without_a_part_has_nearly_no_weight_and_one_is_too_few_to_rank():
    pytest.importorskip("lime", reason="the extra `lime` is not installed")
    row = pl.DataFrame({"a": [2.0], "b": [2.0], "c": [-2.0]})
    found = second_opinion(linear_scorer([1.0, 0.0, 0.0]), number_rows(500), row, 0)
    weights = {name: weight for name, _, weight in found.columns}
    assert abs(weights["b"]) + abs(weights["c"]) < 0.1 * abs(weights["a"])
    assert found.ranks is None


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_kind_of_cell_and_gaps(task):
    pytest.importorskip("lime", reason="the extra `lime` is not installed")
    from tenure.release.joint import load_predictor
    from tenure.release.scorer import Scorer

    parts = make_parts(task)
    scorer = Scorer(
        parts.recipe, parts.encoding, load_predictor({"model.txt": parts.model.encode()}), parts.calibration
    )
    table = clean(parts.recipe, make_table(task=task).lazy()).collect()
    empty = pl.DataFrame([pl.Series(name, [None], dtype=dtype) for name, dtype in table.schema.items()])
    for row in (table[:1], empty):
        found = second_opinion(scorer, table, row, 0)
        assert len(found.columns) == len(scorer.feature_names)
        assert all(np.isfinite(weight) for _, _, weight in found.columns)
        assert sum(effect for _, effect, _ in found.columns) == pytest.approx(
            scorer.explainer.effects(row)[0].sum()
        )
