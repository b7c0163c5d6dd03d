"""A column of a sample, as far as drift needs it: rows, missing values, and how the rest is distributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenure.errors import ReleaseError, TenureError
from tenure.prepare.recipe import Recipe
from tenure.prepare.summary import FORMAT, ColumnSummary, Summary

Floats = NDArray[np.float64]

SCORE = "(score)"
"""The name under which the predictions' scores stand beside the columns."""

LEVEL_KINDS = ("category", "boolean")
KNOTS = 200
"""Steps of a distribution function that are kept of a sample with more distinct values."""


@dataclass(frozen=True, slots=True)
class NumberSample:
    """Numbers of a column. n: rows with a value.  nulls: rows without.  mean: NaN without values.

    points: ascending, shape (k,).  shares: shape (k,), the share of values <= each point, the last one 1.
    Between two points the distribution function is not known, only that it rises.
    error: how far the shares may be off; 0 when they are counted.
    """

    n: int
    nulls: int
    mean: float
    points: Floats
    shares: Floats
    error: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike) -> NumberSample:
        """Count an array of numbers, shape (n,), NaN where missing."""
        given = np.asarray(values, dtype=np.float64).reshape(-1)
        present = given[~np.isnan(given)]
        points, counts = np.unique(present, return_counts=True)
        mean = float(present.mean()) if len(present) else float("nan")
        shares = np.cumsum(counts) / max(len(present), 1)
        return cls(len(present), len(given) - len(present), mean, points, shares)

    def thinned(self) -> NumberSample:
        """The same with at most about 200 points, evenly spread over the rows; as exact at each of them."""
        if len(self.points) <= KNOTS:
            return self
        keep = np.unique(np.searchsorted(self.shares, np.linspace(0, 1, KNOTS + 1)[1:-1]))
        keep = np.unique(np.append(keep, len(self.points) - 1))
        return NumberSample(self.n, self.nulls, self.mean, self.points[keep], self.shares[keep], self.error)

    def share_up_to(self, points: Floats) -> Floats:
        """The share of values <= each of the points, shape as points, at the next kept point below."""
        position = np.searchsorted(self.points, points, side="right")
        return np.concatenate([[0.0], self.shares])[position]


@dataclass(frozen=True, slots=True)
class LevelSample:
    """Levels of a category, or the two of a boolean. n: rows with a value.  nulls: rows without.

    counts: level -> rows, of all levels.
    """

    n: int
    nulls: int
    counts: Mapping[str, int] = field(default_factory=dict)


Sample = NumberSample | LevelSample


def kinds_of(recipe: Recipe) -> dict[str, str]:
    """What drift compares: each feature's kind, and the score."""
    return {**{column.name: column.kind for column in recipe.features}, SCORE: "score"}


def sample_of(summary: ColumnSummary, kind: str) -> Sample:
    """The sample that a summary of clean values stands for. Of text, only the mean length is known."""
    if kind in LEVEL_KINDS:
        counts = {level_name(value): count for value, count in summary.top}
        return LevelSample(summary.filled, summary.nulls, counts)
    if kind == "text":
        none = np.empty(0)
        return NumberSample(summary.filled, summary.nulls, summary.length_mean, none, none)
    values, weights = summary.quantiles.points()
    points, first = np.unique(values, return_index=True)
    shares = np.cumsum(np.add.reduceat(weights, first)) / summary.quantiles.n if len(values) else np.empty(0)
    sample = NumberSample(
        summary.filled, summary.nulls, summary.mean, points, shares, error=summary.rank_error
    )
    return sample.thinned()


def read_reference(reference: Mapping[str, Any], recipe: Recipe) -> dict[str, Sample]:
    """The samples in a release's reference.json: of each feature, and of SCORE where scores were kept.

    reference: one Summary as JSON data, or several under any keys, such as {"rows": ..., "scores": ...}.
    Raises ReleaseError when it is neither.
    """
    bodies = [reference] if "format" in reference else list(reference.values())
    kinds = kinds_of(recipe)
    samples: dict[str, Sample] = {}
    try:
        for body in bodies:
            if isinstance(body, Mapping) and body.get("format") == FORMAT:
                columns = Summary.from_dict(body).columns
                samples |= {
                    name: sample_of(column, kinds[name]) for name, column in columns.items() if name in kinds
                }
    except (TenureError, LookupError, TypeError, ValueError) as error:
        raise ReleaseError(f"the reference can't be read: {error}", where="reference.json") from error
    if not samples:
        raise ReleaseError("the reference holds no summary of the model's columns", where="reference.json")
    return samples


def level_name(level: object) -> str:
    """A level as drift names it; a boolean is "true" or "false"."""
    return ("true" if level else "false") if isinstance(level, bool) else str(level)
