"""Small encoded tables that candidates are checked on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tenure.model.candidates.base import Facts, Float64, Part, Style
from tenure.model.encode import encode_part, learn_encoding
from tenure.prepare.columns import clean
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.records import Task

ROWS = 240


@dataclass(frozen=True)
class Case:
    """Encoded rows to fit, rows to predict, and the facts that a candidate is told."""

    facts: Facts
    train: Part
    held_out: Part


def make_case(task: Task, style: Style, *, constant: bool = False) -> Case:
    """Numbers with gaps, a category with gaps and a flag, in the encoding of this style; the target hangs on them.

    constant: one feature only, of the same value in every row.
    """
    raw, y = _rows(task)
    target = learn_target(pl.Series("y", y), task=task)
    recipe = learn_recipe(raw.with_columns(pl.Series("y", y)), target)
    features = clean(recipe, raw.lazy()).collect()
    values = np.asarray(y, dtype=np.float64)
    train = features.head(ROWS)
    learned = learn_encoding(recipe, style, train, values[:ROWS], seed=0)
    held_out = encode_part(learned.encoding, features.tail(-ROWS), values[ROWS:])
    facts = Facts(task, len(target.classes), ROWS, len(recipe.features))
    if constant:
        ones = [
            Part(np.ones((len(part.y), 1), dtype=np.float32), part.y) for part in (learned.part, held_out)
        ]
        return Case(facts, *ones)
    return Case(facts, learned.part, held_out)


def everything_missing(case: Case, style: Style) -> Part:
    """Rows of missing cells only, as far as the style has them: the linear ones fill gaps in."""
    X = np.full_like(case.held_out.X, np.nan if style == "trees" else 0.0)
    return Part(X, case.held_out.y)


def _rows(task: Task) -> tuple[pl.DataFrame, Float64]:
    rng = np.random.default_rng(0)
    n = ROWS + 60
    age, income = rng.normal(40, 10, n).round(2), rng.normal(0, 1, n).round(3)
    plan = rng.integers(0, 3, n)
    signal = (age - 40) / 10 + 1.5 * (plan == 0) - income + rng.normal(0, 0.5, n)

    def gaps(values: list[object], share: float) -> list[object]:
        return [None if gap else value for value, gap in zip(values, rng.random(n) < share, strict=True)]

    raw = pl.DataFrame(
        {
            "age": gaps(age.tolist(), 0.1),
            "income": gaps(income.tolist(), 0.3),
            "plan": gaps([("basic", "plus", "pro")[k] for k in plan], 0.05),
            "flag": (rng.random(n) < 0.5).tolist(),
        }
    )
    if task == "regression":
        return raw, signal
    cuts = [float(np.median(signal))] if task == "binary" else np.quantile(signal, [0.33, 0.66]).tolist()
    return raw, np.searchsorted(cuts, signal).astype(np.float64)
