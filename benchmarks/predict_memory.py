"""Peak memory and speed of `tenure predict` as the table grows. Goal: it does not grow with the rows.

    python benchmarks/predict_memory.py [ROWS ...]      (default: 100000 400000 1600000)

Trains a small model on simulated customers, then scores the same live rows repeated to each length. Printed
beside it: the peak of a process that does no more than read the same file with Polars, all at once.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tenure.simulate.telecom import simulate

READ = "import polars, sys; polars.read_csv(sys.argv[1], infer_schema=False)"


def peak_and_seconds(command: list[str]) -> tuple[float, float]:
    """Peak resident MiB and wall seconds of a command."""
    done = subprocess.run(["/usr/bin/time", "-v", *command], capture_output=True, text=True, check=True)
    peak = int(re.findall(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)[-1]) / 1024
    clock = re.findall(r"\(h:mm:ss or m:ss\): ([\d:.]+)", done.stderr)[-1]
    seconds = sum(float(part) * 60**i for i, part in enumerate(reversed(clock.split(":"))))
    return peak, seconds


def main() -> None:
    lengths = [int(argument) for argument in sys.argv[1:]] or [100_000, 400_000, 1_600_000]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        world = simulate(root / "data", customers=5000, months=1)
        project = str(root / "project")
        tenure = [sys.executable, "-m", "tenure"]
        options = ["--target", "churned", "--id", "customer_id", "--budget", "10s", "--project", project]
        subprocess.run([*tenure, "run", str(world.customers), *options], check=True, capture_output=True)
        header, *rows = world.live[0].read_text().splitlines(keepends=True)
        print(f"{'rows':>10}  {'MB':>6}  {'peak MiB':>8}  {'rows/s':>8}  {'read at once, peak MiB':>22}")
        for length in lengths:
            table = root / "live.csv"
            with table.open("w") as file:
                file.write(header)
                for _ in range(length // len(rows)):
                    file.writelines(rows)
            n_rows = length // len(rows) * len(rows)
            scoring = [*tenure, "predict", str(table), str(root / "out.csv"), "--project", project]
            peak, seconds = peak_and_seconds(scoring)
            reading, _ = peak_and_seconds([sys.executable, "-c", READ, str(table)])
            size = table.stat().st_size / 1e6
            print(
                f"{n_rows:>10,}  {size:>6.0f}  {peak:>8.0f}  {n_rows / seconds:>8,.0f}  {reading:>22.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
