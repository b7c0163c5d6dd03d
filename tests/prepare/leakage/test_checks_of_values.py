"""What a column's own values give away: L101, L201, L202, L301, L302, L401."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from tenure.records import Estimate, Task
from tests.prepare.leakage.builders import days, gate, honest, is_yes, only

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("n", [30, 100, 2000])
def test_an_honest_table_passes(task: Task, n: int):
    assert gate(honest(n, task=task)).found == ()


def test_a_number_that_is_the_target_with_a_little_noise_stops():
    raw = honest()
    noisy = is_yes(raw) + np.random.default_rng(1).normal(0, 0.1, raw.height)
    finding = only(gate(raw.with_columns(balance=pl.Series(noisy))))
    assert (finding.code, finding.severity, finding.column) == ("L101", "critical", "balance")
    area = finding.numbers["ROC-AUC"]
    assert isinstance(area, Estimate)
    assert area.low > 0.9
    assert finding.examples[0]["balance"] is not None


@pytest.mark.parametrize(("wrong", "severity"), [(0.006, "critical"), (0.06, "warning")])
def test_a_flag_that_is_the_target_but_for_a_few_rows_is_found(wrong: float, severity: str):
    raw = honest()
    flipped = np.random.default_rng(2).random(raw.height) < wrong
    flag = np.where(is_yes(raw) ^ flipped, "A", "B")
    finding = only(gate(raw.with_columns(status=pl.Series(flag))))
    assert (finding.severity, finding.column) == (severity, "status")
    assert finding.code in ("L101", "L302")


def test_two_leaks_do_not_hide_each_other():
    raw, rng = honest(), np.random.default_rng(3)
    leaks = {name: pl.Series(is_yes(raw) + rng.normal(0, 0.1, raw.height)) for name in ("one", "two")}
    assert {f.column for f in gate(raw.with_columns(**leaks)).stopping} == {"one", "two"}


def test_a_strong_measurement_among_strong_ones_is_no_leak():
    raw, rng = honest(), np.random.default_rng(4)
    strong = {f"s{k}": pl.Series(is_yes(raw) + rng.normal(0, 0.3, raw.height)) for k in range(5)}
    assert gate(raw.with_columns(**strong)).found == ()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_classes_under_other_names_stop(task: Task):
    raw = honest(task=task)
    names = {label: f"k{place}" for place, label in enumerate(sorted(raw["outcome"].unique()))}
    finding = only(gate(raw.with_columns(code=raw["outcome"].replace_strict(names))))
    assert (finding.code, finding.severity, finding.column) == ("L201", "critical", "code")
    assert "under another name" in finding.what


def test_many_codes_for_each_class_stop():
    raw = honest()
    codes = 2 * np.random.default_rng(5).integers(0, 6, raw.height) + is_yes(raw)
    finding = only(gate(raw.with_columns(code=pl.Series(codes * 37 % 101))))
    assert (finding.code, finding.severity) == ("L201", "critical")
    assert finding.numbers["values"] == 12


def test_in_a_small_table_a_copy_is_asked_about_but_does_not_stop():
    raw = honest(60, seed=1)
    findings = gate(raw.with_columns(code=pl.Series(np.where(is_yes(raw), "A", "B"))))
    assert not findings.stopping


NUMBERS = {
    "another unit": lambda y: 2.5 * y - 7,
    "another scale": lambda y: -np.exp(y / 20),
    "bands": lambda y: np.array(["c", "a", "d", "b"])[np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)],
}


@pytest.mark.parametrize("how", NUMBERS)
def test_a_function_of_the_target_number_stops(how: str):
    raw = honest(task="regression")
    finding = only(gate(raw.with_columns(other=pl.Series(NUMBERS[how](raw["outcome"].to_numpy())))))
    assert (finding.code, finding.severity, finding.column) == ("L202", "critical", "other")


def test_a_target_in_another_unit_is_named_with_its_factor():
    raw = honest(task="regression")
    assert (
        "'outcome' is 0.25 times it, plus 3" in only(gate(raw.with_columns(k=4 * raw["outcome"] - 12))).what
    )


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_column_that_is_filled_in_after_the_outcome_stops(task: Task):
    raw, rng = honest(task=task), np.random.default_rng(6)
    filled = is_yes(raw) & (rng.random(raw.height) < 0.7)
    cells = [
        day if there else None
        for day, there in zip(days(rng.integers(0, 300, raw.height)), filled, strict=True)
    ]
    finding = only(gate(raw.with_columns(closing=pl.Series(cells))))
    assert (finding.code, finding.severity, finding.column) == ("L301", "critical", "closing")
    assert all(example["closing"] is not None for example in finding.examples)


def test_gaps_that_tell_without_being_sure_are_asked_about():
    raw, rng = honest(), np.random.default_rng(7)
    filled = rng.random(raw.height) < np.where(is_yes(raw), 0.9, 0.15)
    answers = [
        int(a) if there else None for a, there in zip(rng.integers(1, 6, raw.height), filled, strict=True)
    ]
    finding = only(gate(raw.with_columns(survey=pl.Series(answers))))
    assert (finding.code, finding.severity) == ("L301", "warning")


def test_a_column_that_leaves_zero_only_with_the_outcome_stops():
    raw, rng = honest(4000), np.random.default_rng(8)
    refund = np.where(
        is_yes(raw) & (rng.random(raw.height) < 0.3), rng.gamma(2, 20, raw.height).round(2), 0.0
    )
    finding = only(gate(raw.with_columns(refund=pl.Series(refund))))
    assert (finding.code, finding.severity, finding.column) == ("L302", "critical", "refund")


def test_gaps_by_chance_are_no_leak():
    raw, rng = honest(), np.random.default_rng(9)
    many = {
        f"gap{k}": pl.Series(
            [None if gone else 1.5 * k + j for j, gone in enumerate(rng.random(raw.height) < 0.9)]
        )
        for k in range(30)
    }
    assert gate(raw.with_columns(**many)).found == ()


def scores(raw: pl.DataFrame) -> np.ndarray:
    """The true chance of a yes given the features, which is what a perfect model says."""
    rng = np.random.default_rng(0)
    n = raw.height
    rng.normal(45, 12, n)
    spend = rng.gamma(2, 30, n).round(2)
    plan = raw["plan"].replace_strict({"basic": 0, "plus": 1, "pro": 2}).to_numpy()
    mean = (raw["age"].to_numpy() - 45) / 12 + spend / 60 + 0.8 * plan
    return np.array([0.5 * (1 + math.erf((m - 2.6) / (1.2 * math.sqrt(2)))) for m in mean])


@pytest.mark.parametrize("form", ["share", "percent", "pair"])
def test_another_models_output_stops_whatever_it_is_called(form: str):
    raw = honest(6000)
    p = scores(raw)
    columns = {"v1": 100 * p if form == "percent" else p} | ({"v2": 1 - p} if form == "pair" else {})
    findings = gate(raw.with_columns(**{name: pl.Series(values) for name, values in columns.items()}))
    assert {(f.code, f.severity, f.column) for f in findings.found} == {
        ("L401", "critical", c) for c in columns
    }


def test_a_name_alone_makes_no_model_output():
    raw = honest().with_columns(risk_score=pl.Series(np.random.default_rng(11).random(2000)))
    assert gate(raw.rename({"age": "age_score"})).found == ()


def test_a_share_that_only_happens_to_lie_between_0_and_1_is_no_model_output():
    raw = honest(6000)
    usage = (raw["age"] - raw["age"].min()) / (raw["age"].max() - raw["age"].min())
    assert gate(raw.with_columns(usage=usage).drop("age")).found == ()


def blended(n: int, weight: float) -> tuple[pl.DataFrame, np.ndarray]:
    """Six columns of which the target's log odds are a sum, and what a model that knows the sum would put out."""
    rng = np.random.default_rng(12)
    columns = {f"m{j}": np.round(rng.gamma(2 + j, 10, n), 2) for j in range(6)}
    table = np.column_stack(list(columns.values()))
    odds = weight * ((table - table.mean(axis=0)) / table.std(axis=0)).sum(axis=1) - 1.0
    outcome = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no").tolist()
    return pl.DataFrame({**columns, "outcome": outcome}), odds


def test_an_output_that_is_far_too_sure_of_itself_is_found():
    raw, odds = blended(3000, 0.5)
    sure = np.round(1 / (1 + np.exp(-6 * odds - 8)), 5)  # as naive Bayes is, on columns that say the same
    finding = only(gate(raw.with_columns(v=pl.Series(sure))))
    assert (finding.code, finding.severity, finding.column) == ("L401", "critical", "v")
    assert "nearly 0 in many rows" in finding.what


def test_an_output_too_weak_to_show_that_it_comes_true_is_found():
    raw, odds = blended(3000, 0.08)
    finding = only(gate(raw.with_columns(v=pl.Series(np.round(100 / (1 + np.exp(-odds)), 2)))))
    assert (finding.code, finding.severity, finding.column) == ("L401", "warning", "v")
    assert "right on average" in finding.what


def test_an_index_of_several_columns_that_the_target_does_not_follow_passes():
    raw, _ = blended(3000, 0.5)
    spans = [(raw[c] - raw[c].min()) / (raw[c].max() - raw[c].min()) for c in ("m0", "m1", "m2")]
    assert gate(raw.with_columns(index=(spans[0] + spans[1] - spans[2] + 1.0) / 3.0)).found == ()


def test_a_ratio_that_drives_the_target_stops_nothing():
    rng = np.random.default_rng(1)
    amounts = rng.lognormal(3, 1, (4000, 5))
    ratio = amounts[:, 0] / (amounts[:, 0] + amounts[:, 1])
    odds = 2 * ratio + 0.3 * np.log(amounts[:, 2]) - 1.8 + rng.normal(0, 1, 4000)
    raw = pl.DataFrame(amounts, schema=[f"a{j}" for j in range(5)]).with_columns(
        ratio=pl.Series(ratio), outcome=pl.Series(np.where(odds > 0, "yes", "no"))
    )
    assert all(finding.severity == "warning" for finding in gate(raw).found)
