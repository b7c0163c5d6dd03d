"""Rates and differences by group are fairlearn's, and their bounds hold."""

from __future__ import annotations

import fairlearn.metrics as fl
import numpy as np
import polars as pl
import pytest

from tenure.errors import ConfigError
from tenure.model.fairness.columns import keys_of, learn_groups, plain_cells
from tenure.model.fairness.differences import largest_difference, smallest_ratio
from tenure.model.fairness.measure import measure_fairness
from tenure.model.fairness.rates import GroupValue, Judged, rates_by_group
from tests.model.fairness.worlds import make_judged


@pytest.mark.parametrize("columns", [["one"], ["two"], ["one", "two"]])
def test_differences_and_ratios_are_those_of_fairlearn(columns: list[str]) -> None:
    judged, groups = make_judged(unfair=0.1)
    chosen = {name: groups[name] for name in columns}
    told = measure_fairness(judged, chosen, least=1)[-1]
    for name in ("demographic_parity", "equal_opportunity", "equalized_odds"):
        for how, found in (("difference", told["differences"]), ("ratio", told["ratios"])):
            theirs = getattr(fl, f"{name}_{how}")(judged.y, judged.decided, sensitive_features=chosen)
            assert found[f"{name}_{how}"]["value"] == pytest.approx(theirs, abs=1e-12)


def test_rates_are_those_of_metric_frame() -> None:
    judged, groups = make_judged()
    rates = rates_by_group(judged, groups)
    frame = fl.MetricFrame(
        metrics={"selection_rate": fl.selection_rate, "false_positive_rate": fl.false_positive_rate},
        y_true=judged.y,
        y_pred=judged.decided,
        sensitive_features=groups,
    ).by_group
    for name in ("selection_rate", "false_positive_rate"):
        assert {group: rate.value for group, rate in rates[name].items()} == frame[name].to_dict()


def test_a_group_below_the_least_support_is_shown_and_not_compared() -> None:
    judged, groups = make_judged(n=2000)
    told = measure_fairness(judged, {"two": groups["two"]}, least=30)[0]
    by_name = {group["group"]: group for group in told["groups"]}
    assert by_name["z"]["rates"]["selection_rate"]["few"]
    assert all("z" not in found["between"] for found in told["differences"].values())


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    y = np.array([0.0, 1.0] * 50 + [0.0] * 50)
    group = np.array(["a"] * 100 + ["b"] * 50, dtype=object)
    judged = Judged("binary", ("no", "yes"), y, np.column_stack([1 - y, y]), y.astype(np.int64), y)
    assert ("b",) not in rates_by_group(judged, {"g": group})["true_positive_rate"]
    assert "equal_opportunity_difference" not in measure_fairness(judged, {"g": group}, 1)[0]["differences"]


def test_bounds_of_the_largest_difference_hold_when_four_groups_are_alike_or_not() -> None:
    rng = np.random.default_rng(3)
    for shares in ([0.3, 0.3, 0.3, 0.3], [0.3, 0.3, 0.3, 0.5]):
        truth = max(shares) - min(shares)
        missed = surely_too_large = 0
        for _ in range(300):
            found = {
                (str(i),): GroupValue(rng.binomial(200, share) / 200, 200) for i, share in enumerate(shares)
            }
            apart = largest_difference({"rate": found}, ["rate"], least=30)
            ratio = smallest_ratio({"rate": found}, ["rate"], least=30)
            assert apart is not None
            assert ratio is not None
            missed += not apart.low <= truth <= apart.high
            missed += not ratio.low <= min(shares) / max(shares) <= ratio.high
            surely_too_large += apart.low > truth
        assert missed <= 40  # two figures a draw, 300 draws, at 95 % each: 30 on average at most
        # 2.5 % on a side (7.5 on average at most); where all are alike both sides count
        assert surely_too_large <= (14 if truth else 25)


def test_several_classes_are_compared_one_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    y, decided = rng.integers(0, 3, 900), rng.integers(0, 3, 900)
    group = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, 900)]
    judged = Judged("multiclass", ("p", "q", "r"), y.astype(float), np.eye(3)[decided], decided, decided == y)
    told = measure_fairness(judged, {"g": group}, least=10)[0]
    expected = max(
        fl.demographic_parity_difference(y == k, decided == k, sensitive_features=group) for k in range(3)
    )
    assert told["differences"]["demographic_parity_difference"]["value"] == pytest.approx(expected)
    assert "true_positive_rate[q]" in told["groups"][0]["rates"]


def test_errors_of_a_number_are_told_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(100, 10, 1000)
    group = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, 1000)]
    predicted = y + 5 * (group == "b")
    judged = Judged("regression", (), y, predicted[:, None], unit=10.0)
    told = measure_fairness(judged, {"g": group}, least=10)[0]
    assert told["differences"]["mean_error_difference"]["value"] == pytest.approx(0.5)
    assert told["ratios"] == {}


def test_columns_become_groups() -> None:
    few, many = pl.Series([0.0, 1.0, None]), pl.Series([float(i) for i in range(100)])
    assert keys_of(learn_groups("n", few, (), (), ""), few).tolist() == ["0", "1", "(missing)"]
    quarters = learn_groups("age", many, (), (), "")
    assert set(keys_of(quarters, many)) == {"below 24", "24 to below 49", "49 to below 74", "74 and above"}
    assert learn_groups("age", many, (), (30.0,), "").key(30.0) == "30 and above"
    assert learn_groups("b", pl.Series([True]), ("No", "Yes"), (), "").key(True) == "Yes"
    assert plain_cells(pl.Series([" 1", "2 ", ""])).to_list() == [1.0, 2.0, None]
    assert plain_cells(pl.Series([" f", "2 "])).to_list() == ["f", "2"]
    with pytest.raises(ConfigError, match="too many to be groups"):
        learn_groups("id", pl.Series([f"c{i}" for i in range(60)]), (), (), "tenure.yaml")
    with pytest.raises(ConfigError, match="no numbers that could be cut"):
        learn_groups("sex", pl.Series(["f", "m"]), (), (1.0,), "tenure.yaml")
