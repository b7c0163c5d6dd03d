"""Which features give a group away: a model may go by them where the group itself is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tenure.model.fairness.rates import Words
from tenure.prepare.leakage.intervals import simultaneous_z
from tenure.prepare.leakage.strength import strength_of
from tenure.prepare.leakage.table import code_column
from tenure.prepare.recipe import Recipe
from tenure.records import Estimate

MOST_ROWS = 20_000
MOST_SHOWN = 10
_N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Proxy:
    """A feature that tells groups apart. area: ROC-AUC of the feature alone, each group against the rest."""

    feature: str
    area: Estimate


def find_proxies(recipe: Recipe, features: pl.DataFrame, groups: Words, name: str) -> list[Proxy]:
    """The features, but the column itself, that surely predict the group better than chance; the strongest first.

    features: clean training rows.  groups: shape (n,), the group of each.  The areas are made on other folds than
    they are measured on, and their bounds hold for all features together; the first 20,000 rows are looked at.
    """
    features, groups = features.head(MOST_ROWS), groups[:MOST_ROWS]
    labels, codes = np.unique(groups.astype(str), return_inverse=True)
    if len(labels) < 2:
        return []
    folds = np.random.RandomState(1).permutation(len(codes)) % _N_FOLDS
    z = simultaneous_z(len(recipe.features))
    found = []
    for column in recipe.features:
        if column.name == name:
            continue
        coded = code_column(column, features[column.name])
        strength = strength_of(
            coded.codes, coded.n_codes, coded.numbers, codes.astype(float), len(labels), folds, z
        )
        found.append(Proxy(column.name, strength.estimate))
    sure = [proxy for proxy in found if proxy.area.low > 0.5]
    return sorted(sure, key=lambda proxy: (-proxy.area.value, proxy.feature))[:MOST_SHOWN]
