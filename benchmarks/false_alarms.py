"""How often drift alarms are false, and how often a real shift is found.

    python benchmarks/false_alarms.py [--repetitions 400] [--json]

A table of 20 columns, some of them correlated, skewed, discrete, with rare levels and missing values, is
drawn as reference and drawn again as live rows. Without a shift, a check may raise any alarm in at most 5 %
of the runs (the configured rate); "significant" leaves out the demand that a shift be material as well. Exits
with 1 if a rate is above 5 % by more than its own noise.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time

import numpy as np

from tenure.monitor.drift import measure_drift
from tenure.monitor.samples import LevelSample, NumberSample, Sample

FALSE_ALARMS = 0.05
REFERENCE_ROWS = 5000
LIVE_ROWS = (30, 100, 500, 2000, 20_000)
SHIFTS = ("none", "mean by half a deviation", "a level from 20 % to 5 %", "missing from 2 % to 10 %")


def draw(rng: np.random.Generator, n: int, shift: str) -> dict[str, Sample]:
    """Twenty columns of n rows; the shift is in one of them."""
    base = rng.normal(size=(n, 6))
    base[:, 1] = 0.8 * base[:, 0] + 0.6 * base[:, 1]
    numbers = {
        **{f"normal{i}": base[:, i] for i in range(6)},
        "skewed": rng.lognormal(3, 1, n),
        "count": rng.poisson(1.2, n).astype(float),
        "months": np.minimum(np.floor(rng.gamma(1.4, 17, n)), 72),
        "mostly zero": np.where(rng.random(n) < 0.9, 0.0, rng.exponential(2, n)),
    }
    levels = {
        **{f"even{i}": rng.integers(0, 5, n) for i in range(4)},
        "rare": rng.choice(40, n, p=_zipf(40)),
        "lone": (rng.random(n) < 0.002).astype(int),
        **{f"flag{i}": (rng.random(n) < 0.3).astype(int) for i in range(4)},
    }
    if shift == SHIFTS[1]:
        numbers["normal5"] = numbers["normal5"] + 0.5
    if shift == SHIFTS[2]:
        moved = (levels["even3"] == 0) & (rng.random(n) < 0.75)
        levels["even3"] = np.where(moved, 1 + rng.integers(0, 4, n), levels["even3"])
    missing = rng.random(n) < (0.10 if shift == SHIFTS[3] else 0.02)
    numbers["skewed"] = np.where(missing, np.nan, numbers["skewed"])
    samples: dict[str, Sample] = {name: NumberSample.of(values) for name, values in numbers.items()}
    for name, codes in levels.items():
        found, counts = np.unique(codes, return_counts=True)
        samples[name] = LevelSample(n, 0, {str(k): int(c) for k, c in zip(found, counts, strict=True)})
    return samples


def _zipf(k: int) -> np.ndarray:
    weights = 1.0 / np.arange(1, k + 1) ** 1.5
    return weights / weights.sum()


def measure(n_live: int, shift: str, repetitions: int, seed: int) -> dict[str, float]:
    """Shares of the runs with any alarm, and with any column significant."""
    rng = np.random.default_rng([seed, n_live, SHIFTS.index(shift)])
    alarms = significant = 0
    for _ in range(repetitions):
        reference = draw(rng, REFERENCE_ROWS, "none")
        kinds = {
            name: "number" if isinstance(s, NumberSample) else "category" for name, s in reference.items()
        }
        thin = {name: s.thinned() if isinstance(s, NumberSample) else s for name, s in reference.items()}
        report = measure_drift(thin, draw(rng, n_live, shift), kinds, FALSE_ALARMS)
        alarms += bool(report.alarms)
        significant += any(column.p_value < FALSE_ALARMS for column in report.columns)
    return {"alarm": alarms / repetitions, "significant": significant / repetitions}


def main() -> int:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    started = time.perf_counter()
    rows = [
        {"shift": shift, "live_rows": n, **measure(n, shift, args.repetitions, args.seed)}
        for shift in SHIFTS
        for n in LIVE_ROWS
    ]
    noise = 3 * math.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / args.repetitions)
    kept = all(row["significant"] <= FALSE_ALARMS + noise for row in rows if row["shift"] == "none")
    if args.json:
        print(
            json.dumps(
                {"false_alarms": FALSE_ALARMS, "repetitions": args.repetitions, "kept": kept, "rows": rows}
            )
        )
        return 0 if kept else 1
    print(f"20 columns, {REFERENCE_ROWS} reference rows, {args.repetitions} runs a line\n")
    print(f"{'shift':<28}{'live rows':>10}{'any alarm':>11}{'significant':>13}")
    for row in rows:
        print(f"{row['shift']:<28}{row['live_rows']:>10}{row['alarm']:>11.1%}{row['significant']:>13.1%}")
    print(f"\nfalse alarms within the configured {FALSE_ALARMS:.0%}: {'yes' if kept else 'NO'}")
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
