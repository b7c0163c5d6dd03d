"""The simulated world: its truth, its untidiness, its scenarios."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from tenure.errors import ProjectError, TenureError
from tenure.simulate.telecom import NEW_PLAN, SCENARIOS, churn_chance, draw_customers, roc_auc, simulate


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_the_promised_files_and_a_known_truth(tmp_path: Path, scenario: str) -> None:
    world = simulate(tmp_path, 2000, 2, scenario, seed=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "customers.csv",
        "live_01.csv",
        "live_02.csv",
        "outcomes_01.csv",
        "outcomes_02.csv",
        "truth.csv",
    ]
    history, truth = read(world.customers), read(world.truth)
    assert (len(history), len(truth)) == (2000, 2800)
    assert set(history["churned"]) == {"yes", "no"}
    for live, outcomes in zip(world.live, world.outcomes, strict=True):
        assert "churned" not in read(live).columns
        assert read(live)["customer_id"].to_list() == read(outcomes)["customer_id"].to_list()
    assert truth["customer_id"].n_unique() == 2800
    of_history = truth.filter(pl.col("month") == "0")
    chance = of_history["chance"].cast(pl.Float64).to_numpy()
    left = (of_history["churned"] == "yes").to_numpy()
    assert world.bayes_auc[0] == pytest.approx(roc_auc_score(left, chance))
    assert world.change_month == (None if scenario == "steady" else 2)


def test_the_world_is_as_hard_as_real_ones() -> None:
    rng = np.random.default_rng(0)
    people = draw_customers(rng, 50_000)
    chance = churn_chance(people)
    left = rng.random(50_000) < chance
    assert 0.20 < left.mean() < 0.27
    assert 0.83 < roc_auc(left, chance) < 0.87


def test_a_price_rise_changes_charges_and_what_they_mean() -> None:
    rng = np.random.default_rng(0)
    before, after = draw_customers(rng, 20_000), draw_customers(rng, 20_000, "price_rise")
    assert after["monthly_charge"].mean() > 1.25 * before["monthly_charge"].mean()
    truth, old_view = churn_chance(after, "price_rise"), churn_chance(after)
    left = rng.random(20_000) < truth
    assert roc_auc(left, truth) - roc_auc(left, old_view) > 0.05


def test_an_outage_hits_its_regions_and_a_new_plan_is_new() -> None:
    rng = np.random.default_rng(0)
    out = draw_customers(rng, 5000, "outage")
    hit = np.isin(out["region"], ("Coast", "Islands"))
    assert out["outage_hours"][hit].mean() > 5.0
    assert out["outage_hours"][~hit].mean() < 1.0
    assert 0.3 < np.mean(draw_customers(rng, 5000, "new_plan")["plan"] == NEW_PLAN) < 0.37
    assert NEW_PLAN not in draw_customers(rng, 5000)["plan"]


def test_the_tables_are_untidy(tmp_path: Path) -> None:
    history = read(simulate(tmp_path, 3000, 1).customers)
    assert history["monthly_charge"].str.starts_with("$").sum() > 50
    assert (history["data_gb"] == "N/A").sum() > 50
    assert history["support_calls"].null_count() > 50
    assert {"month-to-month", "Month-to-month", "Month-to-month "} <= set(history["contract"])
    assert history["currency"].n_unique() == 1
    assert history["signup_date"].str.to_date("%Y-%m-%d").max() <= pl.Series(["2025-01-01"]).str.to_date()[0]


def test_the_same_seed_writes_the_same_bytes_and_the_first_month_is_before_the_change(tmp_path: Path) -> None:
    first = simulate(tmp_path / "a", 500, 2, "price_rise", seed=5)
    again = simulate(tmp_path / "b", 500, 2, "price_rise", seed=5)
    steady = simulate(tmp_path / "c", 500, 2, "steady", seed=5)
    other = simulate(tmp_path / "d", 500, 2, "price_rise", seed=6)
    assert [path.read_bytes() for path in first.live] == [path.read_bytes() for path in again.live]
    assert first.truth.read_bytes() == again.truth.read_bytes()
    assert first.live[0].read_bytes() == steady.live[0].read_bytes()
    assert first.live[1].read_bytes() != steady.live[1].read_bytes()
    assert first.customers.read_bytes() != other.customers.read_bytes()


def test_ten_thousand_customers_take_less_than_a_second(tmp_path: Path) -> None:
    started = time.process_time()
    simulate(tmp_path, 10_000, 3)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "prize_rise"}, "did you mean price_rise"),
        ({"customers": 10}, "customers must be from 100"),
        ({"months": 0}, "months must be from 1 to 99"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TenureError, match=message):
        simulate(tmp_path / "new", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProjectError, match="can't be written"):
        simulate(tmp_path / "file", 100, 1)
