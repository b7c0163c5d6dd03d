"""Do the intervals of the exploration's associations cover? Share of 95 % intervals that hold the true value.

    python benchmarks/association_coverage.py [TABLES]      (default: 2000 a line)

The truth is worked out from the distribution (Cramér's V) or from a million rows (the others). At no association
the interval starts at 0 and covers by that; what is told there is how often its start is above 0, wrongly.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from scipy.stats import rankdata

from tenure.prepare.explore import intervals
from tenure.records import Estimate

Random = np.random.Generator
MARGIN = np.array([0.5, 0.3, 0.2])


def words(strength: float, n: int, random: Random) -> Estimate:
    shares = np.outer(MARGIN, MARGIN) * (1 - strength) + np.diag(MARGIN) * strength
    return intervals.cramers_v(random.multinomial(n, shares.ravel()).reshape(3, 3).astype(float))


def groups(strength: float, n: int, random: Random) -> Estimate:
    codes = (random.random(n) < 0.25).astype(np.int64)
    return intervals.rank_ratio(rankdata(random.exponential(size=n) + 2 * strength * codes), codes, 2)


def ranks(strength: float, n: int, random: Random) -> Estimate:
    x = random.normal(size=n)
    y = strength * x + math.sqrt(1 - strength**2) * random.normal(size=n)
    r = float(np.corrcoef(rankdata(np.exp(x)), rankdata(y**3))[0, 1])
    return intervals.correlation(r, n, ranks=True)


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    random = np.random.default_rng(0)
    print(f"{'measure':20}{'n':>6}{'true':>8}{'covered':>10}{'starts above 0':>16}")
    for name, draw in {"Cramér's V": words, "correlation ratio": groups, "Spearman": ranks}.items():
        for strength in (0.0, 0.1, 0.3, 0.6, 0.9):
            truth = draw(strength, 1_000_000, random).value if strength else 0.0
            for n in (200, 2000):
                found = [draw(strength, n, random) for _ in range(tables)]
                covered = np.mean([e.low <= truth <= e.high for e in found])
                above = np.mean([e.low > 0 for e in found])
                print(f"{name:20}{n:>6}{truth:>8.3f}{covered:>10.3f}{above:>16.3f}", flush=True)


if __name__ == "__main__":
    main()
