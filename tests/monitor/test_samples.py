"""The reference as it comes out of a release."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tenure.errors import ReleaseError
from tenure.monitor.drift import measure_drift
from tenure.monitor.samples import SCORE, LevelSample, NumberSample, kinds_of, read_reference
from tenure.prepare.recipe import ColumnRecipe, Recipe, TargetRecipe
from tenure.prepare.summary import summarise

RECIPE = Recipe(
    TargetRecipe("y", "binary", ("0", "1"), "1"),
    (
        ColumnRecipe("x", "number"),
        ColumnRecipe("few", "integer"),
        ColumnRecipe("plan", "category"),
        ColumnRecipe("flag", "boolean"),
        ColumnRecipe("note", "text"),
    ),
)


def table(seed: int, n: int = 20_000) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "x": rng.normal(size=n),
            "few": rng.integers(0, 4, n).astype(float),
            "plan": rng.choice(["a", "b", "c"], n),
            "flag": rng.random(n) < 0.3,
            "note": ["abcd"] * n,
        }
    ).with_columns(x=pl.when(pl.col("x") > 2.5).then(None).otherwise("x"))


def reference(seed: int = 0) -> dict[str, object]:
    scores = pl.DataFrame({SCORE: np.random.default_rng(seed).random(500)})
    body = {"rows": summarise([table(seed)]).to_dict(), "scores": summarise([scores]).to_dict()}
    return json.loads(json.dumps(body))


def test_a_reference_holds_every_column_and_the_scores() -> None:
    samples = read_reference(reference(), RECIPE)
    assert list(samples) == ["x", "few", "plan", "flag", "note", SCORE]
    frame = table(0)
    x, few, plan, flag = (samples[name] for name in ("x", "few", "plan", "flag"))
    assert isinstance(x, NumberSample)
    assert (x.n, x.nulls) == (frame["x"].count(), frame["x"].null_count())
    exact = NumberSample.of(frame["x"].drop_nulls().to_numpy()).share_up_to(x.points)
    assert np.abs(x.shares - exact).max() <= x.error + 1e-12
    assert x.error < 0.01
    assert isinstance(few, NumberSample)
    assert few.points.tolist() == [0, 1, 2, 3]
    assert isinstance(plan, LevelSample)
    assert plan.counts == dict(frame["plan"].value_counts().iter_rows())
    assert isinstance(flag, LevelSample)
    assert flag.counts["true"] == frame["flag"].sum()


def test_a_reference_is_not_drifted_from_itself_nor_from_its_like() -> None:
    samples = read_reference(reference(), RECIPE)
    for live in (samples, read_reference(reference(1), RECIPE)):
        report = measure_drift(samples, live, kinds_of(RECIPE))
        assert len(report.columns) == 6
        assert not report.alarms


def test_one_summary_alone_is_a_reference_too() -> None:
    assert "x" in read_reference(summarise([table(0, 100)]).to_dict(), RECIPE)


@pytest.mark.parametrize("body", [{}, {"rows": {"format": "other"}}, {"format": "tenure-summary/2"}])
def test_anything_else_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ReleaseError, match="the reference"):
        read_reference(body, RECIPE)
