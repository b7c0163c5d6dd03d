"""One column: how it is read, what it holds, and what it says of the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenure.prepare.explore.cells import NUMERIC, Cells
from tenure.prepare.explore.facts import Association, ColumnFacts, Group, Numbers
from tenure.prepare.explore.grouping import gap_of, groups_of, histogram_edges
from tenure.prepare.explore.target import SampleTarget
from tenure.prepare.explore.words import number_text
from tenure.prepare.recipe import ColumnRecipe, NumberFormat
from tenure.prepare.sketches import QuantileSketch
from tenure.prepare.summary import ColumnSummary

_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_TOP = 10
_PLAIN = NumberFormat()


@dataclass(frozen=True)
class Studied:
    """A column as it was learned: its recipe, why it is no feature (or None), and a warning (or None)."""

    recipe: ColumnRecipe
    why: str | None
    warning: str | None


def describe_column(
    studied: Studied,
    summary: ColumnSummary,
    cells: Cells,
    target: SampleTarget | None,
    association: Association | None,
    *,
    is_typed: bool,
    distinct: int | None,
) -> ColumnFacts:
    """Everything the page says of a column.

    is_typed: whether summary is of cells as they are read, so that its dates are microseconds.
    distinct: how many different cells there are, where that was counted; else the summary's estimate is taken.
    """
    recipe = studied.recipe
    numbers = _distribution(recipe, summary, cells, is_typed) if recipe.kind in NUMERIC else None
    histogram, beyond = _histogram(numbers, cells, target) if numbers else ((), (0.0, 0.0))
    tokens = {token: n for token, n in summary.null_tokens.items() if token in recipe.null_tokens}
    return ColumnFacts(
        name=recipe.name,
        kind=recipe.kind,
        why=studied.why,
        reading=reading_of(recipe, summary),
        n=summary.n,
        missing=summary.nulls + sum(tokens.values()),
        null_tokens=tokens,
        distinct=summary.distinct if distinct is None else distinct,
        distinct_error=summary.distincts.relative_error if distinct is None else 0.0,
        numbers=_numbers(numbers, cells) if numbers else None,
        lengths=_lengths(summary),
        histogram=histogram,
        beyond=beyond,
        groups=groups_of(cells, target),
        gap=gap_of(cells, target),
        top=_top(summary, "date" if is_typed and recipe.kind == "date" else ""),
        top_error=summary.frequent.error,
        with_target=association,
        warning=studied.warning,
    )


def reading_of(recipe: ColumnRecipe, summary: ColumnSummary) -> tuple[str, ...]:
    """How the cells of a column are read, in words.

    >>> reading_of(ColumnRecipe("a", "boolean", labels=("No", "Yes")), ColumnSummary("a"))
    ('No is false, Yes is true',)
    """
    words = []
    style = recipe.number_format
    if style is not None and style != _PLAIN and summary.holds == "text":
        words.append(f"decimal {'comma' if style.decimal == ',' else 'point'}")
        words += [f"thousands by {style.thousands!r}"] if style.thousands else []
        words += [f"currency {' '.join(style.currency)}"] if style.currency else []
        words += ["percent"] if style.percent else []
        words += ["brackets for negative"] if style.accounting else []
    if recipe.date_formats and summary.holds == "text":
        words.append("written " + " or ".join(recipe.date_formats))
    if recipe.kind == "boolean" and len(recipe.labels) == 2:
        words.append(f"{recipe.labels[0]} is false, {recipe.labels[1]} is true")
    if recipe.kind == "category" and recipe.case_sensitive:
        words.append("letter case matters")
    found = [token for token in summary.null_tokens if token in recipe.null_tokens]
    if found:
        words.append("missing: " + ", ".join(repr(token) if token else "blank" for token in found))
    return tuple(words)


@dataclass(frozen=True)
class _Distribution:
    """The numbers of a column: of the whole table where the summary read them as the recipe does."""

    sketch: QuantileSketch
    low: float
    high: float
    mean: float
    std: float
    distinct: int
    whole: bool

    def at(self, q: float) -> float:
        if q <= 0.0 or q >= 1.0:
            return self.low if q <= 0.0 else self.high
        return float(self.sketch.quantile(q))


def _distribution(
    recipe: ColumnRecipe, summary: ColumnSummary, cells: Cells, is_typed: bool
) -> _Distribution | None:
    whole = recipe.kind == "integer"
    if _reads_alike(recipe, summary, is_typed) and summary.moments.n:
        moments = summary.moments
        return _Distribution(
            summary.quantiles, moments.low, moments.high, moments.mean, moments.std, summary.distinct, whole
        )
    values = cells.values[~cells.is_missing] if cells.values is not None else np.empty(0)
    if not len(values):
        return None
    sketch = QuantileSketch()
    sketch.update(np.sort(values))
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    distinct = min(len(np.unique(values)), summary.distinct)
    return _Distribution(
        sketch, float(values.min()), float(values.max()), float(values.mean()), std, distinct, whole
    )


def _reads_alike(recipe: ColumnRecipe, summary: ColumnSummary, is_typed: bool) -> bool:
    """Whether the numbers of the summary are those that the recipe reads."""
    if recipe.kind == "date":
        return is_typed
    if summary.holds == "number":
        return True
    style = recipe.number_format or _PLAIN
    return summary.holds == "text" and style.decimal == "." and style.thousands in ("", ",")


def _numbers(found: _Distribution, cells: Cells) -> Numbers:
    filled = cells.values[~cells.is_missing] if cells.values is not None else np.empty(0)
    zeros = float((filled == 0.0).mean()) if len(filled) else 0.0
    quantiles = {q: found.at(q) for q in _QUANTILES}
    return Numbers(found.mean, found.std, quantiles, found.sketch.rank_error, zeros)


def _histogram(
    found: _Distribution, cells: Cells, target: SampleTarget | None
) -> tuple[tuple[Group, ...], tuple[float, float]]:
    quantiles = np.array([found.at(q) for q in (0.0, 0.005, 0.995, 1.0)])
    edges = histogram_edges(quantiles, found.distinct, found.whole)
    reached = found.sketch.cdf(edges[1:])
    before = float(found.sketch.cdf(np.nextafter(edges[0], -np.inf)))
    shares = np.diff(reached, prepend=before)
    codes = _bins(cells.values, edges)
    within = target.within(codes, len(shares)) if target else [()] * len(shares)
    n = np.bincount(codes[codes >= 0], minlength=len(shares))
    bins = tuple(
        Group("", int(k), float(share), estimates, float(low), float(high))
        for k, share, estimates, low, high in zip(n, shares, within, edges[:-1], edges[1:], strict=True)
    )
    return bins, (before, max(0.0, 1.0 - float(reached[-1])))


def _bins(values: npt.NDArray[np.float64] | None, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bin of each value, open to the left but for the first; -1 outside."""
    if values is None:
        return np.empty(0, dtype=np.int64)
    codes = np.searchsorted(edges, values, side="left") - 1
    codes[values == edges[0]] = 0
    codes[np.isnan(values) | (codes >= len(edges) - 1)] = -1
    return codes


def _lengths(summary: ColumnSummary) -> tuple[int, float, int] | None:
    if summary.length_low is None or summary.length_high is None:
        return None
    return summary.length_low, summary.length_mean, summary.length_high


def _top(summary: ColumnSummary, kind: str) -> tuple[tuple[str, int], ...]:
    def shown(value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        number = float(str(value))
        return number_text(number, kind) if kind else f"{number:.15g}"

    return tuple((shown(value), n) for value, n in summary.top[:_TOP])
