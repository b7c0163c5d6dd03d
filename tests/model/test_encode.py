"""Encodings fit their style, and target means are free of a row's own label."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.model.encode import encode_part, learn_encoding
from tenure.release.encoding import row_encoder
from tests.model.training_tables import make_recipe, make_table


@pytest.mark.parametrize("style", ["trees", "linear", "spline"])
def test_only_trees_see_missing_values(style, task):
    table, recipe = make_table(task), make_recipe(task, 3)
    learned = learn_encoding(recipe, style, table.features, table.y)
    assert np.isnan(learned.part.X).any() == (style == "trees")
    assert learned.part.X.dtype == np.float32


@pytest.mark.parametrize("style", ["trees", "linear", "spline"])
@pytest.mark.parametrize("column", ["charges", "contract", "paperless", "joined"])
def test_that_a_cell_was_missing_is_never_lost(style, column):
    """A row with a gap is encoded unlike every row that has a value there, whatever the gap is filled with."""
    features = make_table("binary").features
    recipe = make_recipe("binary", 2)
    columns = tuple(replace(c, nullable=c.nullable or c.name == column) for c in recipe.columns)
    gaps = features.with_columns(pl.when(pl.int_range(300) % 9 > 0).then(column))
    y = np.arange(300) % 2.0
    encoding = learn_encoding(replace(recipe, columns=columns), style, gaps, y).encoding
    values = gaps[column].drop_nulls().unique().extend(pl.Series([None], dtype=gaps.schema[column]))
    row = features[:1].drop(column).join(values.to_frame(), how="cross").select(features.columns)
    X = encode_part(encoding, row, y[:1].repeat(row.height)).X
    assert not (X[:-1] == X[-1]).all(axis=1).any()


def test_new_rows_are_encoded_as_the_service_encodes_them():
    table, recipe = make_table("binary"), make_recipe("binary", 2)
    learned = learn_encoding(recipe, "trees", table.features, table.y)
    X = encode_part(learned.encoding, table.features, table.y).X
    encode_row = row_encoder(learned.encoding, table.features.columns)
    for i in (0, 7, 50):
        np.testing.assert_array_equal(encode_row(table.features.row(i)), X[i])


def test_target_means_of_training_rows_do_not_hold_their_own_label():
    """With a random label, the rows' own target means must not rank it: naive ones would by far."""
    table, recipe = make_table("binary", 2000), make_recipe("binary", 2)
    y = (np.random.default_rng(5).random(2000) < 0.5).astype(float)
    learned = learn_encoding(recipe, "trees", table.features, y)
    position = learned.encoding.feature_names.index("region by target")
    assert np.corrcoef(learned.part.X[:, position], y)[0, 1] < 0.05
    naive = encode_part(learned.encoding, table.features, y).X[:, position]
    assert np.corrcoef(naive, y)[0, 1] > 0.1


def test_features_of_one_value_are_left_out():
    table, recipe = make_table("binary", 100), make_recipe("binary", 2)
    features = table.features.with_columns(months=pl.lit(1.0), note=pl.lit("same"))
    learned = learn_encoding(recipe, "spline", features, table.y)
    assert not {"months", "note length"} & set(learned.encoding.feature_names)


@pytest.mark.parametrize("style", ["linear", "spline"])
def test_a_few_wild_numbers_do_not_tilt_a_line(style):
    """A code far outside is clipped for linear models, in tables and rows alike; trees see it as it is."""
    table, recipe = make_table("binary"), make_recipe("binary", 2)
    wild = table.features.with_columns(
        charges=pl.when(pl.int_range(300) == 7).then(1e6).otherwise(pl.col("charges"))
    )
    learned = learn_encoding(recipe, style, wild, table.y)
    at = learned.encoding.feature_names.index("charges")
    usual = wild["charges"].drop_nulls().sort()
    assert usual[-2] < learned.part.X[:, at].max() < 10 * usual[-2]
    row = row_encoder(learned.encoding, wild.columns)(wild.row(7))
    assert row.tobytes() == encode_part(learned.encoding, wild[7:8], table.y[:1]).X[0].tobytes()
    trees = learn_encoding(recipe, "trees", wild, table.y)
    assert np.nanmax(trees.part.X[:, trees.encoding.feature_names.index("charges")]) == np.float32(1e6)
