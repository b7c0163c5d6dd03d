"""Quality against CatBoost with its defaults, on real tables, by one fixed protocol.

    python benchmarks/quality.py [--tables telco adult] [--seeds 0 1 2] [--budget 60 | --trials 60]

A table is split 80:20, stratified, by a frozen generator. CatBoost is fitted on all of the 80; ours gets the
same 80, sets a fifth of it aside as its own test part, as `tenure run` does, and learns from the rest. Both
score the 20. Printed: ROC-AUC and log loss of both, and ours minus CatBoost's with the paired standard error
(DeLong for ROC-AUC), positive: ours is better. --keep stores CatBoost's answers, so that a second call need
not wait for them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from tenure.model.train import Trained, TrainingTable, TrainSettings, train
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.prepare.split import assign_parts
from tenure.release.metrics import compare, metrics_for


@dataclass(frozen=True)
class Table:
    file: str
    target: str
    positive: str
    drop: tuple[str, ...] = ()


LEAKS = tuple(  # another model's output on the target
    "Naive_Bayes_Classifier_Attrition_Flag_Card_Category_Contacts_Count_12_mon_Dependent_count_Education_Level_"
    f"Months_Inactive_12_mon_{k}"
    for k in (1, 2)
)
TABLES = {
    "telco": Table("telco.csv", "Churn", "Yes", ("customerID",)),
    "telecom5000": Table("telecom5000.csv", "churn", "yes", ("rownames",)),
    "bankchurners": Table("bankchurners.csv", "Attrition_Flag", "Attrited Customer", ("CLIENTNUM", *LEAKS)),
    "credit_default": Table("credit_default.csv", "default.payment.next.month", "1", ("ID",)),
    "adult": Table("adult.csv.gz", "income", ">50K"),
}


def protocol_split(labels: np.ndarray, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the training rows, shuffled, and of the test rows."""
    rng = np.random.RandomState(seed)
    is_test = np.zeros(len(labels), dtype=bool)
    for value in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == value))
        is_test[rows[: round(share * len(rows))]] = True
    return rng.permutation(np.flatnonzero(~is_test)), np.flatnonzero(is_test)


def ours(
    raw: pl.DataFrame, table: Table, test: pl.DataFrame, settings: TrainSettings
) -> tuple[np.ndarray, Trained, float]:
    """Probabilities of the positive class on the test rows, the model, and seconds until there was one."""
    started = time.perf_counter()
    target = learn_target(raw[table.target], positive=table.positive)
    y = target_values(target, raw[table.target])
    parts = assign_parts(y, validation=0.2, test=0.2, seed=0, task="binary")
    recipe = learn_recipe(raw.filter(pl.Series(parts == 0)), target)
    rows = [raw.filter(pl.Series(parts == part)) for part in (0, 1)]
    tables = [TrainingTable(cleaned(recipe, r), y[parts == part]) for part, r in enumerate(rows)]
    trained = train(recipe, *tables, settings)
    seconds = time.perf_counter() - started
    return trained.scores(TrainingTable(cleaned(recipe, test), np.zeros(test.height)))[:, 1], trained, seconds


def cleaned(recipe: Recipe, raw: pl.DataFrame) -> pl.DataFrame:
    return clean(recipe, raw.lazy()).collect()


def catboost_default(raw: pl.DataFrame, y: np.ndarray, test: pl.DataFrame, target: str) -> np.ndarray:
    """CatBoost as it comes, with numbers as numbers and everything else as categories."""
    import catboost

    numbers = raw.drop(target).select(
        pl.all().str.strip_chars().replace("", None).cast(pl.Float64, strict=False).is_null().mean()
    )
    texts = [i for i, share in enumerate(numbers.row(0)) if share > 0.05]

    def columns(frame: pl.DataFrame) -> list[list[object]]:
        kept = frame.drop(target)
        numeric = [n for i, n in enumerate(kept.columns) if i not in texts]
        kept = kept.with_columns(
            pl.all().exclude(numeric).str.strip_chars().fill_null("nan"),
            pl.col(numeric).str.strip_chars().cast(pl.Float64, strict=False).fill_null(float("nan")),
        )
        return [list(row) for row in kept.rows()]

    model = catboost.CatBoostClassifier(
        random_seed=0, thread_count=2, allow_writing_files=False, logging_level="Silent", cat_features=texts
    )
    model.fit(columns(raw), y)
    return np.asarray(model.predict_proba(columns(test))[:, 1])


def kept(folder: Path | None, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    path = folder / f"{name}.npy" if folder else None
    if path is not None and path.exists():
        return np.load(path)
    answer = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, answer)
    return answer


def settings_of(options: argparse.Namespace, seed: int) -> TrainSettings:
    budget = None if options.trials else options.budget
    return TrainSettings(budget_seconds=budget, max_trials=options.trials, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--trials", type=int, help="so many settings instead of a budget: free of the clock")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    for name in options.tables:
        table = TABLES[name]
        raw = pl.read_csv(options.data / table.file, infer_schema_length=0).drop(table.drop)
        target = learn_target(raw[table.target], positive=table.positive)
        y = target_values(target, raw[table.target])
        for seed in options.seeds:
            inside, outside = protocol_split(y, seed)
            given, test = raw[inside], raw[outside]
            p, trained, seconds = ours(given, table, test, settings_of(options, seed))
            answer = partial(catboost_default, given, y[inside], test, table.target)
            peer = kept(options.keep, f"{name}-{seed}", answer)
            report(y[outside], p, peer, trained, f"{name:14} seed {seed} {seconds:5.1f} s")


def report(y: np.ndarray, p: np.ndarray, peer: np.ndarray, trained: Trained, title: str) -> None:
    own, other = metrics_for("binary", y, p), metrics_for("binary", y, peer)
    line = [title]
    for metric in ("roc_auc", "log_loss"):
        gain = compare("binary", y, peer, p, metric)
        error = (gain.high - gain.value) / 1.96
        line.append(
            f"{metric} {own[metric].value:.4f} (CatBoost {other[metric].value:.4f}) "
            f"gain {gain.value:+.4f} +- {error:.4f}"
        )
    members = " + ".join(f"{m.weight:.2f} {m.family} {m.rounds}" for m in trained.plan.members)
    share = trained.seconds["candidates"] / trained.seconds["total"]
    complete = sum(t.state == "complete" for t in trained.plan.trials)
    line.append(f"{share:.0%} fitting, {complete}/{len(trained.plan.trials)} trials ({trained.plan.stopped})")
    line.append(f"{trained.document.n_trees} trees: {members}")
    print(" | ".join(line), flush=True)


if __name__ == "__main__":
    main()
