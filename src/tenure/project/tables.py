"""Prepared rows as training reads them: settled, with their outcomes, in their parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tenure.model.workbench import TrainingTable
from tenure.prepare.columns import settle, target_values, time_values
from tenure.prepare.split import TEST, TRAIN, VALIDATION
from tenure.prepare.weights import read_weights
from tenure.project.prepared import Prepared


@dataclass(frozen=True)
class Tables:
    """The parts of prepared rows as training reads them."""

    train: TrainingTable
    validation: TrainingTable
    test: TrainingTable


def make_tables(prepared: Prepared, beside: Collection[str] = ()) -> Tables:
    """Clean the prepared rows and cut them into their parts.

    beside: columns that a decision may ask for, features or not.
    """
    recipe = prepared.recipe
    known = {column.name for column in recipe.features}
    asked = [name for name in beside if name not in known]
    others = prepared.rows.select(asked).collect() if asked else None
    features = settle(recipe, prepared.rows).collect()
    special = [name for name in (recipe.target.name, recipe.time, recipe.group, recipe.weight) if name]
    keys = prepared.rows.select(*dict.fromkeys(special)).collect()
    y = target_values(recipe.target, keys[recipe.target.name])
    when = time_values(keys[recipe.time]) if recipe.time else None
    group = keys[recipe.group].to_numpy() if recipe.group else None
    weight = read_weights(keys[recipe.weight]) if recipe.weight else None

    def part(number: int) -> TrainingTable:
        chosen = prepared.parts == number
        return TrainingTable(
            features.filter(chosen),
            y[chosen],
            None if when is None else when[chosen],
            None if group is None else group[chosen],
            None if weight is None else weight[chosen],
            beside=None if others is None else others.filter(chosen),
        )

    return Tables(part(TRAIN), part(VALIDATION), part(TEST))
