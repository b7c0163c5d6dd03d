"""Time and peak memory of the split, beside scikit-learn's splitters on the same rows in the same run.

    python benchmarks/split_speed.py [ROWS]      (default: 10000000)

Each case runs in a process of its own; the peak is what the process grew by over the arrays it was given.
scikit-learn cuts one part a call, so that its time is that of two calls. It has no splitter by time, nor one that
keeps groups and time; its group splitter does not look at the target.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from time import perf_counter

import numpy as np


def rows(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, groups (one a three rows) and times."""
    random = np.random.default_rng(0)
    return (random.random(n) < 0.2).astype(float), random.integers(0, n * 3 // 10, n), random.random(n)


def tenure_split(case: str, y: np.ndarray, group: np.ndarray, time: np.ndarray) -> None:
    from tenure.prepare.split import assign_parts

    given = {
        "stratified": {},
        "time": {"time": time},
        "group": {"group": group},
        "group and time": {"group": group, "time": np.floor(time * 12)},
    }
    assign_parts(y, validation=0.2, test=0.2, seed=0, task="binary", **given[case])


def peer_split(case: str, y: np.ndarray, group: np.ndarray) -> None:
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    index = np.arange(len(y))
    if case == "stratified":
        rest, _ = train_test_split(index, test_size=0.2, stratify=y, random_state=0)
        train_test_split(rest, test_size=0.25, stratify=y[rest], random_state=0)
        return
    rest, _ = next(GroupShuffleSplit(1, test_size=0.2, random_state=0).split(index, groups=group))
    next(GroupShuffleSplit(1, test_size=0.25, random_state=0).split(rest, groups=group[rest]))


def measure(tool: str, case: str, n: int) -> None:
    y, group, time = rows(n)
    tenure_split("stratified", y[:100], group[:100], time[:100])  # imports
    peer_split("stratified", y[:100], group[:100])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = perf_counter()
    if tool == "tenure":
        tenure_split(case, y, group, time)
    else:
        peer_split(case, y, group)
    seconds = perf_counter() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{seconds:.3f} {grown / 1024:.0f}")


def run(tool: str, case: str, n: int) -> tuple[float, float]:
    command = [sys.executable, __file__, "--measure", tool, case, str(n)]
    seconds, grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(grown)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"{n:,} rows, {n * 3 // 10:,} groups")
    print(f"{'split':<16}{'seconds':>9}{'MiB':>7}{'bytes/row':>11}{'peer s':>9}{'peer MiB':>10}{'ratio':>7}")
    for case in ("stratified", "time", "group", "group and time"):
        seconds, grown = run("tenure", case, n)
        line = f"{case:<16}{seconds:>9.2f}{grown:>7.0f}{grown * 2**20 / n:>11.0f}"
        if case in ("stratified", "group"):
            peer, peer_grown = run("peer", case, n)
            line += f"{peer:>9.2f}{peer_grown:>10.0f}{seconds / peer:>7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
