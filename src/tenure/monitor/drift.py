"""Drift: which columns of the live rows are not distributed as the reference was.

A column raises an alarm when its shift is both significant and material. Significant: its p-value, corrected
by Holm over all columns of the check, is below the configured rate of false alarms, so that a check of
unchanged data raises any alarm at all with at most that chance. Material: PSI at least 0.1 beyond what chance
brings, or the share of missing values or of levels unknown to the model changed by 5 points or more. Dates
move by nature: for them only missing values count. Values are compared as the model meets them: clean,
clipped to the training range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tenure.monitor.samples import Floats, LevelSample, NumberSample, Sample
from tenure.monitor.shift import (
    chi_square_p_value,
    holm,
    index_by_chance,
    kolmogorov_p_value,
    population_stability_index,
)
from tenure.prepare.recipe import OTHER

MATERIAL_PSI = 0.1
MATERIAL_SHARE = 0.05
MIN_LIVE = 30
BINS = 10


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """The shift of one column.

    distance: largest gap between the distribution functions for numbers, largest change of a level's share
    for levels, in [0, 1].  psi: of values that are there.  p_value: corrected by Holm over the check.
    null_share, other_share: (reference, live), of all rows.  alarm: significant and material.
    """

    column: str
    kind: str
    distance: float
    psi: float
    p_value: float
    n_reference: int
    n_live: int
    null_share: tuple[float, float]
    other_share: tuple[float, float]
    alarm: bool
    text: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Every column, the largest shift first. problem: why nothing is judged, or None."""

    n_reference: int
    n_live: int
    false_alarms: float
    columns: tuple[ColumnDrift, ...]
    problem: str | None = None

    @property
    def alarms(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(column for column in self.columns if column.alarm)


def measure_drift(
    reference: Mapping[str, Sample],
    live: Mapping[str, Sample],
    kinds: Mapping[str, str],
    false_alarms: float = 0.05,
) -> DriftReport:
    """Compare live samples with the reference, column by column.

    kinds: column -> kind of its recipe, or "score"; only these columns are compared.
    false_alarms: chance, at most, that unchanged data raise any alarm. Nothing is judged below 30 live rows.
    """
    names = [name for name in kinds if name in reference and name in live]
    n_reference = max((_rows(reference[name]) for name in names), default=0)
    n_live = max((_rows(live[name]) for name in names), default=0)
    found = [_compare(name, kinds[name], reference[name], live[name]) for name in names]
    corrected = holm([column.p_value for column in found])
    problem = None
    if n_live < MIN_LIVE:
        problem = f"{n_live} live rows, {MIN_LIVE} are needed to judge drift"
    columns = [
        replace(
            column,
            p_value=p,
            alarm=problem is None and p < false_alarms and _is_material(column, reference[column.column]),
        )
        for column, p in zip(found, corrected, strict=True)
    ]
    columns.sort(key=lambda column: (not column.alarm, column.p_value, -column.psi))
    return DriftReport(n_reference, n_live, false_alarms, tuple(columns), problem)


def _compare(name: str, kind: str, reference: Sample, live: Sample) -> ColumnDrift:
    """The shift of one column, its p-value not yet corrected, its alarm not yet decided."""
    if isinstance(reference, NumberSample) and isinstance(live, NumberSample):
        distance, psi, p_value, what = _compare_numbers(kind, reference, live)
    elif isinstance(reference, LevelSample) and isinstance(live, LevelSample):
        distance, psi, p_value, what = _compare_levels(reference, live)
    else:
        raise TypeError(f"{name}: the samples are of two kinds")
    nulls = _null_share(reference), _null_share(live)
    others = _other_share(reference), _other_share(live)
    if abs(nulls[1] - nulls[0]) >= MATERIAL_SHARE:
        what += f", missing {nulls[0]:.1%} -> {nulls[1]:.1%}"
    if abs(others[1] - others[0]) >= MATERIAL_SHARE:
        what += f", unknown or rare levels {others[0]:.1%} -> {others[1]:.1%}"
    # Up to three questions: is the distribution another, the share of missing values, of unknown levels?
    answers = [p_value]
    if any(nulls):
        answers.append(chi_square_p_value([reference.n, reference.nulls], [live.n, live.nulls]))
    if any(others):
        answers.append(chi_square_p_value(_others(reference), _others(live)))
    return ColumnDrift(
        column=name,
        kind=kind,
        distance=distance,
        psi=psi,
        p_value=min(1.0, len(answers) * min(answers)),
        n_reference=_rows(reference),
        n_live=_rows(live),
        null_share=nulls,
        other_share=others,
        alarm=False,
        text=f"{name}: {what}",
    )


def _compare_numbers(
    kind: str, reference: NumberSample, live: NumberSample
) -> tuple[float, float, float, str]:
    if not reference.n or not live.n:
        return 0.0, 0.0, 1.0, "no values to compare"
    if not len(reference.points):
        what = f"mean length {_number(reference.mean)} -> {_number(live.mean)}"
        return 0.0, 0.0, 1.0, what
    gaps = np.abs(reference.shares - live.share_up_to(reference.points))
    distance = float(max(gaps.max() - reference.error - live.error, 0.0))
    psi = _decile_psi(reference, live)
    if kind == "date":
        return distance, psi, 1.0, f"moved by {distance:.0%} of the rows, as dates do"
    what = f"mean {_number(reference.mean)} -> {_number(live.mean)}, PSI {psi:.2f}"
    return distance, psi, kolmogorov_p_value(distance, reference.n, live.n), what


def _compare_levels(reference: LevelSample, live: LevelSample) -> tuple[float, float, float, str]:
    if not reference.n or not live.n:
        return 0.0, 0.0, 1.0, "no values to compare"
    levels = sorted({*reference.counts, *live.counts})
    before, now = _counts(reference, levels), _counts(live, levels)
    change = now / live.n - before / reference.n
    largest = int(np.argmax(np.abs(change)))
    psi = population_stability_index(before, now)
    shares = f"{before[largest] / reference.n:.1%} -> {now[largest] / live.n:.1%}"
    what = f"{levels[largest]!r} {shares}, PSI {psi:.2f}"
    return float(abs(change[largest])), psi, chi_square_p_value(before, now), what


def _counts(sample: LevelSample, levels: Sequence[str]) -> Floats:
    return np.array([sample.counts.get(level, 0) for level in levels], dtype=np.float64)


def _decile_psi(reference: NumberSample, live: NumberSample) -> float:
    edges = decile_edges(reference)
    before = np.diff(reference.share_up_to(edges), prepend=0.0, append=1.0)
    now = np.diff(live.share_up_to(edges), prepend=0.0, append=1.0)
    return population_stability_index(before * reference.n, now * live.n)


def decile_edges(reference: NumberSample) -> Floats:
    """The upper ends of all but the last of at most ten bins that hold about equal parts of the reference."""
    wanted = np.arange(1, BINS) / BINS
    at = np.minimum(np.searchsorted(reference.shares, wanted - 1e-12), len(reference.points) - 1)
    edges: Floats = np.unique(reference.points[at])
    inner: Floats = edges[edges < reference.points[-1]]
    return inner


def _is_material(column: ColumnDrift, reference: Sample) -> bool:
    if isinstance(reference, NumberSample):
        bins = len(decile_edges(reference)) + 1 if len(reference.points) else 1
    else:
        bins = max(len(reference.counts), 1)
    beyond_chance = column.psi - index_by_chance(bins, column.n_reference, column.n_live)
    shares = (column.null_share, column.other_share)
    return (column.kind != "date" and beyond_chance >= MATERIAL_PSI) or any(
        abs(live - before) >= MATERIAL_SHARE for before, live in shares
    )


def _rows(sample: Sample) -> int:
    return sample.n + sample.nulls


def _null_share(sample: Sample) -> float:
    return sample.nulls / max(_rows(sample), 1)


def _others(sample: Sample) -> tuple[int, int]:
    """Rows with a level that the model knows, and with one that it does not."""
    other = sample.counts.get(OTHER, 0) if isinstance(sample, LevelSample) else 0
    return sample.n - other, other


def _other_share(sample: Sample) -> float:
    return _others(sample)[1] / max(_rows(sample), 1)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "none"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
