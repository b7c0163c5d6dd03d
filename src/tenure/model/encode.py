"""Learn, from clean training rows, the encoding that a style of model wants.

trees   numbers as they are with NaN for missing; small categories one level a feature; large ones by the mean
        target of each level, cross-fitted for the training rows themselves
linear  the same without NaN: medians, and a flag for missing
spline  linear, with a hinge at inner quantiles of each number: a curve of straight pieces
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tenure.model.candidates.base import Float32, Float64, Part, Style
from tenure.prepare.recipe import ColumnRecipe, Recipe
from tenure.records import Task
from tenure.release.encoding import Encoding, Feature, encode_table

ONE_HOT_LEVELS = {"trees": 20, "linear": 60, "spline": 60}
"""Categories with more levels are encoded by their mean target."""
PRIOR_ROWS = 20.0
"""A level's mean target is drawn to the overall mean as if by so many rows of it."""
CROSS_FITS = 5
HINGE_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
HINGES_FROM_DISTINCT = 12
MOST_TARGET_CLASSES = 12


@dataclass(frozen=True)
class Learned:
    """An encoding, and the training rows in it.

    The rows' own target means come from the other rows: a model must not find its own label in a feature.
    """

    encoding: Encoding
    part: Part


def learn_encoding(
    recipe: Recipe,
    style: Style,
    features: pl.DataFrame,
    y: Float64,
    *,
    seed: int = 0,
    weight: Float64 | None = None,
) -> Learned:
    """Learn the encoding of a style from clean training rows and encode them.

    features: the recipe's clean columns.  y: shape (n,), class index or number.
    weight: shape (n,), how much each row counts in the mean targets; None: all the same.
    """
    n_classes = max(2, len(recipe.target.classes))
    described = [f for column in recipe.features for f in _features_of(column, style, features, n_classes)]
    outcomes = _outcomes(recipe.target.task, y, n_classes)
    shares = np.ones(len(y)) if weight is None else weight / np.mean(weight)
    outputs = _output_of(described)
    fitted = [_with_means(f, features, outcomes[:, outputs.get(f.name, 0)], shares) for f in described]
    encoding, X = _varying(Encoding(tuple(fitted)), features)
    if any(f.op == "target" for f in encoding.features):
        averaged = outcomes[:, [outputs.get(f.name, 0) for f in encoding.features]]
        X = _cross_fitted(X, encoding, features, averaged, shares, seed)
    return Learned(encoding, Part(X, y, None if weight is None else shares))


def encode_part(
    encoding: Encoding, features: pl.DataFrame, y: Float64, weight: Float64 | None = None
) -> Part:
    """Encode rows that the encoding was not learned from."""
    return Part(encode_table(encoding, features), y, None if weight is None else weight / np.mean(weight))


def _features_of(
    column: ColumnRecipe, style: Style, table: pl.DataFrame, n_classes: int
) -> Iterator[Feature]:
    name, linear = column.name, style != "trees"
    missing = [Feature(f"{name} is missing", name, "missing")] if column.nullable else []
    if column.kind in ("number", "integer"):
        yield from _number_features(column, style, table)
        yield from missing if linear else ()
    elif column.kind == "boolean":
        share = table[name].mean()
        yield Feature(name, name, "boolean", fill=_float(share) if linear else None)
        yield from missing if linear else ()
    elif column.kind == "category":
        yield from _category_features(column, style, n_classes)
        yield from missing
    elif column.kind == "date":
        days = table[name].median()
        fill = _float(days) / 86_400_000_000 if linear else None
        yield Feature(f"{name} days", name, "date", part="days", fill=fill)
        for part, usual in (("month", 6.5), ("day", 15.5), ("weekday", 4.0), ("hour", 12.0)):
            yield Feature(f"{name} {part}", name, "date", part=part, fill=usual if linear else None)  # type: ignore[arg-type]
        yield from missing if linear else ()
    else:
        yield Feature(f"{name} length", name, "text", part="length", fill=0.0 if linear else None)
        yield Feature(f"{name} words", name, "text", part="words", fill=0.0 if linear else None)
        yield from missing if linear else ()


def _number_features(column: ColumnRecipe, style: Style, table: pl.DataFrame) -> Iterator[Feature]:
    name = column.name
    if style == "trees":
        yield Feature(name, name, "value")
        return
    median = _float(table[name].median())
    yield Feature(name, name, "value", fill=median)
    if style == "spline" and table[name].n_unique() >= HINGES_FROM_DISTINCT:
        knots = np.unique(np.quantile(table[name].drop_nulls().to_numpy(), HINGE_QUANTILES))
        for knot in knots.tolist():
            fill = max(0.0, median - knot)
            yield Feature(f"{name} above {knot:.6g}", name, "hinge", knot=knot, fill=fill)


def _category_features(column: ColumnRecipe, style: Style, n_classes: int) -> Iterator[Feature]:
    name, levels = column.name, column.levels
    if len(levels) > ONE_HOT_LEVELS[style]:
        outputs = 1 if n_classes == 2 or n_classes > MOST_TARGET_CLASSES else n_classes
        for k in range(outputs):
            title = f"{name} by target" if outputs == 1 else f"{name} by class {k}"
            yield Feature(title, name, "target", levels=levels, values=(0.0,) * len(levels))
        return
    # Of two levels, or two and nothing else, one says it all.
    told = levels[:1] if len(levels) == 2 and not column.has_other else levels
    for level in told:
        yield Feature(f"{name} = {level}", name, "level", level=level)
    if column.has_other:
        yield Feature(f"{name} = (other)", name, "other", levels=levels)


def _output_of(features: Sequence[Feature]) -> dict[str, int]:
    """Which outcome each target feature averages: the first of a column the first, and so on."""
    seen: dict[str, int] = {}
    found = {}
    for feature in features:
        if feature.op == "target":
            found[feature.name] = seen.get(feature.column, 0)
            seen[feature.column] = found[feature.name] + 1
    return found


def _with_means(feature: Feature, table: pl.DataFrame, outcome: Float64, shares: Float64) -> Feature:
    """Fill a target feature's values: means per level, drawn to the overall mean. shares: 0 for rows not to use."""
    if feature.op != "target":
        return feature
    prior = float(np.sum(shares * outcome) / np.sum(shares))
    index = {level: i for i, level in enumerate(feature.levels)}
    codes = np.array([index.get(level, -1) for level in table[feature.column].to_list()])
    used = codes >= 0
    sums = np.bincount(codes[used], weights=(shares * outcome)[used], minlength=len(index))
    counts = np.bincount(codes[used], weights=shares[used], minlength=len(index))
    means = (sums + PRIOR_ROWS * prior) / (counts + PRIOR_ROWS)
    return replace(feature, values=tuple(means.tolist()), other=prior, fill=prior)


def _cross_fitted(
    X: Float32, encoding: Encoding, table: pl.DataFrame, outcomes: Float64, shares: Float64, seed: int
) -> Float32:
    """Replace the target features of the training rows by values that their own label had no part in.

    outcomes: shape (n, d), what each feature averages.
    """
    where = [i for i, f in enumerate(encoding.features) if f.op == "target"]
    group = np.random.default_rng(seed).permutation(len(X)) % CROSS_FITS
    result = X.copy()
    for k in range(CROSS_FITS):
        held = group == k
        if not held.any() or held.all():
            continue
        targets = [
            _with_means(encoding.features[i], table, outcomes[:, i], np.where(held, 0.0, shares))
            for i in where
        ]
        result[np.ix_(held, where)] = encode_table(Encoding(tuple(targets)), table.filter(pl.Series(held)))
    return result


def _outcomes(task: Task, y: Float64, n_classes: int) -> Float64:
    """What a target feature averages, one column a feature: the number, P(positive), or P(each class)."""
    columns: Float64 = y.reshape(-1, 1)
    if task == "multiclass" and n_classes <= MOST_TARGET_CLASSES:
        columns = (columns == np.arange(n_classes)).astype(np.float64)
    return columns


def _varying(encoding: Encoding, table: pl.DataFrame) -> tuple[Encoding, Float32]:
    """Leave out features with one value in all rows; keep one, so that there is a model at all. With the rows in it."""
    X = encode_table(encoding, table)
    keep = [_varies(X[:, i]) for i in range(X.shape[1])]
    if not any(keep):
        keep = [True, *keep[1:]]
    if all(keep):
        return encoding, X
    kept = tuple(f for f, varies in zip(encoding.features, keep, strict=True) if varies)
    return Encoding(kept), np.ascontiguousarray(X[:, keep])


def _varies(values: Float32) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and (len(known) < len(values) or bool(np.ptp(known) > 0))


def _float(value: object) -> float:
    """A column's median or mean; 0 where it has no values."""
    return float(value) if isinstance(value, (int, float)) else 0.0
