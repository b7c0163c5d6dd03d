"""Features that are proposed: which, that both executors agree on them, and that only what is worth it is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tenure.model.generate import MOST, propose
from tenure.model.judge import Judged, judge
from tenure.model.train import TrainSettings, train
from tenure.model.workbench import TrainingTable
from tenure.prepare.columns import clean, read, settle, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.rows import RowCleaner
from tenure.prepare.sql.learn import with_features

from ..builders import TARGETS, make_table


def learned(raw: pl.DataFrame, target: str) -> tuple[Recipe, np.ndarray]:
    found = learn_target(raw[target])
    return learn_recipe(raw, found), target_values(found, raw[target])


def amounts(n: int, seed: int, *, of_ratio: bool, regression: bool = False) -> pl.DataFrame:
    """Spend, visits and noise. The target hangs on spend a visit and nothing else, or on nothing at all."""
    rng = np.random.default_rng(seed)
    spend, visits = rng.uniform(10, 1000, n), rng.integers(1, 40, n).astype(float)
    signal = np.log(spend / visits) if of_ratio else rng.normal(size=n)
    signal = 8 * (signal - np.median(signal)) + 0.3 * rng.logistic(size=n)
    outcome = np.round(signal, 4).tolist() if regression else np.where(signal > 0, "yes", "no").tolist()
    columns = {f"noise {k}": np.round(rng.normal(size=n), 6).tolist() for k in range(4)}
    return pl.DataFrame({"spend": spend.tolist(), "visits": visits.tolist(), **columns, "target": outcome})


def judged(raw: pl.DataFrame, seconds: float | None = None) -> tuple[Judged, Recipe, list[TrainingTable]]:
    """The proposals for a table as they are judged, three quarters of it training rows."""
    recipe, y = learned(raw, "target")
    cut = len(y) * 3 // 4
    typed = [read(recipe, part.lazy()).collect() for part in (raw[:cut], raw[cut:])]
    proposals = propose(recipe, settle(recipe, typed[0].lazy()).collect(), y[:cut])
    wide = with_features(recipe, typed[0], proposals)
    tables = [
        TrainingTable(settle(wide, part.lazy()).collect(), outcome)
        for part, outcome in zip(typed, (y[:cut], y[cut:]), strict=True)
    ]
    return judge(wide, *tables, proposals, seed=0, threads=2, seconds=seconds), wide, tables


def customers() -> pl.DataFrame:
    """Columns of every kind that proposals are made from, some with names that SQL has to quote."""
    raw = make_table(300).drop("customer", "note")
    last = pl.col("joined").str.to_date() + pl.duration(days=pl.col("months") * 30)
    return raw.with_columns(
        (pl.col("months") * (1.5 + pl.int_range(pl.len()) % 3) + 1).alias('total "late" minutes'),
        (pl.int_range(pl.len()) % 37).alias("total early minutes"),
        (pl.int_range(pl.len()) % 23 + 0.5).alias("total night minutes"),
        last.cast(pl.String).alias("last seen"),
    )


def test_every_kind_is_proposed_and_named() -> None:
    recipe, y = learned(customers(), TARGETS["binary"])
    found = propose(recipe, clean(recipe, customers().lazy()).collect(), y)
    assert found["days_joined_to_last_seen"] == """DATE_DIFF('day', "joined", "last seen")"""
    assert found["n_missing"] == '("charges" IS NULL) + ("contract" IS NULL) + ("senior" IS NULL)'
    assert found["ratio_total_late_minutes_total_night_minutes"] == (
        '"total ""late"" minutes" / NULLIF("total night minutes", 0)'
    )
    assert "sum_total_minutes" in found
    assert found["day_of_year_of_joined"] == 'EXTRACT(DOY FROM "joined")'
    assert any("_times_" in name for name in found)
    assert any("_and_" in name for name in found)
    assert len(found) <= sum(MOST.values()) == 40


def test_a_name_that_is_taken_is_not_proposed() -> None:
    recipe, y = learned(customers(), TARGETS["binary"])
    features = clean(recipe, customers().lazy()).collect()
    assert "n_missing" not in propose(recipe, features, y, taken=["n_missing"])


def test_both_executors_agree_on_every_proposal_and_no_column_more_is_read() -> None:
    raw = customers()
    recipe, y = learned(raw, TARGETS["binary"])
    proposals = propose(recipe, clean(recipe, raw.lazy()).collect(), y)
    wide = with_features(recipe, read(recipe, raw.lazy()).collect(), proposals)
    assert wide.inputs == recipe.inputs
    assert Recipe.from_json(wide.to_json()) == wide
    gaps = dict.fromkeys(raw.columns)
    rows = [*raw.to_dicts(), {**raw.row(0, named=True), "charges": None, "joined": None}, gaps]
    table = pl.DataFrame(rows, schema=raw.schema)
    by_columns = clean(wide, table.lazy()).collect().rows()
    cleaner = RowCleaner(wide)
    assert by_columns == [cleaner.clean_anyway(row)[0] for row in table.to_dicts()]


@pytest.mark.parametrize("regression", [False, True])
def test_a_ratio_that_the_target_hangs_on_is_found_and_makes_the_model_better(regression: bool) -> None:
    found, wide, tables = judged(amounts(3000, 1, of_ratio=True, regression=regression))
    names = [feature.name for feature in found.kept]
    assert names[0] == "ratio_spend_visits"
    assert found.kept[0].gain.low > 0

    def validated(kept: list[str]) -> float:
        recipe = replace(wide, derived=tuple(d for d in wide.derived if d.column.name in kept))
        settings = TrainSettings(candidates=("lightgbm",), budget_seconds=None, max_trials=1)
        metrics = train(recipe, *tables, settings).validation
        return metrics["rmse" if regression else "log_loss"].value

    assert validated(names) < validated([])


def test_of_noise_nothing_is_kept() -> None:
    """Of twenty tables one at most: the stated rate is a twentieth before the confirmation."""
    kept = [bool(judged(amounts(500, seed, of_ratio=False))[0].kept) for seed in range(20)]
    assert sum(kept) <= 1


def test_without_time_or_rows_it_says_why_nothing_was_tried() -> None:
    raw = amounts(400, 0, of_ratio=True)
    assert "do not suffice" in str(judged(raw, seconds=0.0)[0].why_not)
    _, wide, (training, _) = judged(raw)
    proposals = {d.column.name: d.value.sql for d in wide.derived}
    nobody = training.rows(np.arange(0))
    why = judge(wide, training, nobody, proposals, seed=0, threads=1, seconds=None).why_not
    assert "no validation rows" in str(why)
