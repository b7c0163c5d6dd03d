"""On real tables too, one row at a time gives the bits of the whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tenure.model.convert import convert
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.release.calibration import Calibration
from tenure.release.encoding import encode_table
from tenure.release.scorer import Scorer
from tests.builders import make_encoding

TABLES = {"telco.csv": ("Churn", "Yes", "customerID"), "adult.csv.gz": ("income", ">50K", None)}


@pytest.mark.parametrize("name", TABLES)
def test_row_equals_table_on(name: str, shared_data: Path) -> None:
    import lightgbm

    target_name, positive, id_column = TABLES[name]
    raw = pl.read_csv(shared_data / name, infer_schema=False).head(8000)
    target = learn_target(raw[target_name], positive=positive, task="binary")
    recipe = learn_recipe(raw.head(4000), target, id=id_column)
    encoding = make_encoding(recipe)
    X = encode_table(encoding, clean(recipe, raw.lazy()).collect())
    y = target_values(target, raw[target_name])
    params = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(X[:4000], y[:4000]), num_boost_round=30)
    predictor = convert(booster, X[:4000]).predictor()
    scorer = Scorer(recipe, encoding, predictor, Calibration("binary", 2, kind="sigmoid", slope=0.9))
    table = scorer.score_table(raw)
    assert table.problems == []
    assert table.probabilities is not None
    rows = [scorer.score_row(row) for row in raw.to_dicts()]
    assert [score.margins for score in rows] == [tuple(m) for m in table.margins.tolist()]
    assert [score.probability for score in rows] == table.probabilities[:, 1].tolist()
    assert [score.prediction for score in rows] == table.predictions
    np.testing.assert_array_equal(table.margins[:, 0], booster.predict(X, raw_score=True))
