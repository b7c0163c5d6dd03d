"""What training puts into a release."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl

from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.rows import RowCleaner
from tenure.project.preparing import Prepared
from tenure.project.training import _golden_rows


def test_golden_rows_are_rows_that_the_service_takes():
    numbers = np.random.default_rng(0).normal(size=200)
    numbers[:3] = [1e200, math.inf, math.nan]
    rows = pl.DataFrame({"x": numbers, "y": ["a", "b"] * 100})
    recipe = learn_recipe(rows, learn_target(rows["y"]))
    golden = _golden_rows(Prepared("p", "d", recipe, rows, np.zeros(200, np.int8), (), {}))
    assert json.loads(json.dumps(golden, allow_nan=False)) == [{"x": None}] * 3
    assert not any(RowCleaner(recipe).problems(row) for row in golden)
