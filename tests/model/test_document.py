"""A blend of tree models is one tree model: its margins are the weighted sum, its contributions add up."""

import numpy as np
import pytest

from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts, FitContext
from tenure.model.document import ModelDocument, blend_documents
from tenure.model.encode import encode_part, learn_encoding
from tenure.model.joining import Part, join
from tenure.release.encoding import encode_table
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


def test_trees_and_lines_in_one_are_the_weighted_sum_and_share_features(task):
    """One row has the bits of a table, contributions add up, and each feature is encoded once."""
    table, recipe = make_table(task, 300), make_recipe(task, 3)
    context = FitContext(Facts(task, 3 if task == "multiclass" else 2, 300, 7), 0, 1)
    wanted, parts, n_features = 0.0, [], 0
    for family, at, weight in (("logistic", 0, 0.25), ("lightgbm", 0, 0.45), ("logistic", 1, 0.3)):
        candidate = candidate_named(family)
        params = candidate.defaults(context.facts)[at]
        learned = learn_encoding(recipe, candidate.style(params), table.features, table.y)
        fitted = candidate.fit(learned.part, params, context, rounds=15 if candidate.boosts else None)
        parts.append(Part(learned.encoding, fitted.document(learned.part), weight))
        wanted = wanted + weight * fitted.margins(encode_part(learned.encoding, table.features, table.y))
        n_features += len(learned.encoding.features)
    encoding, document = join(parts)
    assert document.kind == "joint"
    assert len(encoding.features) < n_features
    X, predictor = encode_table(encoding, table.features), document.predictor()
    np.testing.assert_allclose(predictor.margins(X), wanted, atol=1e-6)
    rows = [predictor.margin_row(x) for x in X]
    assert rows == [tuple(row) for row in predictor.margins(X).tolist()]
    contributions = predictor.contributions(X[:20])
    np.testing.assert_allclose(contributions.sum(axis=2), predictor.margins(X[:20]), atol=1e-6)
    np.testing.assert_allclose(predictor.contributions_row(X[0]), contributions[0], atol=1e-9)
    again = ModelDocument.of_files(document.files(), document.n_outputs, document.n_features, document.output)
    assert again == document


def test_lines_alone_are_one_line():
    table, recipe = make_table("binary", 300), make_recipe("binary", 2)
    context = FitContext(Facts("binary", 2, 300, 7), 0, 1)
    candidate, parts, wanted = candidate_named("logistic"), [], 0.0
    for params in candidate.defaults(context.facts):
        learned = learn_encoding(recipe, candidate.style(params), table.features, table.y)
        fitted = candidate.fit(learned.part, params, context)
        parts.append(Part(learned.encoding, fitted.document(learned.part), 0.5))
        wanted = wanted + 0.5 * fitted.margins(learned.part)
    encoding, document = join(parts)
    assert document.kind == "linear"
    margins = document.predictor().margins(encode_table(encoding, table.features))
    np.testing.assert_allclose(margins, wanted, atol=1e-9)
