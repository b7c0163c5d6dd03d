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
from tenure.release.grouped import around, error_of
from tenure.release.influence import log_losses
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


def find_weak(
    features: pl.DataFrame, task: Task, y: Float64, scores: Float64, group: Any = None
) -> list[Condition]:
    """The weakest slices of one and two columns, the surest first, each unlike those before it.

    features: clean rows that the model was not fitted on.  scores: as metrics take them.
    """
    if len(y) > MOST_SEARCHED_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(y), MOST_SEARCHED_ROWS, replace=False))
        features, y, scores = features[chosen], y[chosen], scores[chosen]
        group = None if group is None else group[chosen]
    least = max(LEAST_ROWS, int(LEAST_SHARE * len(y)))
    losses, by_rate = losses_of(task, y, scores), _RateLoss(task, y)
    names = [
        name for name, kind in features.schema.items() if kind in (pl.Boolean, pl.String) or kind.is_numeric()
    ]
    singles, sums = [], []
    for name in names:
        for part in parts_of(name, features[name]):
            mask = part.mask(features)
            if least <= mask.sum() <= len(y) - least:
                singles.append(part)
                sums.append((float(mask.sum()), float(losses[mask].sum())))
    if not singles:
        return []
    sizes, totals = np.array(sums).T
    n_tests = len(singles) + len(singles) * (len(singles) - 1) // 2
    limit = NormalDist().inv_cdf(1.0 - ERROR / n_tests)
    sure = np.flatnonzero(_z_of_loss(sizes, totals, losses) > limit)
    suspects: list[tuple[Condition, Mask]] = [((singles[i],), singles[i].mask(features)) for i in sure]
    suspects += _pairs(
        features,
        losses,
        [singles[i] for i in np.argsort(-totals / sizes, kind="stable")[:MOST_PAIRED]],
        limit,
        least,
    )
    judged = [(weakness(losses, by_rate, mask, group), condition, mask) for condition, mask in suspects]
    judged = [entry for entry in judged if entry[0] > limit]
    judged.sort(key=lambda entry: (-entry[0], len(entry[1]), in_words(entry[1])))
    kept: list[tuple[Condition, Mask]] = []
    for _, condition, mask in judged:
        if all((mask & other).sum() / (mask | other).sum() < OVERLAP for _, other in kept):
            kept.append((condition, mask))
    return [condition for condition, _ in kept[:MOST_FOUND]]


def _pairs(
    features: pl.DataFrame, losses: Float64, singles: Sequence[Part], limit: float, least: int
) -> list[tuple[Condition, Mask]]:
    """Slices of two columns whose loss is higher than the rest's, with their rows."""
    masks = np.column_stack([part.mask(features) for part in singles])
    B = masks.astype(np.float64)
    sizes = B.T @ B
    z = _z_of_loss(sizes, B.T @ (B * losses[:, None]), losses)
    found: list[tuple[Condition, Mask]] = []
    for a, b in np.argwhere((z > limit) & (sizes >= least)):
        if a < b and singles[a].column != singles[b].column:
            found.append(((singles[a], singles[b]), masks[:, a] & masks[:, b]))
    return found


def measure(
    name: str,
    mask: Mask,
    task: Task,
    y: Float64,
    scores: Float64,
    metric: str,
    group: Any = None,
    threshold: float = 0.5,
) -> Slice:
    """One slice beside the other rows."""
    losses = losses_of(task, y, scores)
    z = weakness(losses, _RateLoss(task, y), mask, group)
    excess = losses[mask].mean() - losses[~mask].mean()
    own = None
    gap = None
    try:
        inside = influence_for(task, y[mask], scores[mask], metric, threshold)
        outside = influence_for(task, y[~mask], scores[~mask], metric, threshold)
    except ValueError:  # one class only on one of the sides
        pass
    else:
        sign = -1.0 if HIGHER_IS_BETTER[metric] else 1.0
        rows = _two_sided(mask, inside.rows, outside.rows)
        within = None if group is None else group[mask]
        own = around(inside.value, inside.rows / len(inside.rows), within)
        gap = around(sign * (inside.value - outside.value), rows, group)
    return Slice(
        name,
        int(mask.sum()),
        own,
        gap,
        around(float(excess), _excess_rows(losses, mask), group),
        1.0 - NormalDist().cdf(z),
    )


def losses_of(task: Task, y: Float64, scores: Float64) -> Float64:
    """Log loss, or squared error, of each row. scores: as metrics take them."""
    if task == "regression":
        return np.asarray(np.square(y - scores.reshape(-1)))
    return log_losses(y.astype(np.int64), scores)


class _RateLoss:
    """The loss of each row of a slice by the slice's own rate, or mean."""

    def __init__(self, task: Task, y: Float64) -> None:
        self._task, self._y = task, y
        self._labels = y.astype(np.int64) if task != "regression" else None

    def of(self, mask: Mask) -> Float64:
        if self._labels is None:
            inside = self._y[mask]
            return np.asarray(np.square(inside - inside.mean()))
        labels = self._labels[mask]
        shares = np.bincount(labels) / len(labels)
        losses: Float64 = -np.log(shares[labels])
        return losses


def weakness(losses: Float64, by_rate: _RateLoss, mask: Mask, group: Any = None) -> float:
    """How many standard errors a slice is weaker than the rest: the lesser of loss and share of loss that is left."""
    rows = _excess_rows(losses, mask)
    by_loss = (losses[mask].mean() - losses[~mask].mean()) / max(error_of(rows, group), 1e-300)
    left, influence = [], []
    for side in (mask, ~mask):
        own, rate = losses[side], by_rate.of(side)
        base = float(rate.mean())
        if base <= 0.0:  # one class only: there is nothing to add to its rate
            return 0.0
        share = float(own.mean()) / base
        left.append(share)
        influence.append((own - share * rate) / base)
    error = error_of(_two_sided(mask, *influence), group)
    return float(min(by_loss, (left[0] - left[1]) / max(error, 1e-300)))


def _two_sided(mask: Mask, inside: Float64, outside: Float64) -> Float64:
    """What each row adds to the error of a difference between the two sides, from its influence on its own side."""
    rows = np.empty(len(mask))
    rows[mask], rows[~mask] = inside / len(inside), -outside / len(outside)
    return rows


def _excess_rows(losses: Float64, mask: Mask) -> Float64:
    inside, outside = losses[mask], losses[~mask]
    return _two_sided(mask, inside - inside.mean(), outside - outside.mean())


def _z_of_loss(sizes: Float64, sums: Float64, losses: Float64) -> Float64:
    """Standard errors by which slices' mean loss exceeds the rest's, by the common variance; a first sieve."""
    n, total = len(losses), float(losses.sum())
    outside = np.maximum(n - sizes, 1.0)
    inside = np.maximum(sizes, 1.0)
    difference = sums / inside - (total - sums) / outside
    error = float(losses.std()) * np.sqrt(1.0 / inside + 1.0 / outside)
    return np.asarray(difference / np.maximum(error, 1e-300))
