"""Are explanations stable? Those of the released model beside those of fits on other rows, on the same rows.

moved: the share of all importance that another fit gives to other columns, half the sum of the absolute differences
of the shares (the total variation distance). It does not mind that two columns that are alike swap places.
ranks: the agreement of the order of the columns, by Vigna's weighted tau (2015, "A weighted correlation index for
rankings with ties"), in which the strongest count most; 1 is the same order.
same_sign: of a column, the share of its absolute effect on rows where the other fit's effect has the same sign.

Fits on folds share most of their rows, so that a model fitted on quite other rows would differ more than this tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

TOLD = 10
"""Columns whose signs are told."""
NOTABLE = 0.1
"""The share of all importance from which on a column's sign is judged."""
MOST_MOVED = 0.2
"""More importance than this moving to other columns is not stable (the median over the fits)."""
LEAST_SAME_SIGN = 0.75


def compare_fits(names: Sequence[str], released: Float64, others: Sequence[Float64]) -> dict[str, Any]:
    """How alike the effects of other fits are, as JSON data.

    released: effects on the score, shape (n, d), d columns by these names.  others: of the other fits, on the same
    rows and the same outcome.
    """
    shares = _shares(released)
    if not shares.any():
        return unmeasured("no column has an effect")
    moved = [float(np.abs(_shares(other) - shares).sum() / 2) for other in others]
    ranks = [_rank_agreement(shares, _shares(other)) for other in others]
    order = [int(j) for j in np.argsort(-shares, kind="stable") if shares[j] > 0.0][:TOLD]
    columns = [
        {
            "column": names[j],
            "share": float(shares[j]),
            "lowest_share": min(float(_shares(other)[j]) for other in others),
            "highest_share": max(float(_shares(other)[j]) for other in others),
            "same_sign": float(np.mean([_same_sign(released[:, j], other[:, j]) for other in others])),
        }
        for j in order
    ]
    return {
        "measured": True,
        "fits": len(others),
        "rows": len(released),
        "moved": {"median": float(np.median(moved)), "most": max(moved)},
        "ranks": {"median": float(np.median(ranks)), "least": min(ranks)},
        "columns": columns,
    }


def unmeasured(why: str) -> dict[str, Any]:
    """What stands in place of a comparison that could not be made."""
    return {"measured": False, "why": why}


def doubts_of(stability: Mapping[str, Any]) -> list[str]:
    """Why explanations are not stable, in words; [] where they are, or where it was not measured."""
    if not stability.get("measured"):
        return []
    found = []
    moved = stability["moved"]["median"]
    if moved > MOST_MOVED:
        found.append(
            f"fitted on other rows, {moved:.0%} of the importance lies on other columns "
            f"(median of {stability['fits']} fits)"
        )
    found += [
        f"only {c['same_sign']:.0%} of the effect of {c['column']!r} keeps its sign in fits on other rows"
        for c in stability["columns"]
        if c["share"] >= NOTABLE and c["same_sign"] < LEAST_SAME_SIGN
    ]
    return found


def _shares(effects: Float64) -> Float64:
    sizes = np.abs(effects).mean(axis=0)
    total = float(sizes.sum())
    return np.asarray(sizes / total if total > 0.0 else sizes)


def _rank_agreement(first: Float64, second: Float64) -> float:
    from scipy.stats import weightedtau

    if len(first) < 2:
        return 1.0
    found = float(weightedtau(first, second).statistic)
    # all equal in one of them: there is no order to agree with
    return found if np.isfinite(found) else 0.0


def _same_sign(first: Float64, second: Float64) -> float:
    sizes = np.abs(first)
    total = float(sizes.sum())
    return float(sizes[np.sign(first) == np.sign(second)].sum() / total) if total > 0.0 else 1.0
