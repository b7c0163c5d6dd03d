"""The share of `tenure run`'s wall time that is spent inside the candidates' own fit and predict calls.

    python benchmarks/run_share.py TABLE.csv --target COLUMN [--budget 60s] [...]

Runs the command in a process of its own, in a new folder, and takes the wall time from outside, so that
imports and start-up count as ours. Goal: at least 85 %. The rest is listed by stage.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 0.85


def main() -> None:
    table, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tenure", "run", str(Path(table).resolve()), *options]
        command += ["--project", str(Path(folder) / "project"), "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - started
    seconds = json.loads(done.stdout)["seconds"]
    inside = seconds["candidates"]
    print(f"wall time                    {wall:7.2f} s")
    print(f"inside fit and predict       {inside:7.2f} s   {inside / wall:6.1%} (goal: at least {GOAL:.0%})")
    print(f"start-up and imports         {wall - seconds['total']:7.2f} s")
    print(f"prepare                      {seconds['prepare']:7.2f} s")
    print(f"train, outside the candidates{seconds['train'] - inside:7.2f} s")
    print(f"evaluate and release         {seconds['evaluate']:7.2f} s")
    print(f"register                     {seconds['register']:7.2f} s")


if __name__ == "__main__":
    main()
