"""How often the 95 % intervals of the metrics hold the true value, over simulated test parts.

    python benchmarks/interval_coverage.py [--repetitions 1000]

A model with known behaviour scores rows drawn from a known world; the true value of each metric is taken on
two million rows. Prints, for each number of rows, the share of intervals that hold it: 95 % is wanted. The
interval of the calibration error is made to hold at least that.
"""

from __future__ import annotations

import argparse

import numpy as np

from tenure.release.metrics import METRICS as CLASSES
from tenure.release.metrics import classification_metrics, compare, influence_for, regression_metrics

METRICS = [*CLASSES["binary"], "auc_gain", "log_loss_gain", "rmse", "r2"]


def draw_world(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Labels, a fifth positive; scores of an overconfident model and of a worse one; a number, its guess."""
    signal = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-(1.5 * signal - 1.8)))).astype(np.float64)
    p = 1 / (1 + np.exp(-(1.9 * signal - 1.8)))
    worse = 1 / (1 + np.exp(-(1.2 * (signal + 0.4 * rng.normal(size=n)) - 1.6)))
    number = signal + rng.standard_t(6, size=n)
    return y, p, worse, number, signal


def values_of(n: int, rng: np.random.Generator) -> dict:
    y, p, worse, number, guess = draw_world(n, rng)
    found = dict(classification_metrics(y, p))
    found["auc_gain"] = compare("binary", y, worse, p, "roc_auc")
    found["log_loss_gain"] = compare("binary", y, worse, p, "log_loss")
    return {**found, **regression_metrics(number, guess)}


def true_values(rng: np.random.Generator) -> dict[str, float]:
    y, p, worse, number, guess = draw_world(2_000_000, rng)
    found = {name: estimate.value for name, estimate in classification_metrics(y, p).items()}
    for name, metric in (("auc_gain", "roc_auc"), ("log_loss_gain", "log_loss")):
        found[name] = abs(
            influence_for("binary", y, p, metric).value - influence_for("binary", y, worse, metric).value
        )
    return {**found, **{name: e.value for name, e in regression_metrics(number, guess).items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    truth = true_values(np.random.default_rng(0))
    print("rows   " + " ".join(f"{name:>17}" for name in METRICS))
    print("truth  " + " ".join(f"{truth[name]:17.4f}" for name in METRICS))
    for n in (100, 300, 1000, 5000):
        rng = np.random.default_rng(n)
        runs = [values_of(n, rng) for _ in range(repetitions)]
        held = {m: [run[m].low <= truth[m] <= run[m].high for run in runs if m in run] for m in METRICS}
        shares = [np.mean(held[m]) for m in METRICS]
        print(f"{n:<6} " + " ".join(f"{share:17.3f}" for share in shares))


if __name__ == "__main__":
    main()
