"""A decision threshold for each group, so that a difference is within its limit at the least loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from tenure.model.fairness.limited import RATES_OF
from tenure.model.fairness.rates import Floats, Words
from tenure.model.threshold import ThresholdRule, worth_of_counts

MOST_CUTS = 200
"""Cuts that are looked at in a group, evenly over its rows."""
WINDOWS = {1: 201, 2: 41}
"""Places of the window that all groups' rates must lie in, for one rate and along each of two."""
FINEST = 0.01
"""The narrowest window."""
EXCHANGES = 41
"""How many true positives a selection may cost: so many values between 0 and 1."""


@dataclass(frozen=True, slots=True)
class _Cuts:
    """What each cut of one group brings. at: thresholds.  rates: shape (n_rates, n_cuts).  tp, fp: by weight."""

    name: str
    at: Floats
    rates: Floats
    tp: Floats
    fp: Floats


def choose_by_group(
    y: Floats,
    probabilities: Floats,
    groups: Words,
    *,
    metric: str,
    limit: float,
    rule: ThresholdRule | float,
    common: float,
    least: int,
    weight: Floats | None = None,
) -> dict[str, float]:
    """Group -> threshold: of those whose rates all lie within `limit` of each other, the best by the rule.

    y, probabilities, groups: shape (n,), of rows that the model has not seen.  common: threshold of groups that are
    not compared, because a rate of theirs would rest on fewer than `least` rows; they are not in the answer.
    weight: shape (n,), what rows count in the rule; rates are shares of rows, as they are measured.
    A limit below FINEST counts as that: rates of so many rows can't be held nearer together.
    The rule's measure rises with true positives and falls with false ones, so that its optimum is among those of
    TP - a (TP + FP) for some exchange a in [0, 1]; with a given, each group is its own problem.
    """
    w = np.ones(len(y)) if weight is None else weight
    among, limit = RATES_OF[metric], max(limit, FINEST)
    free = [
        cuts
        for name in sorted(set(groups.tolist()))
        if (cuts := _cuts_of(name, groups == name, y, probabilities, w, among, least)) is not None
    ]
    if len(free) < 2:
        return {}
    bound = ~np.isin(groups.astype(str), [cuts.name for cuts in free])
    fixed = bound & (probabilities >= common)
    counts = (float((w * y)[fixed].sum()), float((w * (1 - y))[fixed].sum()))
    totals = (float((w * y).sum()), float(w.sum()))
    exchanges = np.linspace(0.0, 1.0, EXCHANGES) if isinstance(rule, str) else np.array([float(rule)])
    places = np.linspace(0.0, max(0.0, 1.0 - limit), WINDOWS[len(among)])
    best: tuple[float, list[int]] | None = None
    for low in product(places, repeat=len(among)):
        chosen = [_best_within(cuts, np.array(low), limit, exchanges) for cuts in free]
        if any(c is None for c in chosen):
            continue
        picks = np.array(chosen)  # (n_groups, n_exchanges)
        tp = counts[0] + sum(cuts.tp[row] for cuts, row in zip(free, picks, strict=True))
        fp = counts[1] + sum(cuts.fp[row] for cuts, row in zip(free, picks, strict=True))
        worth = worth_of_counts(rule, tp, fp, *totals)
        at = int(np.argmax(worth))
        if best is None or worth[at] > best[0] + 1e-12:
            best = (float(worth[at]), picks[:, at].tolist())
    assert best is not None  # nobody is selected anywhere: that keeps every limit
    return {cuts.name: float(cuts.at[k]) for cuts, k in zip(free, best[1], strict=True)}


def _cuts_of(
    name: str,
    inside: np.ndarray,
    y: Floats,
    probabilities: Floats,
    w: Floats,
    among: Sequence[str | int],
    least: int,
) -> _Cuts | None:
    """The cuts of one group; None where a rate would rest on too few rows."""
    actual, p, share = y[inside], probabilities[inside], w[inside]
    counted = [np.ones(len(actual), dtype=bool) if a == "selected" else actual == a for a in among]
    if min(int(c.sum()) for c in counted) < least:
        return None
    order = np.argsort(-p, kind="stable")
    p, actual, share = p[order], actual[order], share[order]
    last = np.append(np.flatnonzero(p[:-1] != p[1:]), len(p) - 1)  # the last row of each tie
    if len(last) > MOST_CUTS:
        last = last[np.unique(np.linspace(0, len(last) - 1, MOST_CUTS).astype(np.int64))]
    below = np.append(p, 0.0)[last + 1]
    at = (p[last] + below) / 2.0
    rates = np.stack([np.cumsum(c[order])[last] / c.sum() for c in counted])
    tp, fp = np.cumsum(share * actual)[last], np.cumsum(share * (1 - actual))[last]
    nobody = (1.0 + p[0]) / 2.0 if p[0] < 1.0 else np.nextafter(1.0, 2.0)
    return _Cuts(
        name,
        np.append(nobody, at),
        np.column_stack([np.zeros(len(among)), rates]),
        np.append(0.0, tp),
        np.append(0.0, fp),
    )


def _best_within(cuts: _Cuts, low: Floats, limit: float, exchanges: Floats) -> np.ndarray | None:
    """For each exchange the cut with the largest TP - a (TP + FP) whose rates lie in the window; None without any."""
    inside = np.all(
        (cuts.rates >= low[:, None] - 1e-12) & (cuts.rates <= low[:, None] + limit + 1e-12), axis=0
    )
    able = np.flatnonzero(inside)
    if not len(able):
        return None
    values = cuts.tp[able][None] - exchanges[:, None] * (cuts.tp + cuts.fp)[able][None]
    return np.asarray(able[np.argmax(values, axis=1)])
