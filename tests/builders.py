"""Small but real releases, for every test that needs one to load, score or serve."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tenure.model.convert import convert
from tenure.prepare.columns import clean, target_values
from tenure.prepare.learn import learn_recipe, learn_target
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.records import Estimate, Task
from tenure.release.calibration import Calibration
from tenure.release.encoding import Encoding, Feature, encode_table
from tenure.release.folder import ReleaseParts, write_release
from tenure.release.linear import LinearPredictor

CONTRACTS = ["Month-to-month", "One year", "Two year"]
TARGETS = {"binary": "churn", "multiclass": "plan", "regression": "spend"}


def make_table(n_rows: int = 400, seed: int = 0, task: Task = "binary") -> pl.DataFrame:
    """Raw rows of customers: numbers as text, booleans, categories, dates, short text, some missing."""
    rng = np.random.default_rng(seed)
    months = rng.integers(0, 73, n_rows)
    charges = np.round(rng.uniform(18, 119, n_rows), 2)
    contract = rng.integers(0, 3, n_rows)
    partner = rng.random(n_rows) < 0.5
    first = datetime.date(2021, 1, 1)
    signal = 1.5 - contract - months / 40 + charges / 70 - 0.5 * partner + rng.normal(size=n_rows)
    targets: dict[str, list[Any]] = {
        "binary": np.where(signal > 1.0, "Yes", "No").tolist(),
        "multiclass": np.array(["basic", "plus", "pro"])[np.digitize(signal, [0.0, 1.5])].tolist(),
        "regression": np.round(100 + 20 * signal, 3).tolist(),
    }
    notes = [
        "called twice about the bill",
        "moved house",
        "asked for a refund",
        "no contact at all",
        "Refund given",
    ]

    def with_gaps(values: list[Any], share: float) -> list[Any]:
        return [None if gap else value for value, gap in zip(values, rng.random(n_rows) < share, strict=True)]

    return pl.DataFrame(
        {
            "customer": [f"C{seed}-{number:05d}" for number in range(n_rows)],
            "months": months.tolist(),
            "charges": with_gaps([f"{value:.2f}" for value in charges], 0.05),
            "contract": with_gaps([CONTRACTS[index] for index in contract], 0.03),
            "partner": np.where(partner, "Yes", "No").tolist(),
            "senior": with_gaps((rng.random(n_rows) < 0.2).tolist(), 0.02),
            "joined": [
                (first + datetime.timedelta(days=int(d))).isoformat() for d in rng.integers(0, 900, n_rows)
            ],
            "note": [
                f"{notes[int(i)]} {int(j)}"
                for i, j in zip(rng.integers(0, 5, n_rows), months * 7, strict=True)
            ],
            TARGETS[task]: targets[task],
        }
    )


def make_recipe(raw: pl.DataFrame, task: Task = "binary") -> Recipe:
    """Learn the recipe of such a table."""
    positive = "Yes" if task == "binary" else None
    target = learn_target(raw[TARGETS[task]], positive=positive, task=task)
    return learn_recipe(raw, target, id="customer")


def make_encoding(recipe: Recipe) -> Encoding:
    """Every operation that fits a column's kind; nothing is filled in, so that trees see missing values."""
    return Encoding(tuple(feature for column in recipe.features for feature in _column_features(column)))


def _column_features(column: ColumnRecipe) -> list[Feature]:
    name = column.name
    if column.kind in ("number", "integer"):
        return [Feature(name, name, "value"), Feature(f"{name} missing", name, "missing")]
    if column.kind == "boolean":
        return [Feature(name, name, "boolean")]
    if column.kind == "date":
        return [Feature(f"{name} {part}", name, "date", part=part) for part in ("days", "month", "weekday")]
    if column.kind == "text":
        found = [Feature(f"{name} {part}", name, "text", part=part) for part in ("length", "words")]
        return [*found, Feature(f"{name} refund", name, "text", part="contains", word="refund")]
    levels = [Feature(f"{name}={level}", name, "level", level=level) for level in column.levels]
    return [*levels, Feature(f"{name} missing", name, "missing")]


def make_parts(
    task: Task = "binary", *, linear: bool = False, seed: int = 0, rounds: int = 20
) -> ReleaseParts:
    """Train a small model and gather what a release holds."""
    raw = make_table(task=task, seed=seed)
    recipe = make_recipe(raw, task)
    y = target_values(recipe.target, raw[TARGETS[task]])
    encoding = _filled(make_encoding(recipe)) if linear else make_encoding(recipe)
    X = encode_table(encoding, clean(recipe, raw.lazy()).collect())
    n_classes = len(recipe.target.classes)
    calibration = Calibration(task, n_classes)
    if task == "binary":
        calibration = Calibration(task, 2, kind="sigmoid", slope=0.9, intercept=-0.05, threshold=0.4)
    elif task == "multiclass":
        calibration = Calibration(task, n_classes, kind="softmax", slope=0.8, biases=(0.1, 0.0, -0.1))
    metric = "rmse" if task == "regression" else "log_loss"
    return ReleaseParts(
        name="customers",
        recipe=recipe,
        encoding=encoding,
        model=_fit_linear(task, X, y) if linear else _fit_trees(task, X, y, rounds),
        model_kind="linear" if linear else "trees",
        model_family="logistic" if linear else "lightgbm",
        calibration=calibration,
        reference={"columns": {}},
        metrics={
            "test": {metric: Estimate(0.4, 0.35, 0.45)},
            "baselines": {
                "majority": {metric: Estimate(0.6, 0.5, 0.7)},
                "logistic": {metric: Estimate(0.5, 0.4, 0.6)},
            },
        },
        importance={column.name: 1.0 / (1 + place) for place, column in enumerate(recipe.features)},
        golden_rows=raw.head(2).to_dicts(),
        data_version="0" * 12,
        seed=seed,
        run_id="run-1",
    )


def build_release(folder: Path, task: Task = "binary", *, linear: bool = False, seed: int = 0) -> Path:
    """Train a small model and write its release into folder; return the release's own folder.

    Another seed gives another release.
    """
    return write_release(folder, make_parts(task, linear=linear, seed=seed))


def _filled(encoding: Encoding) -> Encoding:
    from dataclasses import replace

    return Encoding(tuple(replace(feature, fill=0.0) for feature in encoding.features))


def _fit_trees(task: Task, X: np.ndarray, y: np.ndarray, rounds: int) -> str:
    import lightgbm

    params = {
        "objective": task,
        "verbose": -1,
        "num_threads": 1,
        "min_data_in_leaf": 5,
        "deterministic": True,
    }
    if task == "multiclass":
        params["num_class"] = 3
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=rounds)
    return convert(booster, X).text


def _fit_linear(task: Task, X: np.ndarray, y: np.ndarray) -> str:
    import json

    from sklearn.linear_model import LogisticRegression, Ridge

    means, scales = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64) + 1e-9
    scaled = (X - means) / scales
    model = Ridge().fit(scaled, y) if task == "regression" else LogisticRegression().fit(scaled, y)
    coefficients = np.atleast_2d(model.coef_) / scales
    predictor = LinearPredictor(coefficients, np.atleast_1d(model.intercept_), means)
    return json.dumps(predictor.to_json())


def write_stand_in(release: Path) -> None:
    """The files of a release that MLflow's copy of it is described by; no model is in it."""
    release.mkdir(parents=True, exist_ok=True)
    (release / "recipe.json").write_text('{"target": {"task": "binary", "classes": ["no", "yes"]}}')
    (release / "golden.json").write_text('{"rows": [{"row": {"x": 1}}]}')
    (release / "card.md").write_text("# a model")
    (release / "metrics.json").write_text("{}")
