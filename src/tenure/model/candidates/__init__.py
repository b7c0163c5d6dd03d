"""The families of models: one file each, all behind the Candidate protocol."""

from __future__ import annotations

from importlib import import_module

from tenure.model.candidates.base import Candidate

LIBRARIES = {
    "logistic": "sklearn.linear_model",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
    "forest": "sklearn.ensemble",
}
"""What a family's first fit imports."""


def load_library(name: str) -> None:
    """Import what a family's first fit would; nothing for a plug-in, which says itself when it imports."""
    if name in LIBRARIES:
        import_module(LIBRARIES[name])


def candidate_named(name: str) -> Candidate:
    """Return the candidate of this name; its library is imported at its first fit.

    Raises TenureError for a name that is neither a family of ours nor a plug-in; see load_plugin.

    >>> candidate_named("forest").boosts
    False
    """
    from tenure.model.candidates.catboost import CatBoost
    from tenure.model.candidates.forest import Forest
    from tenure.model.candidates.lightgbm import LightGBM
    from tenure.model.candidates.logistic import Logistic
    from tenure.model.candidates.xgboost import XGBoost

    known: dict[str, Candidate] = {
        c.name: c for c in (Logistic(), LightGBM(), CatBoost(), XGBoost(), Forest())
    }
    if name in known:
        return known[name]
    from tenure.model.candidates.plugin import load_plugin

    return load_plugin(name)
