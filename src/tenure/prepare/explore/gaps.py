"""Which cells are missing: columns that are missing together, and what their gaps say of the target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tenure.prepare.explore import intervals
from tenure.prepare.explore.associations import contingency
from tenure.prepare.explore.cells import Cells
from tenure.prepare.explore.facts import Association, GapPattern, Missingness
from tenure.prepare.explore.target import SampleTarget

_MOST_PATTERNS = 12
_MOST_PAIRS = 15
# Pairs are looked for among so many columns, those with most gaps.
_MOST_COLUMNS = 40


def study_gaps(columns: Sequence[Cells], target: SampleTarget | None) -> Missingness:
    """The patterns of missing cells in the sample, the most frequent first."""
    n = columns[0].n if columns else 0
    gappy = [column for column in columns if column.is_missing.any()]
    if not gappy:
        return Missingness(n, (), ())
    mask = np.column_stack([column.is_missing for column in gappy])
    packed = np.packbits(mask, axis=1)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, codes, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    found = target.within(codes.astype(np.int64), len(first)) if target else [()] * len(first)
    order = np.lexsort((first, -counts))[:_MOST_PATTERNS]
    patterns = tuple(
        GapPattern(
            tuple(column.name for column, is_gap in zip(gappy, mask[first[p]], strict=True) if is_gap),
            int(counts[p]),
            int(counts[p]) / n,
            found[p],
        )
        for p in order
    )
    return Missingness(n, patterns, _together(gappy))


def _together(gappy: Sequence[Cells]) -> tuple[Association, ...]:
    """Pairs of columns whose gaps go together for certain, the strongest first."""
    chosen = sorted(gappy, key=lambda column: -int(column.is_missing.sum()))[:_MOST_COLUMNS]
    chosen = [column for column in chosen if not column.is_missing.all()]
    pairs = []
    for one, other in combinations(chosen, 2):
        table = contingency(one.is_missing.astype(np.int64), other.is_missing.astype(np.int64), 2, 2)
        strength = intervals.cramers_v(table)
        if strength.low > 0.0:
            pairs.append(Association(one.name, other.name, "Cramér's V", strength, one.n))
    return tuple(sorted(pairs, key=lambda pair: -pair.strength.value)[:_MOST_PAIRS])
