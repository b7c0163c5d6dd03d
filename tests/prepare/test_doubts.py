"""What looks wrong is told, with what to do."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from tenure.prepare.columns import read
from tenure.prepare.doubts import look_over
from tenure.prepare.keys import find_repeated_keys
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.near_duplicates import find_near_duplicates


def test_each_kind_of_doubt_is_told_once() -> None:
    random = np.random.default_rng(0)
    n = 2000
    fee = np.exp(random.normal(4, 0.2, n))
    age = random.integers(18, 90, n)
    age[:30] = 999
    raw = pl.DataFrame(
        {
            "id": [str(i % 1990) for i in range(n)],
            "fee": np.where(np.arange(n) < 600, fee * 100, fee).round(2),
            "age": age,
            "usage": random.normal(size=n).round(5),
            "plan": random.choice(["a", "b", "c"], n),
            "y": random.choice(["no", "yes"], n),
        }
    )
    raw = pl.concat([raw, raw[:5].with_columns(pl.col("usage") + 1.0)])
    recipe = learn_recipe(raw, learn_target(raw["y"]), id="id")
    typed = read(recipe, raw.lazy()).collect()
    doubts = look_over(
        recipe,
        typed,
        keys=find_repeated_keys(raw["id"]),
        alike=find_near_duplicates(typed.with_columns(raw["y"])),
    )
    told = doubts.warnings()
    assert len(told) == 4
    assert "'age': 999 stands in" in told[0]
    assert "before row 600" in told[1]
    assert "10 value(s) of the id column" in told[2]
    assert told[3].startswith("10 row(s) in 5 cluster(s)")
    document = json.loads(json.dumps(doubts.to_dict()))
    assert document["near_duplicates"]["clusters"] == 5
    assert document["scales"][0]["expression"].startswith("CASE WHEN")
    assert [found.column for found in doubts.outliers] == ["age"]
    assert "outliers: age: 35" in doubts.to_text() or "outliers: age: 30" in doubts.to_text()
