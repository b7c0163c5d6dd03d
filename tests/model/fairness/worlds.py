"""Simulated decisions about people of several groups."""

from __future__ import annotations

import numpy as np

from tenure.model.fairness.rates import Judged, Words


def make_judged(n: int = 2000, unfair: float = 0.0, seed: int = 0) -> tuple[Judged, dict[str, Words]]:
    """Rows of two columns of groups. unfair: how much lower the scores of group b are than they should be."""
    rng = np.random.default_rng(seed)
    groups = {
        "one": np.array(["a", "b"], dtype=object)[rng.integers(0, 2, n)],
        "two": np.array(["x", "y", "z"], dtype=object)[rng.choice(3, n, p=[0.6, 0.395, 0.005])],
    }
    y = (rng.random(n) < 0.4).astype(float)
    p = np.clip(0.35 + 0.3 * y + rng.normal(0, 0.2, n) - unfair * (groups["one"] == "b"), 0.01, 0.99)
    decided = (p >= 0.5).astype(np.int64)
    benefit = np.where(decided == 1, np.where(y == 1, 1.0, -1.0), 0.0)
    return Judged("binary", ("no", "yes"), y, np.column_stack([1 - p, p]), decided, benefit), groups
