"""Honest tables of customers, and the gate on them as `tenure prepare` has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from tenure.prepare.columns import target_values, time_values
from tenure.prepare.leakage import Finding, Findings, check_leakage
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import PART, assign_parts
from tenure.prepare.typed import typed_columns
from tenure.records import Task

FIRST_DAY = date(2024, 1, 1)


def honest(n: int = 2000, seed: int = 0, task: Task = "binary") -> pl.DataFrame:
    """Columns that know something of the target, none of them much; the target is called outcome."""
    rng = np.random.default_rng(seed)
    age, spend = rng.normal(45, 12, n).round(1), rng.gamma(2, 30, n).round(2)
    plan = rng.integers(0, 3, n)
    signal = (age - 45) / 12 + spend / 60 + 0.8 * plan + rng.normal(0, 1.2, n)
    outcome = {
        "binary": np.where(signal > 2.6, "yes", "no").tolist(),
        "multiclass": np.array(["low", "mid", "top"])[np.digitize(signal, [1.2, 2.6])].tolist(),
        "regression": (50 + 10 * signal).round(3).tolist(),
    }[task]
    return pl.DataFrame(
        {
            "age": age,
            "spend": [None if gap else value for value, gap in zip(spend, rng.random(n) < 0.1, strict=True)],
            "plan": np.array(["basic", "plus", "pro"])[plan].tolist(),
            "region": rng.choice(["north", "south", "east", "west"], n).tolist(),
            "calls": rng.poisson(1.5, n),
            "outcome": outcome,
        }
    )


def is_yes(raw: pl.DataFrame) -> np.ndarray:
    """The rows with outcome yes (the upper third of a number)."""
    values = raw["outcome"]
    return (
        (values > values.quantile(2 / 3)).to_numpy()
        if values.dtype.is_numeric()
        else (values == "yes").to_numpy()
    )


def days(offsets: Sequence[int] | np.ndarray) -> list[str]:
    """Dates written as text, so many days after the first of January 2024."""
    return [(FIRST_DAY + timedelta(days=int(offset))).isoformat() for offset in offsets]


def gate(
    raw: pl.DataFrame,
    *,
    id: str | None = None,
    time: str | None = None,
    group: str | None = None,
    exclude: Sequence[str] = (),
    waive: Mapping[str, Mapping[str, str]] | None = None,
    serving: pl.DataFrame | None = None,
    is_whole: bool = True,
) -> Findings:
    """Split, learn and check."""
    target = learn_target(raw["outcome"])
    y = target_values(target, raw["outcome"])
    parts = assign_parts(
        y,
        validation=0.2,
        test=0.2,
        seed=0,
        time=time_values(raw[time]) if time else None,
        group=raw[group].to_numpy() if group else None,
        task=target.task,
    )
    recipe = learn_recipe(raw.filter(parts == 0), target, id=id, time=time, group=group, exclude=exclude)
    return check_leakage(recipe, kept(raw, recipe, parts), waive=waive, serving=serving, is_whole=is_whole)


def kept(raw: pl.DataFrame, recipe: Recipe, parts: np.ndarray) -> pl.LazyFrame:
    """Rows as a project keeps them."""
    return raw.select(typed_columns(recipe, raw.schema)).with_columns(pl.Series(PART, parts)).lazy()


def only(findings: Findings) -> Finding:
    """The one finding."""
    (finding,) = findings.found
    return finding
