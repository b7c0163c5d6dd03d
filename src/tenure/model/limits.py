"""What a person says a model may not do: scores that only rise with a column, columns that may not act together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tenure.errors import ConfigError, nearest_names
from tenure.prepare.recipe import Recipe
from tenure.release.encoding import Encoding

Direction = Literal["increasing", "decreasing"]
_SIGN = {"increasing": 1, "decreasing": -1}
_ORDERED = ("number", "integer", "boolean")

MONOTONE_FAMILIES = ("lightgbm", "xgboost", "catboost")
"""Families whose library keeps a score from falling as a feature rises."""
INTERACTION_FAMILIES = ("logistic", "lightgbm", "xgboost")
"""Families that can be told which features may share a tree; a linear margin has no interactions at all."""


@dataclass(frozen=True)
class Limits:
    """monotone: column -> the way its score may go.

    interactions: groups of columns; two columns may act together only where a group has both. Columns in no
    group form one more.
    """

    monotone: Mapping[str, Direction] = field(default_factory=dict)
    interactions: Sequence[Sequence[str]] = ()

    @property
    def columns(self) -> set[str]:
        """Every column that some limit names."""
        return {*self.monotone, *(column for group in self.interactions for column in group)}

    def signs(self, encoding: Encoding) -> tuple[int, ...]:
        """For each encoded feature 1, -1, or 0 where it is free; () without a limit.

        Flags for a missing value are free: that a value is unknown is no larger or smaller value.
        """
        if not self.monotone:
            return ()
        return tuple(
            _SIGN[self.monotone[f.column]] if f.column in self.monotone and f.op != "missing" else 0
            for f in encoding.features
        )

    def groups(self, encoding: Encoding) -> tuple[tuple[int, ...], ...]:
        """The groups as positions of encoded features; () without a limit."""
        if not self.interactions:
            return ()
        named = {column for group in self.interactions for column in group}
        rest = [f.column for f in encoding.features if f.column not in named]
        found = (
            tuple(i for i, f in enumerate(encoding.features) if f.column in group)
            for group in (*self.interactions, rest)
        )
        return tuple(group for group in found if group)

    def able(self, candidates: Sequence[str]) -> tuple[list[str], list[str]]:
        """The families that can keep to the limits, and for each of the others a warning.

        Raises ConfigError when none can.
        """
        kept, warnings = [], []
        for family in candidates:
            if self.monotone and family not in MONOTONE_FAMILIES:
                warnings.append(f"{family} was left out: it cannot keep model.monotone")
            elif self.interactions and family not in INTERACTION_FAMILIES:
                warnings.append(f"{family} was left out: it cannot keep model.interactions")
            else:
                kept.append(family)
        if not kept:
            raise ConfigError(
                f"no candidate can keep the limits: {'; '.join(warnings)}",
                where="model.candidates",
                todo="add lightgbm or xgboost, which can keep every limit",
            )
        return kept, warnings

    def check(self, recipe: Recipe) -> None:
        """Raise ConfigError for a limit on a column that is no feature, or whose values have no order."""
        kinds = {column.name: column.kind for column in recipe.features}
        for key, names in (
            ("monotone", list(self.monotone)),
            ("interactions", [n for group in self.interactions for n in group]),
        ):
            for name in names:
                if name not in kinds:
                    raise _unknown(key, name, recipe, list(kinds))
        for name in self.monotone:
            self._check_order(name, kinds[name], recipe)

    def _check_order(self, name: str, kind: str, recipe: Recipe) -> None:
        where = f"model.monotone.{name}"
        if recipe.target.task == "multiclass":
            raise ConfigError(
                "a monotone limit needs a target of two classes or a number: with more classes, each class's "
                "probability depends on the margins of all",
                where=where,
                todo="take the limit out",
            )
        if kind not in _ORDERED:
            why = {
                "category": "is a category: its levels have no order",
                "text": "is a text: it has no order",
                "date": "is a date, which the model also reads as month, weekday and hour, and these come round again",
            }
            raise ConfigError(
                f"the column {name!r} {why.get(kind, f'is of the kind {kind}')}",
                where=where,
                todo="write a numeric feature of it under `features`, and limit that",
            )
        reads = [d.column.name for d in recipe.derived if d.column.name != name and name in d.value.columns]
        if reads:
            raise ConfigError(
                f"the feature {reads[0]!r} reads the column {name!r} as well, and may turn its direction round",
                where=where,
                todo=f"limit {reads[0]!r} and exclude {name!r}, or leave the feature out",
            )


def _unknown(key: str, name: str, recipe: Recipe, known: Sequence[str]) -> ConfigError:
    where, hint = f"model.{key}.{name}", nearest_names([name], known)
    if name in recipe.ignored:
        return ConfigError(
            f"the column {name!r} is no feature: {recipe.ignored[name]}",
            where=where,
            todo="take the limit out",
        )
    return ConfigError(
        f"there is no feature {name!r}",
        where=where,
        todo=f"did you mean {hint[0]!r}?" if hint else f"there are {', '.join(map(repr, known))}",
    )
