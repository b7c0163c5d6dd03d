"""The usual ways to serve a model, as peers of the service: FastAPI with pandas and scikit-learn, and MLflow's server.

    python benchmarks/serving_peers.py usual PORT MODEL        # a FastAPI endpoint that scores with the pipeline
    python benchmarks/serving_peers.py mlflow PORT FOLDER      # MLflow's scoring server with the same pipeline

The pipeline is what most projects have: columns imputed, scaled and one-hot encoded by a ColumnTransformer, LightGBM
behind it (300 trees, depth 6).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def fit_pipeline(table: Path, target: str) -> Any:
    """The pipeline, fitted on a CSV file."""
    import pandas as pd
    from lightgbm import LGBMClassifier
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = pd.read_csv(table)
    X, y = rows.drop(columns=[target]), rows[target]
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("words", words, make_column_selector(dtype_exclude="number")),
        ]
    )
    trees = LGBMClassifier(n_estimators=300, max_depth=6, num_leaves=40, verbose=-1, n_jobs=1)
    return make_pipeline(columns, trees).fit(X, y)


def save(pipeline: Any, folder: Path) -> None:
    """Write the pipeline for both peers."""
    import mlflow.sklearn

    mlflow.sklearn.save_model(pipeline, folder / "mlflow", serialization_format="pickle", pip_requirements=[])


def serve_usual(port: int, folder: Path) -> None:
    import mlflow.sklearn
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI

    pipeline = mlflow.sklearn.load_model(folder / "mlflow")
    app = FastAPI()

    @app.post("/predict")
    async def predict(row: dict[str, Any]) -> dict[str, Any]:
        return {"probability": float(pipeline.predict_proba(pd.DataFrame([row]))[0, 1])}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="error"
    )


def serve_mlflow(port: int, folder: Path) -> None:
    import uvicorn

    os.environ["__pyfunc_model_path__"] = str(folder / "mlflow")  # noqa: SIM112 (MLflow's own)
    uvicorn.run(
        "mlflow.pyfunc.scoring_server.app:app",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    {"usual": serve_usual, "mlflow": serve_mlflow}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
