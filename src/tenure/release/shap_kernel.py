"""Path-dependent TreeSHAP, compiled: blocks of rows walk every edge of a tree once, side by side.

A leaf with the value v whose path splits on m different features adds to the Shapley value of feature i

    v (o_i - z_i) * integral from 0 to 1 over t of the product over j != i of (t o_j + (1 - t) z_j)

where z_j is the share of the training rows that pass the path's splits on feature j, and o_j is 1 if the row does,
else 0: the integral of t^s (1 - t)^(m - 1 - s) is the Shapley weight of s features among m. The integrand is a
polynomial of degree m - 1, so that m / 2 Gauss-Legendre nodes give it exactly. The products are carried down a
tree node by node and the sums over leaves up, as in Linear TreeSHAP (Yu et al., 2022, "Linear TreeShap", NeurIPS),
whose polynomials are here held by their values at those nodes: all factors are positive, so nothing cancels.
A row costs (edges x nodes), whatever the rows beside it are, and gets the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from tenure.release.row_blocks import BLOCK

_ZERO = 1e-35
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile at first use; the code is kept on disk where any folder for it can be written."""
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


@compiled
def decide(x, threshold, goes_left, missing_left, missing, sets, bounds, passes):  # type: ignore[no-untyped-def]
    """Whether each row of a block takes the edge, by LightGBM's rules; x: shape (BLOCK,)."""
    if missing < 0:
        low, high = bounds[int(threshold)], bounds[int(threshold) + 1]
        for r in range(BLOCK):
            left = False
            if x[r] > -1.0 and x[r] < 32.0 * (high - low):
                level = int(x[r])
                left = ((sets[low + level // 32] >> np.uint32(level % 32)) & np.uint32(1)) != 0
            passes[r] = 1.0 if left == goes_left else 0.0
        return
    for r in range(BLOCK):
        value = x[r]
        is_nan = np.isnan(value)
        if is_nan and missing != 2:
            value = 0.0
        absent = (missing == 2 and is_nan) or (missing == 1 and value >= -_ZERO and value <= _ZERO)
        left = missing_left if absent else value <= threshold
        passes[r] = 1.0 if left == goes_left else 0.0


@compiled
def _enter(down, k, at, kept, gone, lost, now, before, repeated):  # type: ignore[no-untyped-def]
    """Carry the products over an edge; kept, gone, lost: factors while the row passes, as it fails, and after."""
    source, target = down[at - 1, k], down[at, k]
    if repeated:
        for r in range(BLOCK):
            factor = kept if now[r] > 0.5 else gone
            target[r] = source[r] * (factor if before[r] > 0.5 else lost)
    else:
        for r in range(BLOCK):
            target[r] = source[r] * (kept if now[r] > 0.5 else gone)


@compiled
def _leave(up, at, kept, gone, kept_above, now, before, repeated, phi, q):  # type: ignore[no-untyped-def]
    """Add what the leaves below an edge do for its feature, and hand their sum on to the edge above."""
    for k in range(q):
        below, target = up[at, k], up[at - 1, k]
        a, b, c = kept[k], gone[k], kept_above[k]
        if repeated:
            for r in range(BLOCK):
                weight = (a if now[r] > 0.5 else b) - (c if before[r] > 0.5 else b)
                phi[r] += below[r] * weight
        else:
            for r in range(BLOCK):
                phi[r] += below[r] * (a if now[r] > 0.5 else b)
        for r in range(BLOCK):
            target[r] += below[r]


@compiled
def add_contributions(  # type: ignore[no-untyped-def]  # noqa: PLR0912 (one loop: a call an edge would cost as much as its work)
    x, phi, first, nodes, t, w, feature, threshold, goes_left, missing_left, missing, depth, above, share,
    share_above, value, is_leaf, sets, bounds, deepest,
):  # fmt: skip
    """Add the Shapley values of all trees to phi.

    x: shape (n_blocks, d, BLOCK).  phi: shape (n_blocks, n_outputs, d, BLOCK); tree i answers for output
    i modulo n_outputs.  t, w: Gauss-Legendre nodes and weights on [0, 1], row q for q nodes.  The rest: see Edges.
    """
    n_outputs = phi.shape[1]
    most = int(nodes.max())
    longest = int((first[1:] - first[:-1]).max())
    stay, lose, kept = np.empty((longest, most)), np.empty((longest, most)), np.empty((longest, most))
    gone = np.empty(most)
    down, up = np.empty((deepest + 1, most, BLOCK)), np.empty((deepest + 1, most, BLOCK))
    on = np.ones((deepest + 1, BLOCK))
    stack = np.zeros(deepest + 1, dtype=np.int64)
    for tree in range(len(nodes)):
        start, stop, q = first[tree], first[tree + 1], nodes[tree]
        for k in range(q):
            gone[k] = -1.0 / (1.0 - t[q, k])
            for e in range(start, stop):
                z, z_above = share[e], share_above[e]
                whole = t[q, k] + (1.0 - t[q, k]) * z_above
                stay[e - start, k] = (t[q, k] + (1.0 - t[q, k]) * z) / whole
                lose[e - start, k] = (1.0 - t[q, k]) * z / whole
                kept[e - start, k] = (1.0 - z) / (t[q, k] + (1.0 - t[q, k]) * z)
        for block in range(x.shape[0]):
            rows, out = x[block], phi[block, tree % n_outputs]
            for k in range(q):
                for r in range(BLOCK):
                    down[0, k, r] = w[q, k]
            top = 0
            for e in range(start, stop + 1):
                at = depth[e] if e < stop else 1
                while top >= at:
                    done = stack[top]
                    over = above[done]
                    over_kept = kept[stack[over] - start]
                    _leave(up, top, kept[done - start], gone, over_kept, on[top], on[over], over > 0,
                           out[feature[done]], q)  # fmt: skip
                    top -= 1
                if e == stop:
                    break
                over = above[e]
                decide(
                    rows[feature[e]],
                    threshold[e],
                    goes_left[e],
                    missing_left[e],
                    missing[e],
                    sets,
                    bounds,
                    on[at],
                )
                if over > 0:
                    for r in range(BLOCK):
                        on[at, r] *= on[over, r]
                lost = share[e] / share_above[e]
                for k in range(q):
                    _enter(
                        down, k, at, stay[e - start, k], lose[e - start, k], lost, on[at], on[over], over > 0
                    )
                weight = value[e]
                if is_leaf[e]:
                    for k in range(q):
                        for r in range(BLOCK):
                            up[at, k, r] = weight * down[at, k, r]
                else:
                    for k in range(q):
                        for r in range(BLOCK):
                            up[at, k, r] = 0.0
                stack[at] = e
                top = at
