"""How long `tenure --help` takes, against `python -c pass` with the same interpreter. Goal: at most 5x.

python benchmarks/cli_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 30
GOAL = 5.0


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    tenure = str(Path(sys.executable).with_name("tenure"))
    commands = {"python -c pass": [sys.executable, "-c", "pass"], "tenure --help": [tenure, "--help"]}
    for command in commands.values():
        seconds(command)
    # alternating, so that whatever else the machine does falls on both
    rounds = [{name: seconds(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in commands}
    for name, median in medians.items():
        print(f"{name:<16} {1000 * median:6.1f} ms")
    ratio = medians["tenure --help"] / medians["python -c pass"]
    print(f"ratio {ratio:.2f} (goal: at most {GOAL:g})")


if __name__ == "__main__":
    main()
