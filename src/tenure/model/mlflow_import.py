"""MLflow's modules, quiet and without telemetry, imported by one thread at a time.

MLflow's modules import each other in circles. Where one thread imports `mlflow` and another `mlflow.entities`, each
waits for what the other holds, and Python gives one of them a module that is half there. So every import of ours goes
through `load`, and `mlflow` itself comes first.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from typing import Any

from tenure.errors import ExtraMissing

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
one_at_a_time = threading.RLock()
"""Held while modules of MLflow are imported, by us or by MLflow's own first steps."""


def load(name: str) -> Any:
    """The module of this name: `mlflow`, or one under it.

    Raises ExtraMissing where it is not installed, or what it needs is not.
    """
    with one_at_a_time:
        os.environ.update(_QUIET)
        for key, value in _PATIENCE.items():
            os.environ.setdefault(key, value)
        try:
            importlib.import_module("mlflow")
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ExtraMissing("mlflow-skinny", "train") from error
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        return module
