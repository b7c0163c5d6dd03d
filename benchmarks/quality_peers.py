"""One peer on one split, run by the Python of the peer's own environment; see quality.py.

    python quality_peers.py TOOL TRAIN.csv TEST.csv OUT.npz --target COLUMN --positive VALUE --seconds N --seed N

Reads both tables with pandas' defaults, as every user of these tools does, fits, and writes the probabilities of
the positive class, the seconds from the raw frame until the model can predict, and the tool's version.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

Predict = Callable[[pd.DataFrame], np.ndarray]


def autogluon(X: pd.DataFrame, y: pd.Series, seconds: float, seed: int, preset: str) -> Predict:
    """AutoGluon, judged by log loss; its seeds are its own."""
    from autogluon.tabular import TabularPredictor

    folder = tempfile.mkdtemp(prefix="autogluon-")
    predictor = TabularPredictor("label_", eval_metric="log_loss", path=folder, verbosity=1)
    predictor.fit(X.assign(label_=y), presets=preset, time_limit=seconds)
    return lambda frame: predictor.predict_proba(frame, as_multiclass=False).to_numpy()


def flaml(X: pd.DataFrame, y: pd.Series, seconds: float, seed: int) -> Predict:
    """FLAML, judged by log loss."""
    from flaml import AutoML

    automl = AutoML()
    automl.fit(
        X_train=X,
        y_train=y,
        task="classification",
        metric="log_loss",
        time_budget=seconds,
        seed=seed,
        verbose=0,
    )
    return lambda frame: automl.predict_proba(frame)[:, 1]


def catboost(X: pd.DataFrame, y: pd.Series, seconds: float, seed: int) -> Predict:
    """CatBoost as it comes: a thousand rounds, texts as categories; it knows no budget."""
    from catboost import CatBoostClassifier

    texts = [name for name in X.columns if not pd.api.types.is_numeric_dtype(X[name])]

    def prepared(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].fillna("missing").astype(str) for name in texts})

    model = CatBoostClassifier(random_seed=seed, verbose=False, allow_writing_files=False, cat_features=texts)
    model.fit(prepared(X), y)
    return lambda frame: model.predict_proba(prepared(frame))[:, 1]


TOOLS: dict[str, tuple[str, Callable[..., Predict]]] = {
    "autogluon": ("autogluon.tabular", lambda *given: autogluon(*given, "medium_quality")),
    "autogluon_best": ("autogluon.tabular", lambda *given: autogluon(*given, "best_quality")),
    "flaml": ("flaml", flaml),
    "catboost": ("catboost", catboost),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", choices=list(TOOLS))
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--positive", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    train, test = pd.read_csv(options.train), pd.read_csv(options.test)
    y = (train[options.target].astype(str).str.strip() == options.positive).astype(int)
    X = train.drop(columns=options.target)
    package, fit = TOOLS[options.tool]
    started = time.perf_counter()
    predict = fit(X, y, options.seconds, options.seed)
    seconds = time.perf_counter() - started
    p = np.asarray(predict(test), dtype=np.float64)
    np.savez(options.out, p=p, seconds=seconds, version=f"{package} {version(package)}")


if __name__ == "__main__":
    main()
