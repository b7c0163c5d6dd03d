"""Slices of rows: where a model is weaker than elsewhere, searched for with multiplicity respected.

A slice is weak when its loss is higher than that of the other rows and, beside it, the model adds less there over
knowing the slice's own rate: rows that are merely hard to foretell (a rate near one half) are no fault of the model.
Both must be sure for all slices looked at together (Bonferroni). The share of the loss that is left, R = loss / loss of
the slice's own rate, has the influence (l - R h) / H of a row with loss l and loss h by the rate, H the mean of h.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from tenure.model.candidates.base import Float64
from tenure.records import Estimate, Task
from tenure.release.decide import Thresholds
from tenure.release.grouped import around, error_of, measured
from tenure.release.influence import Influence, log_losses, of_mean, of_ratio
from tenure.release.metrics import HIGHER_IS_BETTER, influence_for

Mask = npt.NDArray[np.bool_]

LEAST_ROWS = 50
"""Of a slice, and of the rows outside it."""
LEAST_SHARE = 0.02
BINS = 4
MOST_LEVELS = 12
"""Levels of a column that are slices, the commonest first."""
MOST_SEARCHED_ROWS = 20_000
MOST_PAIRED = 150
SECONDS_A_COLUMN = 1e-3
"""Of the search, measured, on as many rows as it looks at; pairs are few beside that."""
"""One-column slices that are crossed with each other, those of the highest loss first."""
MOST_FOUND = 5
ERROR = 0.05
OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One condition on a column: equal to a level, or low <= value < high; nothing of them: missing."""

    column: str
    level: str | bool | None = None
    low: float | None = None
    high: float | None = None

    def mask(self, features: pl.DataFrame) -> Mask:
        """Which rows fulfil it, shape (n,)."""
        values = features[self.column]
        if self.level is not None:
            return (values == self.level).fill_null(False).to_numpy()
        if self.low is None and self.high is None:
            return values.is_null().to_numpy()
        numbers = values.cast(pl.Float64)
        inside = pl.Series([True]).new_from_index(0, len(values))
        if self.low is not None:
            inside &= numbers >= self.low
        if self.high is not None:
            inside &= numbers < self.high
        return (inside & numbers.is_not_nan()).fill_null(False).to_numpy()

    def __str__(self) -> str:
        """As a person writes it.

        >>> str(Part("age", low=30.0, high=45.0)), str(Part("plan", level="basic")), str(Part("age"))
        ('30 <= age < 45', 'plan = basic', 'age is missing')
        """
        if self.level is not None:
            return f"{self.column} = {self.level}"
        if self.low is None and self.high is None:
            return f"{self.column} is missing"
        low = "" if self.low is None else f"{self.low:g} <= "
        high = "" if self.high is None else f" < {self.high:g}"
        return f"{low}{self.column}{high}"


Condition = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice as measured. metric: of its rows, None where it has no value there; gap: how much worse than the rest.

    excess: its loss above that of the other rows.  p: the chance of as weak a slice where there is none.
    """

    name: str
    n: int
    metric: Estimate | None
    gap: Estimate | None
    excess: Estimate
    p: float


def in_words(condition: Condition) -> str:
    """Its parts, joined."""
    return " and ".join(map(str, condition))


def mask_of(condition: Condition, features: pl.DataFrame) -> Mask:
    """Rows that fulfil all parts."""
    return np.asarray(np.logical_and.reduce([part.mask(features) for part in condition]))


def to_json(condition: Condition) -> list[dict[str, Any]]:
    """As JSON data."""
    return [asdict(part) for part in condition]


def from_json(body: Sequence[Mapping[str, Any]]) -> Condition:
    """Read what to_json wrote."""
    return tuple(Part(**part) for part in body)


def parts_of(column: str, values: pl.Series) -> list[Part]:
    """The one-column slices of a column: its commonest levels, or ranges between quantiles, and missing cells."""
    found = [Part(column)] if values.null_count() else []
    known = values.drop_nulls()
    if values.dtype in (pl.String, pl.Boolean):
        counts = known.value_counts(sort=True).sort("count", column, descending=[True, False])
        return found + [Part(column, level=level) for level in counts[column].head(MOST_LEVELS)]
    numbers = known.cast(pl.Float64).to_numpy()
    quantiles = np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]) if len(numbers) else np.empty(0)
    cuts = [float(cut) for cut in np.unique(quantiles) if cut > numbers.min()]
    edges = [None, *cuts, None]
    ranges = [Part(column, low=a, high=b) for a, b in itertools.pairwise(edges)]
    return found + [part for part in ranges if part.low is not None or part.high is not None]


def search_seconds(features: pl.DataFrame) -> float:
    """Roughly what find_weak takes: by the number of columns, as its rows are bounded."""
    return SECONDS_A_COLUMN * features.width


def find_weak(
    features: pl.DataFrame,
    task: Task,
    y: Float64,
    scores: Float64,
    group: Any = None,
    weight: Float64 | None = None,
) -> list[Condition]:
    """The weakest slices of one and two columns, the surest first, each unlike those before it.

    features: clean rows that the model was not fitted on.  scores: as metrics take them.
    weight: shape (n,), > 0, how much each row counts; None: all the same.
    """
    if len(y) > MOST_SEARCHED_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(y), MOST_SEARCHED_ROWS, replace=False))
        features, y, scores = features[chosen], y[chosen], scores[chosen]
        group = None if group is None else group[chosen]
        weight = None if weight is None else weight[chosen]
    least = max(LEAST_ROWS, int(LEAST_SHARE * len(y)))
    losses = _Losses(task, y, losses_of(task, y, scores), _shares(weight, len(y)), group)
    names = [
        name for name, kind in features.schema.items() if kind in (pl.Boolean, pl.String) or kind.is_numeric()
    ]
    singles, masks = [], []
    for name in names:
        for part in parts_of(name, features[name]):
            mask = part.mask(features)
            if least <= mask.sum() <= len(y) - least:
                singles.append(part)
                masks.append(mask)
    if not singles:
        return []
    n_tests = len(singles) + len(singles) * (len(singles) - 1) // 2
    limit = NormalDist().inv_cdf(1.0 - ERROR / n_tests)
    sums = [losses.sums(mask) for mask in masks]
    sure = np.flatnonzero(losses.z(*np.array(sums).T) > limit)
    suspects: list[tuple[Condition, Mask]] = [((singles[i],), masks[i]) for i in sure]
    by_loss = np.argsort([-loss / mass for mass, loss, _ in sums], kind="stable")[:MOST_PAIRED]
    suspects += _pairs(losses, [singles[i] for i in by_loss], [masks[i] for i in by_loss], limit, least)
    judged = [(losses.weakness(mask), condition, mask) for condition, mask in suspects]
    judged = [entry for entry in judged if entry[0] > limit]
    judged.sort(key=lambda entry: (-entry[0], len(entry[1]), in_words(entry[1])))
    kept: list[tuple[Condition, Mask]] = []
    for _, condition, mask in judged:
        if all((mask & other).sum() / (mask | other).sum() < OVERLAP for _, other in kept):
            kept.append((condition, mask))
    return [condition for condition, _ in kept[:MOST_FOUND]]


def _pairs(
    losses: _Losses, singles: Sequence[Part], masks: Sequence[Mask], limit: float, least: int
) -> list[tuple[Condition, Mask]]:
    """Slices of two columns whose loss is higher than the rest's, with their rows."""
    B = np.column_stack(masks).astype(np.float64)
    mass, loss, squares = (B.T @ (B * own[:, None]) for own in losses.columns)
    z, sizes = losses.z(mass, loss, squares), B.T @ B
    found: list[tuple[Condition, Mask]] = []
    for a, b in np.argwhere((z > limit) & (sizes >= least)):
        if a < b and singles[a].column != singles[b].column:
            found.append(((singles[a], singles[b]), masks[a] & masks[b]))
    return found


def measure(
    name: str,
    mask: Mask,
    task: Task,
    y: Float64,
    scores: Float64,
    metric: str,
    group: Any = None,
    threshold: Thresholds = 0.5,
    weight: Float64 | None = None,
) -> Slice:
    """One slice beside the other rows; all count by their weights, and n is a number of rows."""
    w = _shares(weight, len(y))
    losses = _Losses(task, y, losses_of(task, y, scores), w, group)
    own = None
    gap = None
    cut_in, cut_out = (
        (threshold[mask], threshold[~mask]) if isinstance(threshold, np.ndarray) else (threshold, threshold)
    )
    try:
        inside = influence_for(task, y[mask], scores[mask], metric, cut_in, w[mask])
        outside = influence_for(task, y[~mask], scores[~mask], metric, cut_out, w[~mask])
    except ValueError:  # one class only on one of the sides
        pass
    else:
        sign = -1.0 if HIGHER_IS_BETTER[metric] else 1.0
        rows = _two_sided(mask, inside.rows, outside.rows)
        within = None if group is None else group[mask]
        found = measured(task, y[mask], scores[mask], cut_in, within, w[mask], only=metric)
        own = found.get(metric)
        gap = around(sign * (inside.value - outside.value), rows, group)
    p = 1.0 - NormalDist().cdf(losses.weakness(mask))
    return Slice(name, int(mask.sum()), own, gap, losses.excess(mask), p)


def losses_of(task: Task, y: Float64, scores: Float64) -> Float64:
    """Log loss, or squared error, of each row. scores: as metrics take them."""
    if task == "regression":
        return np.asarray(np.square(y - scores.reshape(-1)))
    return log_losses(y.astype(np.int64), scores)


class _Losses:
    """The losses of all rows, and how the rows of a slice compare with the others.

    own: the loss of each row.  w: how much each counts, of mean 1.
    """

    def __init__(self, task: Task, y: Float64, own: Float64, w: Float64, group: Any) -> None:
        self._y, self._own, self._w, self._group = y, own, w, group
        self._labels = y.astype(np.int64) if task != "regression" else None

    @property
    def columns(self) -> tuple[Float64, Float64, Float64]:
        """Of each row what is summed over a slice: weight, weighted loss, squared weight."""
        return self._w, self._w * self._own, self._w * self._w

    def sums(self, mask: Mask) -> tuple[float, float, float]:
        """The sums of columns over a slice."""
        mass, loss, squares = (float(column[mask].sum()) for column in self.columns)
        return mass, loss, squares

    def z(self, mass: Float64, loss: Float64, squares: Float64) -> Float64:
        """Standard errors by which slices' mean loss exceeds the rest's, by the common variance; a first sieve."""
        all_mass, all_loss, all_squares = (float(column.sum()) for column in self.columns)
        inside, outside = np.maximum(mass, 1e-12), np.maximum(all_mass - mass, 1e-12)
        difference = loss / inside - (all_loss - loss) / outside
        deviation = np.sqrt(np.average(np.square(self._own - all_loss / all_mass), weights=self._w))
        # one over the rows of equal weight that were as good
        few = squares / inside**2 + np.maximum(all_squares - squares, 0.0) / outside**2
        return np.asarray(difference / np.maximum(deviation * np.sqrt(few), 1e-300))

    def excess(self, mask: Mask) -> Estimate:
        """How much higher the mean loss is than that of the other rows."""
        inside, outside = self._mean(mask), self._mean(~mask)
        rows = _two_sided(mask, inside.rows, outside.rows)
        return around(inside.value - outside.value, rows, self._group)

    def weakness(self, mask: Mask) -> float:
        """How many standard errors a slice is weaker than the rest: the lesser of loss and share of loss left."""
        by_loss = self._z_between(mask, self._mean(mask), self._mean(~mask))
        shares = []
        for side in (mask, ~mask):
            rate, w = self._by_rate(side), _shares(self._w[side], int(side.sum()))
            if not np.any(rate > 0.0):  # one class only: there is nothing to add to its rate
                return 0.0
            shares.append(of_ratio(self._own[side], rate, w))
        return min(by_loss, self._z_between(mask, *shares))

    def _mean(self, side: Mask) -> Influence:
        return of_mean(self._own[side], _shares(self._w[side], int(side.sum())))

    def _z_between(self, mask: Mask, inside: Influence, outside: Influence) -> float:
        error = error_of(_two_sided(mask, inside.rows, outside.rows), self._group)
        return float((inside.value - outside.value) / max(error, 1e-300))

    def _by_rate(self, side: Mask) -> Float64:
        """The loss of each row of a side by the side's own rate, or mean."""
        w = self._w[side]
        if self._labels is None:
            inside = self._y[side]
            return np.asarray(np.square(inside - np.average(inside, weights=w)))
        labels = self._labels[side]
        shares = np.bincount(labels, weights=w) / w.sum()
        losses: Float64 = -np.log(shares[labels])
        return losses


def _shares(weight: Float64 | None, n: int) -> Float64:
    """The weights with mean 1."""
    return np.ones(n) if weight is None else weight / np.mean(weight)


def _two_sided(mask: Mask, inside: Float64, outside: Float64) -> Float64:
    """What each row adds to the error of a difference between the two sides, from its influence on its own side."""
    rows = np.empty(len(mask))
    rows[mask], rows[~mask] = inside / len(inside), -outside / len(outside)
    return rows
