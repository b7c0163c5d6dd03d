"""Outputs of six kinds of models that the leakage gate was not adjusted on: how many does it name, in which form?

    python benchmarks/leakage_models.py

Tables of scikit-learn; each model's output is made out of fold and planted as a probability, with two digits, in
percent with one, as log odds, and as points from 300 to 850. Other columns named are counted as well.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leakage import split
from tenure.prepare.leakage import check_leakage

MODELS = {
    "logistic": LogisticRegression(max_iter=500),
    "naive Bayes": GaussianNB(),
    "25 neighbours": KNeighborsClassifier(25),
    "forest": RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
    "boosted trees": HistGradientBoostingClassifier(max_iter=60, random_state=0),
    "small network": MLPClassifier((20,), max_iter=100, random_state=0),
}


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.round(np.log(p / (1 - p)), 3))


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "probability": lambda p: np.round(p, 4),
    "two digits": lambda p: np.round(p, 2),
    "percent": lambda p: np.round(100 * p, 1),
    "log odds": _log_odds,
    "points": lambda p: np.round(300 + 550 * (1 - p)),
}


def tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    shipped = datasets.load_breast_cancer()
    found = {"breast_cancer": (shipped.data, shipped.target)}
    for seed in range(3):
        found[f"balanced {seed}"] = datasets.make_classification(
            3000, random_state=seed, n_informative=4, flip_y=0.1
        )
    for seed in range(2):
        found[f"unbalanced {seed}"] = datasets.make_classification(
            5000, 15, n_informative=6, random_state=seed, weights=[0.9], flip_y=0.05, class_sep=0.7
        )
    return found


def main() -> None:
    warnings.simplefilter("ignore")  # a network that has not converged puts out numbers all the same
    planted, named, critical = Counter[str](), Counter[str](), Counter[str]()
    others = 0
    for table, (X, y) in tables().items():
        clean = pl.DataFrame(X, schema=[f"x{k}" for k in range(X.shape[1])], orient="row")
        for model, estimator in MODELS.items():
            pipeline = make_pipeline(StandardScaler(), estimator)
            p = cross_val_predict(pipeline, X, y, cv=4, method="predict_proba")[:, 1]
            for form, write in FORMS.items():
                raw = clean.with_columns(zq=pl.Series(write(p)), target=pl.Series(y))
                raw = raw[np.random.default_rng(0).permutation(len(y))].cast(pl.String)
                prepared = split(raw, "target", 0)
                found = check_leakage(prepared.recipe, prepared.rows).found
                hits = [finding for finding in found if finding.column == "zq"]
                others += len(found) - len(hits)
                for key in (form, table, *((model,) if form == "probability" else ())):
                    planted[key] += 1
                    named[key] += bool(hits)
                    critical[key] += any(finding.severity == "critical" for finding in hits)
    print("| output | planted | named | critical |\n| --- | --- | --- | --- |")
    for key, n in planted.items():
        print(f"| {key} | {n} | {named[key]} | {critical[key]} |")
    print(f"\nfindings about other columns: {others}")


if __name__ == "__main__":
    main()
