"""What each mitigation brings and costs, beside fairlearn's own on the same rows and the same encoding.

Run: python benchmarks/fairness_mitigation.py [--seeds 3] [--data FOLDER]

Simulated loans, and the adult census table where a folder of tables is given. All of it with the logistic family alone,
so that every method fits the same kind of model: tenure's by `train_mitigated`, fairlearn's reductions and
postprocessing with scikit-learn's logistic regression on the encoding that tenure learned. Figures are of test rows;
fairlearn's random decisions are drawn once by a fixed seed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tenure.model.encode import learn_encoding
from tenure.model.fairness.limited import LimitedDifference
from tenure.model.fairness.mitigate import Mitigation, train_mitigated
from tenure.model.train import TrainingTable, TrainSettings, train
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import Recipe
from tenure.release.encoding import encode_table
from tenure.release.groups import GroupColumn

LIMIT, LEAST = 0.05, 30
METRICS = ("demographic_parity_difference", "equal_opportunity_difference")
SETTINGS = TrainSettings(
    candidates=("logistic",), budget_seconds=None, max_trials=2, threads=2, threshold="accuracy"
)


def loans(seed: int, n: int = 6000) -> pl.DataFrame:
    """What is written of group b understates what it does."""
    rng = np.random.default_rng(seed)
    group = np.array(["a", "b"])[rng.integers(0, 2, n)]
    worth = rng.normal(size=n)
    seen = worth - 1.2 * (group == "b") + rng.normal(0, 0.3, n)
    near = np.where(rng.random(n) < 0.9, group, "a")
    y = np.where(worth + rng.normal(0, 0.5, n) > 0.3, "yes", "no")
    return pl.DataFrame(
        {"group": group, "seen": seen, "near": near, "noise": rng.normal(size=n), "target": y}
    )


class Split:
    """One table: its parts as training reads them, and the group of each row. The group is no feature."""

    def __init__(self, raw: pl.DataFrame, target: str, positive: str, group: str, seed: int) -> None:
        part = np.random.default_rng(seed).choice(3, raw.height, p=[0.6, 0.2, 0.2])
        self.column = GroupColumn(group, raw="words")
        learned = learn_target(raw[target], positive=positive, task="binary")
        self.recipe: Recipe = learn_recipe(raw.filter(part == 0).drop(group), learned)
        tables, keys = [], []
        for number in range(3):
            rows = raw.filter(part == number)
            features = clean(self.recipe, rows.drop(group).lazy()).collect()
            beside = rows.select(group)
            tables.append(TrainingTable(features, target_values(learned, rows[target]), beside=beside))
            keys.append(np.array([self.column.key_of_raw(v) for v in rows[group].to_list()], dtype=object))
        self.train, self.validation, self.test = tables
        self.keys = keys

    def figures(self, metric: str, decided: np.ndarray) -> tuple[float, float]:
        """Accuracy and difference of decisions about the test rows."""
        difference = LimitedDifference(metric, self.test.y, [self.keys[2]], LEAST)
        return float(np.mean(decided == self.test.y)), difference.of(decided.astype(np.int64))


def own(split: Split, metric: str, kind: str | None) -> np.ndarray:
    """Decisions about the test rows by tenure."""
    if kind is None:
        trained = train(split.recipe, split.train, split.validation, SETTINGS)
    else:
        named = [{split.column.name: keys} for keys in split.keys]
        wanted = Mitigation(kind, (split.column,), metric, LIMIT, LEAST, named[0], named[1])  # type: ignore[arg-type]
        trained = train_mitigated(split.recipe, split.train, split.validation, SETTINGS, wanted)
    return np.asarray(trained.scores(split.test)[:, 1] >= trained.thresholds(split.test))


def theirs(split: Split, metric: str, kind: str) -> np.ndarray:
    """Decisions about the test rows by fairlearn, on the same encoding."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient, TruePositiveRateParity
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    table = split.train.joined(split.validation)
    keys = np.concatenate(split.keys[:2]).astype(str)
    learned = learn_encoding(split.recipe, "linear", table.features, table.y)
    scale = StandardScaler().fit(learned.part.X)
    X = scale.transform(learned.part.X.astype(np.float64))
    new = scale.transform(encode_table(learned.encoding, split.test.features).astype(np.float64))
    y = table.y.astype(int)
    parity = metric == "demographic_parity_difference"
    model = LogisticRegression(max_iter=1000)
    if kind == "ExponentiatedGradient":
        # a bound of its own form: each group to the mean, so that two groups are at most twice as far apart
        moment = (DemographicParity if parity else TruePositiveRateParity)(difference_bound=LIMIT / 2)
        fitted = ExponentiatedGradient(model, moment)
        fitted.fit(X, y, sensitive_features=keys)
        return np.asarray(fitted.predict(new, random_state=0))
    constraint = "demographic_parity" if parity else "true_positive_rate_parity"
    fitted = ThresholdOptimizer(estimator=model, constraints=constraint, predict_method="predict_proba")
    fitted.fit(X, y, sensitive_features=keys)
    return np.asarray(fitted.predict(new, sensitive_features=split.keys[2].astype(str), random_state=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="a folder with adult.csv.gz")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    methods: dict[str, Callable[[Split, str], np.ndarray]] = {
        "none": lambda s, m: own(s, m, None),
        "reweighing": lambda s, m: own(s, m, "reweighing"),
        "constraint": lambda s, m: own(s, m, "constraint"),
        "fairlearn ExponentiatedGradient": lambda s, m: theirs(s, m, "ExponentiatedGradient"),
        "threshold_by_group": lambda s, m: own(s, m, "threshold_by_group"),
        "fairlearn ThresholdOptimizer": lambda s, m: theirs(s, m, "ThresholdOptimizer"),
    }
    worlds: dict[str, Callable[[int], Split]] = {
        "loans": lambda seed: Split(loans(seed), "target", "yes", "group", seed)
    }
    if options.data is not None:
        adult = pl.read_csv(options.data / "adult.csv.gz", infer_schema=False)
        worlds["adult"] = lambda seed: Split(adult, "income", ">50K", "sex", seed)
    print(
        f"limit {LIMIT}; accuracy and difference on test rows, mean of {options.seeds} seeds; the group is no feature"
    )
    for name, world in worlds.items():
        splits = [world(seed) for seed in range(options.seeds)]
        for metric in METRICS:
            print(f"\n{name}, {metric}\n{'':34}accuracy  difference  seconds")
            for method, decide in methods.items():
                started = time.perf_counter()
                found = np.mean([split.figures(metric, decide(split, metric)) for split in splits], axis=0)
                seconds = (time.perf_counter() - started) / options.seeds
                print(f"{method:34}{found[0]:8.4f}  {found[1]:10.4f}  {seconds:7.1f}")


if __name__ == "__main__":
    main()
