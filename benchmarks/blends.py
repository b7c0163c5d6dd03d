"""What a blend brings on rows that nothing was chosen by, and what linear members bring to it.

    python benchmarks/blends.py [TABLE.csv:TARGET[:DROP,DROP] ...] [--splits 2] [--rows 3000]

Without tables: two sets that scikit-learn carries and three generated ones. Each table is split 80:20 anew. On the 80
every boosted and linear default is cross-validated, weighed and fitted again as `tenure run` does without a search; the
20 tell. Printed for each split, as changes of the test loss in per cent (of log loss, or of squared error):

    blend     of the blend against the best single model
    t         the evidence for it on the 80: its cross-fitted mean gain in standard errors
    linear    of the blend with linear members against the one without

then the means with their standard errors over tables, and the same for a rule that would ask for evidence first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification, make_friedman1

from tenure.model.blend import blended, learn_weights
from tenure.model.calibrate import row_losses
from tenure.model.candidates import candidate_named
from tenure.model.candidates.base import Facts, FitContext, Float64
from tenure.model.encode import encode_part, learn_encoding
from tenure.model.fitting import more_rounds
from tenure.model.tune import number_of_folds
from tenure.model.workbench import Result, TrainingTable, Workbench
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.split import folds
from tenure.records import Task

FAMILIES = ("lightgbm", "xgboost", "catboost", "logistic")
PARTS = 5
CLIP = 5.0
"""Per cent: one table that is told apart nearly without a fault does not decide a mean."""


@dataclass(frozen=True)
class Model:
    """One default on one split. held_out: margins on the 80.  test: margins on the 20 of the fit on the whole 80."""

    family: str
    loss: float
    held_out: Float64
    test: Float64


@dataclass(frozen=True)
class Split:
    task: Task
    y: Float64
    y_test: Float64
    models: tuple[Model, ...]

    def weights(self, models: Sequence[Model], rows: np.ndarray | slice = slice(None)) -> Float64:
        return learn_weights(self.task, [m.held_out[rows] for m in models], self.y[rows])

    def test_loss(self, models: Sequence[Model], weights: Float64) -> float:
        margins = blended([m.test for m in models], weights)
        return float(row_losses(self.task, margins, self.y_test).mean())


def tables(named: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame, str]]:
    """Name, raw text cells and target of each table."""
    for spec in named:
        path, target, *drop = spec.split(":")
        raw = pl.read_csv(path, infer_schema_length=0)
        raw = raw.drop(drop[0].split(",") if drop else []).filter(pl.col(target).is_not_null())
        yield Path(path).name, raw, target
    if named:
        return
    cancer, diabetes = load_breast_cancer(as_frame=True).frame, load_diabetes(as_frame=True).frame
    yield "breast_cancer", _texts(cancer.to_numpy(), is_class=True), "y"
    yield "diabetes", _texts(diabetes.to_numpy(), is_class=False), "y"
    for seed in (0, 1):
        X, y = make_classification(1500, 15, n_informative=6, flip_y=0.1, random_state=seed)
        yield f"classification {seed}", _texts(np.column_stack([X, y]), is_class=True), "y"
    X, y = make_friedman1(800, noise=2.0, random_state=0)
    yield "friedman", _texts(np.column_stack([X, y]), is_class=False), "y"


def _texts(values: np.ndarray, *, is_class: bool) -> pl.DataFrame:
    """Cells as text, the last column the target y."""
    frame = pl.DataFrame(values, schema=[*(f"x{i}" for i in range(values.shape[1] - 1)), "y"])
    target = (
        pl.when(pl.col("y") > 0.5).then(pl.lit("yes")).otherwise(pl.lit("no")) if is_class else pl.col("y")
    )
    return frame.with_columns(target.cast(pl.String)).with_columns(pl.all().cast(pl.String))


def make_split(raw: pl.DataFrame, target: str, seed: int, rows: int) -> Split:
    order = np.random.default_rng(seed).permutation(raw.height)
    n_train = min(rows, int(0.8 * raw.height))
    inside, outside = raw[order[:n_train]], raw[order[int(0.8 * raw.height) :]]
    learned = learn_target(inside[target])
    recipe = learn_recipe(inside, learned)
    train, test = (
        TrainingTable(clean(recipe, part.lazy()).collect(), target_values(learned, part[target]))
        for part in (inside, outside)
    )
    pairs = folds(train.y, number_of_folds(n_train), seed=0, task=learned.task)
    facts = Facts(learned.task, len(learned.classes), len(pairs[-1][0]), len(recipe.features))
    bench = Workbench(recipe, train, pairs, facts, 0, 2)
    models = []
    for family in FAMILIES:
        candidate = candidate_named(family)
        for params in candidate.defaults(facts):
            result = bench.run(candidate, params)
            assert isinstance(result, Result)
            encoded = learn_encoding(recipe, candidate.style(params), train.features, train.y)
            wanted = more_rounds(family, result.trial.rounds, n_train / facts.n_rows) or None
            fitted = candidate.fit(encoded.part, params, FitContext(facts, 0, 2), rounds=wanted)
            margins = fitted.margins(encode_part(encoded.encoding, test.features, test.y))
            models.append(Model(family, result.trial.loss or 0.0, result.margins, margins))
    return Split(learned.task, train.y, test.y, tuple(models))


def evidence(split: Split, best: Model) -> float:
    """Mean gain of the blend over the best single model in standard errors, weights learned on other rows."""
    part = np.random.default_rng(0).permutation(len(split.y)) % PARTS
    losses = np.empty(len(split.y))
    for k in range(PARTS):
        held = part == k
        weights = split.weights(split.models, ~held)
        margins = blended([m.held_out[held] for m in split.models], weights)
        losses[held] = row_losses(split.task, margins, split.y[held])
    gain = row_losses(split.task, best.held_out, split.y) - losses
    error = gain.std() / np.sqrt(len(gain))
    return float(gain.mean() / error) if error > 0 else 0.0


def change(new: float, old: float) -> float:
    return 100.0 * float(np.log(new / old))


def said(changes: Sequence[float], names: Sequence[str]) -> str:
    """The mean, each change clipped, each table one value; its standard error over tables."""
    clipped = np.clip(changes, -CLIP, CLIP)
    by_table = [np.mean([c for c, n in zip(clipped, names, strict=True) if n == name]) for name in set(names)]
    error = np.std(by_table, ddof=1) / np.sqrt(len(by_table)) if len(by_table) > 1 else float("nan")
    better = sum(c < -0.05 for c in changes)
    worse = sum(c > 0.05 for c in changes)
    return f"{np.mean(by_table):+.2f} % +- {error:.2f} ({better} splits better, {worse} worse)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--rows", type=int, default=3000)
    options = parser.parse_args()
    names, blends, lines, evidences = [], [], [], []
    for name, raw, target in tables(options.tables):
        for seed in range(options.splits):
            split = make_split(raw, target, seed, options.rows)
            best = min(split.models, key=lambda m: m.loss)
            boosted = [m for m in split.models if m.family != "logistic"]
            whole = split.test_loss(split.models, split.weights(split.models))
            without = split.test_loss(boosted, split.weights(boosted))
            names.append(name)
            blends.append(change(whole, split.test_loss([best], np.ones(1))))
            lines.append(change(whole, without))
            evidences.append(evidence(split, best))
            print(
                f"{name:24} split {seed}  best {best.family:9} blend {blends[-1]:+6.2f} % (t {evidences[-1]:+.1f})  "
                f"linear {lines[-1]:+6.2f} %",
                flush=True,
            )
    print(f"\nlinear members: {said(lines, names)}")
    print(f"blend, always: {said(blends, names)}")
    for least in (0.0, 1.0, 1.96):
        taken = [b if t > least else 0.0 for b, t in zip(blends, evidences, strict=True)]
        print(f"blend, only where t > {least:g}: {said(taken, names)}")


if __name__ == "__main__":
    main()
