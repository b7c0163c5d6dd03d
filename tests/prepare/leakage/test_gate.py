"""The gate as a whole: order, waivers, what it reads, and how seldom it is wrong."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tenure.config.leakage import LEAKAGE_CODES
from tenure.prepare.columns import target_values
from tenure.prepare.leakage import check_leakage
from tenure.prepare.leakage.gate import OTHER_CHECKS, VALUE_CHECKS
from tenure.prepare.leakage.table import Table
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.split import assign_parts
from tests.prepare.leakage.builders import gate, honest, is_yes, kept


def leaky(n: int = 1500) -> pl.DataFrame:
    raw = honest(n).sort("outcome")
    return raw.with_columns(copy=pl.Series(np.where(is_yes(raw), "A", "B")))


def test_the_gravest_comes_first_and_it_is_json():
    findings = gate(leaky())
    assert [f.severity for f in findings.found] == ["critical", "warning"]
    document = json.loads(json.dumps(findings.to_dict()))
    assert document["found"][0]["title"] == LEAKAGE_CODES["L201"]
    assert document["found"][0]["numbers"]["rows that agree"]["value"] == 1.0


def test_a_waived_finding_is_shown_with_its_reason_and_stops_nothing():
    findings = gate(leaky(), waive={"L201": {"copy": "it is set by the contract"}, "L502": {"*": "known"}})
    assert findings.stopping == ()
    assert all("waived:" in line for line in findings.warnings())
    assert "it is set by the contract" in findings.warnings()[0]


def test_a_waiver_that_fits_nothing_is_a_warning():
    findings = gate(honest(), waive={"L101": {"age": "known before"}})
    assert findings.found == ()
    assert findings.unused == (("L101", "age"),)
    assert "take the waiver out" in findings.warnings()[0]


def test_a_column_that_is_excluded_is_not_looked_at():
    assert {f.code for f in gate(leaky(), exclude=["copy"]).found} == {"L502"}


def test_the_target_of_later_parts_is_not_read():
    raw = honest()
    target = learn_target(raw["outcome"])
    y = target_values(target, raw["outcome"])
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0)
    recipe = learn_recipe(raw.filter(parts == 0), target)
    changed = raw.with_columns(outcome=pl.when(pl.Series(parts == 0)).then("outcome").otherwise(pl.lit("no")))
    assert (
        check_leakage(recipe, kept(raw, recipe, parts)).to_dict()
        == check_leakage(recipe, kept(changed, recipe, parts)).to_dict()
    )


@pytest.mark.parametrize("check", [*VALUE_CHECKS, *OTHER_CHECKS], ids=lambda check: check.__name__)
def test_a_check_leaves_its_input_alone_and_says_the_same_twice(check):
    raw = leaky(600)
    before = raw.clone()
    target = learn_target(raw["outcome"])
    y = target_values(target, raw["outcome"])
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0)
    recipe = learn_recipe(raw.filter(parts == 0), target)
    rows = kept(raw, recipe, parts)
    table = Table(recipe, rows, raw.drop("outcome"))
    first = [finding.to_dict() for finding in check(table)]
    assert first == [finding.to_dict() for finding in check(Table(recipe, rows, raw.drop("outcome")))]
    assert raw.equals(before)
    assert {finding["code"] for finding in first} <= set(LEAKAGE_CODES)


@pytest.mark.parametrize("n", [24, 60, 300])
def test_hundreds_of_columns_of_noise_pass(n: int):
    rng = np.random.default_rng(n)
    noise = {f"n{k}": rng.normal(size=n) for k in range(300)}
    noise |= {
        f"c{k}": rng.choice(["a", "b", "c", None], n, p=[0.4, 0.3, 0.1, 0.2]).tolist() for k in range(100)
    }
    outcome = rng.permutation(np.repeat(["yes", "no"], [n // 3, n - n // 3]))
    assert gate(pl.DataFrame(noise).with_columns(outcome=pl.Series(outcome))).found == ()


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer", "digits", "diabetes"])
def test_tables_with_strong_honest_columns_pass(name: str):
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    X = pl.DataFrame(bunch.data, schema=[f"x{k}" for k in range(bunch.data.shape[1])], orient="row")
    assert gate(X.with_columns(outcome=pl.Series(bunch.target))[order]).found == ()
