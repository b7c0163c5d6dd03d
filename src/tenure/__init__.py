"""tenure: models that hold their post for as long as they earn it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tenure.client import AsyncClient, Client
    from tenure.estimators import Classifier, Regressor

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Classifier", "Client", "Regressor", "__version__"]

_LATE = {
    "AsyncClient": "tenure.client",
    "Classifier": "tenure.estimators",
    "Client": "tenure.client",
    "Regressor": "tenure.estimators",
}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the estimators need scikit-learn, which takes a second, the clients an HTTP library."""
    if name not in _LATE:
        raise AttributeError(f"module 'tenure' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_LATE[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":
            raise
        from tenure.errors import ExtraMissing

        raise ExtraMissing("scikit-learn", "train") from error
