"""A blend of tree models is one tree model: its margins are the weighted sum, its contributions add up."""

import numpy as np
import pytest

from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts, FitContext
from tenure.model.document import blend_documents
from tenure.model.encode import learn_encoding
from tests.model.training_tables import make_recipe, make_table


def test_blend_is_the_weighted_sum_of_its_members(task):
    table, recipe = make_table(task, 200), make_recipe(task, 3)
    part = learn_encoding(recipe, "trees", table.features, table.y).part
    context = FitContext(Facts(task, 3 if task == "multiclass" else 2, 200, 7), 0, 1)
    documents, margins = [], []
    for family in ("lightgbm", "xgboost", "catboost"):
        candidate = candidate_named(family)
        fitted = candidate.fit(part, candidate.defaults(context.facts)[0], context, rounds=15)
        documents.append(fitted.document(part))
        margins.append(fitted.margins(part))
    weights = [0.5, 0.3, 0.2]
    predictor = blend_documents(documents, weights).predictor()
    wanted = sum(w * m for w, m in zip(weights, margins, strict=True))
    np.testing.assert_allclose(predictor.margins(part.X), wanted, atol=1e-5)
    contributions = predictor.contributions(part.X[:20])
    np.testing.assert_allclose(contributions.sum(axis=2), predictor.margins(part.X[:20]), atol=1e-6)


def test_one_member_is_left_as_it_is():
    table = make_table("binary", 100)
    part = learn_encoding(make_recipe("binary", 2), "trees", table.features, table.y).part
    candidate = candidate_named("lightgbm")
    context = FitContext(Facts("binary", 2, 100, 7), 0, 1)
    document = candidate.fit(part, candidate.defaults(context.facts)[0], context, rounds=5).document(part)
    assert blend_documents([document], [1.0]) is document
    assert document.n_trees == pytest.approx(5, abs=1)
